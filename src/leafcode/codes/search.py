"""Nearest codewords in float32, and where float32 cannot be sure of them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from leafcode.products import linear
from leafcode.quantizers import ResidualQuantizer
from leafcode.quantizers.kmeans import masked

_ROUNDING = 2.0**-17
"""Share of the squared lengths at hand by which two distances must differ before float32 is believed, for
latents that are exact: many times what the sums of a matrix product are off by."""
_SAFETY = 4.0
"""Products may be off by so many times as much as those of a sample."""
_SAMPLE = 16
"""Codewords of a level that are multiplied to see how exact products are."""
_NEVER = 1e30
"""Distance of a codeword that is not to be chosen."""


class SearchLevel(NamedTuple):
    """A level in float32: the scores of residuals r are r · towards + bias, the smallest is the nearest."""

    codebook: Tensor
    """(K, D)"""
    towards: Tensor
    """(K, D): what a residual is multiplied by, -2 · metric · codewords."""
    squares: Tensor
    """(K, D): metric · codewords²."""
    offset: Tensor
    """(K,) what is added; `_NEVER` for a codeword that an earlier one equals."""
    bias: Tensor
    """(K,) the offset, and the squared length of the codeword."""
    longest: float
    """Largest squared length of a codeword."""
    error: float
    """By how much products are off, in lengths of what is multiplied: bfloat16 and TF32 may be allowed."""
    steepest: float | None
    """Largest weight of the metric; None if the metric is that of the level before."""
    places: Tensor
    """(K,): B, B + 1, …"""
    first: float
    """B, the power of two from K on: a single place is less than 2 · B, several together are not."""


class ResidualSearch:
    """Codes of latents, and whether they are certain.

    A level is a matrix product and the smallest of K numbers. To ask *which* is smallest takes longer than
    the product. So all numbers are compared with the smallest and what float32 can be wrong about: if one
    alone is below, a sum tells which, and it is certain.

    Args:
        quantizer: The quantiser; its weights are copied in float32.
        error: Length by which the latents may be off, in lengths of the latents.

    Attributes:
        levels: What each level multiplies and adds.

    Example:
        >>> quantizer = ResidualQuantizer(dim=1, sizes=(2,))
        >>> _ = quantizer.codebooks[0].data.copy_(torch.tensor([[0.0], [1.0]]))
        >>> codes, certain = ResidualSearch(quantizer)(torch.tensor([[0.1], [0.5], [0.9]]))
        >>> codes.ravel().tolist()[::2], certain.tolist()
        ([0, 1], [True, False, True])
    """

    def __init__(self, quantizer: ResidualQuantizer, error: float = 0.0) -> None:
        self.levels: list[SearchLevel] = []
        before = None
        for codebook, metric, offset in quantizer.levels:
            level = _level(codebook.detach().float(), metric.float(), offset)
            same = before is not None and torch.equal(metric, before)
            self.levels.append(level._replace(steepest=None) if same else level)
            before = metric
        # To be off by e · |r| moves the difference of two distances by 4 · e · |r| · |c|, at most.
        product = max(_SAFETY * level.error for level in self.levels)
        self._noise = max(_ROUNDING, 2 * product) + 2 * error

    @torch.no_grad()
    def __call__(self, latents: Tensor, known: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Search all levels.

        Args:
            latents: float32 (n, D).
            known: As in `ResidualQuantizer.encode`.

        Returns:
            int64 (n, L) codes; bool (n,), False where another codeword was about as near at some level.
        """
        known = None if known is None else known.to(latents.dtype)
        residual, length = masked(latents, known), latents.new_zeros(())
        certain = torch.ones(len(latents), dtype=torch.bool, device=latents.device)
        codes: list[Tensor] = []
        for place, level in enumerate(self.levels):
            if place > 0:
                codeword = self.levels[place - 1].codebook.index_select(0, codes[-1])
                residual = masked(torch.sub(residual, codeword, out=codeword), known)
            if level.steepest is not None:
                length = torch.linalg.vector_norm(residual, dim=1).square_().mul_(level.steepest)
            scores = linear(residual, level.towards, level.bias if known is None else level.offset)
            if known is not None:
                scores += linear(known, level.squares)
            best = scores.amin(1)
            most = torch.add(best, length, alpha=self._noise).add_(self._noise * level.longest)
            index = scores.le_(most[:, None]).mul_(level.places).sum(1).sub_(level.first)
            certain &= index.abs() < level.first
            codes.append(index.clamp_(0, len(level.places) - 1).long())
            length = (length + best).clamp_min_(0)  # of what is left over, under the same metric
        return torch.stack(codes, dim=1), certain


def _level(codebook: Tensor, metric: Tensor, offset: Tensor | None) -> SearchLevel:
    squares = codebook.square() * metric
    lengths = squares.sum(1)
    first = first_equal(codebook)
    index = torch.arange(len(codebook), device=codebook.device)
    # None below zero, so that what is left over is not taken to be shorter than it is.
    dearer = torch.zeros_like(lengths) if offset is None else (offset - offset.min()).float()
    offset = torch.where(first == index, dearer, _NEVER)
    beyond = 2.0 ** (len(codebook) - 1).bit_length()
    return SearchLevel(
        codebook,
        codebook * metric * -2,
        squares,
        offset,
        offset + lengths,
        float(lengths.max()),
        _product_error(codebook),
        float(metric.max()),
        index + beyond,
        beyond,
    )


def _product_error(codebook: Tensor) -> float:
    """Largest error of the products of some codewords with all, over that of their lengths."""
    exact, rows = codebook.cpu().double(), slice(_SAMPLE)
    lengths = exact.norm(dim=1).clamp_min(1e-30)
    error = linear(codebook[rows], codebook).cpu().double() - exact[rows] @ exact.T
    return float((error / lengths[rows, None] / lengths).abs().max())


def first_equal(codebook: Tensor) -> Tensor:
    """int64 (K,): the smallest index with the same codeword, for which of equals is nearest is rounding."""
    _, group = torch.unique(codebook, dim=0, return_inverse=True)
    index = torch.arange(len(codebook), device=codebook.device)
    first = torch.full_like(index, len(codebook)).scatter_reduce_(0, group, index, "amin")
    return first[group]

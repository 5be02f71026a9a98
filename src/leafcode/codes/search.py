"""Nearest codewords in float32, and where float32 cannot be sure of them."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from leafcode.quantizers import ResidualQuantizer

_ROUNDING = 2.0**-17
"""Share of the squared lengths at hand by which two distances must differ before float32 is believed, for
latents that are exact: many times what the sums of a matrix product are off by."""
_PACKED = 4096
"""Up to so many codewords, the index of one fits into the last bits of its distance."""
_NEVER = 1e30
"""Distance of a codeword that is not to be chosen."""


class _Level(NamedTuple):
    codebook: Tensor
    """(K, D)"""
    towards: Tensor
    """(D, K): what a residual is multiplied by, -2 · metric · codewords."""
    squares: Tensor
    """(D, K): metric · codewords²."""
    offset: Tensor
    """(K,) what is added; `_NEVER` for a codeword that an earlier one equals."""
    bias: Tensor
    """(K,) the offset, and the squared length of the codeword."""
    longest: float
    """Largest squared length of a codeword."""
    steepest: float | None
    """Largest weight of the metric; None if the metric is that of the level before."""
    places: Tensor
    """int32 (K,): 0, 1, …"""
    mask: int
    """Bits that hold an index; 0 if there are too many codewords."""


class ResidualSearch:
    """Codes of latents, and whether they are certain.

    A level is a matrix product and the smallest of K numbers. Finding *which* is smallest takes longer than
    the product, so the index is first written over the last bits of each number: the smallest then tells its
    index. The second smallest tells whether it was close.

    Args:
        quantizer: The quantiser; its weights are copied in float32.
        error: Length by which the latents may be off, in lengths of the latents.

    Example:
        >>> quantizer = ResidualQuantizer(dim=1, sizes=(2,))
        >>> _ = quantizer.codebooks[0].data.copy_(torch.tensor([[0.0], [1.0]]))
        >>> codes, certain = ResidualSearch(quantizer)(torch.tensor([[0.1], [0.5], [0.9]]))
        >>> codes.ravel().tolist()[::2], certain.tolist()
        ([0, 1], [True, False, True])
    """

    def __init__(self, quantizer: ResidualQuantizer, error: float = 0.0) -> None:
        # To be off by e · |r| moves the difference of two distances by 4 · e · |r| · |c|, at most.
        self._noise = _ROUNDING + 2 * error
        self._kept = [torch.empty(0)] * 3
        self._levels, before = [], None
        for codebook, metric, offset in quantizer.levels:
            level = _level(codebook.detach().float(), metric.float(), offset)
            same = before is not None and torch.equal(metric, before)
            self._levels.append(level._replace(steepest=None) if same else level)
            before = metric

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
        residual, squared = self._buffers(latents, latents.shape[1], 2)
        torch.mul(latents, 1 if known is None else known, out=residual)
        length, codes = residual.new_zeros(()), []
        certain = torch.ones(len(latents), dtype=torch.bool, device=latents.device)
        for level in self._levels:
            bias = level.bias
            if known is not None:
                bias = level.offset + known @ level.squares
            (scores,) = self._buffers(latents, len(level.places), 1, first=2)
            torch.addmm(bias, residual, level.towards, out=scores)
            if level.mask:
                scores.view(torch.int32).bitwise_and_(~level.mask).bitwise_or_(level.places)
                best = scores.amin(1)
                index = best.view(torch.int32).bitwise_and(level.mask).long()
            else:
                best, index = scores.min(1)
            scores.scatter_(1, index[:, None], math.inf)
            second = scores.amin(1)
            if level.steepest is not None:
                length = torch.mul(residual, residual, out=squared).sum(1) * level.steepest
            noise = self._noise * (length + level.longest)
            if level.mask:
                noise += 2.0**-23 * (level.mask + 1) * (best.abs() + second.abs())
            certain &= second - best > noise
            length = (length + best).clamp_min_(0)  # of what is left over, under the same metric
            residual -= level.codebook.index_select(0, index)
            if known is not None:
                residual *= known
            codes.append(index)
        return torch.stack(codes, dim=1), certain

    def _buffers(self, latents: Tensor, width: int, count: int, first: int = 0) -> list[Tensor]:
        """Arrays (n, width) that are used again and again: to fill fresh memory takes as long as a level."""
        found = []
        for place in range(first, first + count):
            if self._kept[place].numel() < len(latents) * width:
                self._kept[place] = latents.new_empty(len(latents) * width)
            found.append(self._kept[place][: len(latents) * width].view(-1, width))
        return found


def _level(codebook: Tensor, metric: Tensor, offset: Tensor | None) -> _Level:
    squares = (codebook.square() * metric).T.contiguous()
    lengths = squares.sum(0)
    first = first_equal(codebook)
    index = torch.arange(len(codebook), device=codebook.device)
    dearer = torch.zeros_like(lengths) if offset is None else offset.float()
    offset = torch.where(first == index, dearer, _NEVER)
    return _Level(
        codebook,
        (codebook * metric * -2).T.contiguous(),
        squares,
        offset,
        offset + lengths,
        float(lengths.max()),
        float(metric.max()),
        index.int(),
        2 ** (len(codebook) - 1).bit_length() - 1 if len(codebook) <= _PACKED else 0,
    )


def first_equal(codebook: Tensor) -> Tensor:
    """int64 (K,): the smallest index with the same codeword, for which of equals is nearest is rounding."""
    _, group = torch.unique(codebook, dim=0, return_inverse=True)
    index = torch.arange(len(codebook), device=codebook.device)
    first = torch.full_like(index, len(codebook)).scatter_reduce_(0, group, index, "amin")
    return first[group]

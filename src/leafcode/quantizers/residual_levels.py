"""The levels of a residual quantiser, with their gradient in closed form.

With r_l what level l leaves over, m_l its metric, B the number of items, beta the commitment and c_l the
codewords chosen::

    loss         = (1 + beta) / B · sum over l and items of  m_l · r_l²
    dloss / dc_l =        -2 / B · m_l · r_l
    dloss / dx   = 2 · beta / B · sum over l of  m_l · r_l

for the codebook loss has its gradient in the codewords alone, and the commitment loss in the latents alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from leafcode.quantizers.kmeans import masked, nearest


class Levels(NamedTuple):
    """What comes of all levels; B items, L levels, D dimensions."""

    codewords: Tensor
    """(B, L, D), zero where a level does not count; with a gradient to the codebooks."""
    loss: Tensor
    """Scalar, with a gradient to codebooks and latents."""
    codes: Tensor
    """(B, L) int64"""
    errors: Tensor
    """(B, L) squared distances in the metric of the level."""


def quantize_levels(
    latents: Tensor,
    levels: Iterable[tuple[Tensor, Tensor, Tensor | None]],
    commitment: float,
    depth: Tensor | None,
    known: Tensor | None,
) -> Levels:
    """Quantise latents (B, D); arguments as those of `ResidualQuantizer` and its ``forward``."""
    codebooks, metrics, offsets = zip(*levels, strict=True)
    arguments = (latents, metrics, offsets, commitment, depth, known, *codebooks)
    return Levels(*_ResidualLevels.apply(*arguments))  # type: ignore[no-untyped-call]


class _ResidualLevels(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 (torch has no public type for it)
        latents: Tensor,
        metrics: tuple[Tensor, ...],
        offsets: tuple[Tensor | None, ...],
        commitment: float,
        depth: Tensor | None,
        known: Tensor | None,
        *codebooks: Tensor,
    ) -> tuple[Tensor, ...]:
        residual, codes, codewords, slopes, errors = masked(latents, known), [], [], [], []
        for codebook, metric, offset in zip(codebooks, metrics, offsets, strict=True):
            index, _ = nearest(residual, codebook, metric, offset, known)
            codeword = codebook.index_select(0, index)
            residual = masked(residual - codeword, known)
            slope = residual * metric
            codes.append(index)
            codewords.append(codeword)
            slopes.append(slope)
            errors.append((slope * residual).sum(1))
        stacked, distances = torch.stack(codewords, 1), torch.stack(errors, 1)
        counts = None if depth is None else _counts(depth, distances)
        if counts is not None:
            stacked *= counts[:, :, None]
        ctx.save_for_backward(counts, *codes, *slopes)
        ctx.commitment, ctx.sizes = commitment, [len(codebook) for codebook in codebooks]
        ctx.set_materialize_grads(False)
        found = torch.stack(codes, 1)
        ctx.mark_non_differentiable(found, distances)
        counted = distances if counts is None else distances * counts
        return stacked, (1 + commitment) * counted.sum() / len(latents), found, distances

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        of_codewords: Tensor | None,
        of_loss: Tensor | None,
        *_: None,
    ) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():  # with create_graph=True
            raise NotImplementedError("The residual quantiser has no second derivative.")
        counts, *saved = ctx.saved_tensors
        levels = len(ctx.sizes)
        total, to_codebooks = None, []
        for level, (index, slope, size) in enumerate(
            zip(saved[:levels], saved[levels:], ctx.sizes, strict=True)
        ):
            gradient = None if of_codewords is None else of_codewords[:, level]
            if gradient is not None and counts is not None:
                gradient = gradient * counts[:, level, None]
            if of_loss is not None:
                scale = 2 * of_loss / len(slope)
                pull = slope * (scale if counts is None else scale * counts[:, level, None])
                total = pull if total is None else total + pull
                gradient = -pull if gradient is None else gradient - pull
            if gradient is not None:
                # Not codebook[index], whose gradient several threads of a CPU sum in any order.
                gradient = gradient.new_zeros(size, gradient.shape[1]).index_add_(0, index, gradient)
            to_codebooks.append(gradient)
        to_latents = None if total is None else ctx.commitment * total
        return to_latents, None, None, None, None, None, *to_codebooks


def _counts(depth: Tensor, like: Tensor) -> Tensor:
    """Ones (B, L) where a level counts for an item, zeros elsewhere."""
    return (depth[:, None] > torch.arange(like.shape[1], device=like.device)).to(like.dtype)

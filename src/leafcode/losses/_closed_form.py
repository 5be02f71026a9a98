"""The graded contrastive loss a block of anchors at a time, with its gradient in closed form.

A block's gradient is at hand once its sums are (`leafcode.losses._pair_blocks`), and the block can be
forgotten. To most anchors most candidates are negatives: outside the window of a block nothing is left to do
but two matrix products and an exponential.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from leafcode.losses._pair_blocks import Settings, block_loss
from leafcode.losses._vectors import bits_per_cosine, through_units, units_and_lengths
from leafcode.losses.pair_relevance import PairBlock, PairRelevance
from leafcode.products import linear


def graded_pairs(
    embeddings: Tensor,
    candidates: Tensor | None,
    relevance: PairRelevance,
    pair_weights: Tensor | None,
    settings: Settings,
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean loss of the anchors that have a positive, the loss of each, and their number.

    Args:
        embeddings: Floating point (A, D), the anchors.
        candidates: Floating point (C, D); None for the anchors themselves.
        relevance: Of all pairs.
        pair_weights: (A, C) of the positives; None for equal ones.
        settings: Grades, weights and temperature.

    Returns:
        Scalar, with a gradient that can be taken once; detached (A,), NaN without a positive; int64 scalar.
    """
    trained = [given for given in (embeddings, candidates) if given is not None and given.requires_grad]
    needed = torch.is_grad_enabled() and len(trained) > 0
    arguments = (embeddings, candidates, relevance, pair_weights, settings, needed)
    loss, per_anchor, count = _GradedPairs.apply(*arguments)  # type: ignore[no-untyped-call]
    return loss, per_anchor, count


class _Side:
    """Anchors or candidates that take part, in order: unit vectors, and the gradient for them so far."""

    def __init__(self, embeddings: Tensor, order: Tensor, dtype: torch.dtype | None = None) -> None:
        self._embeddings, self._order, self.dtype = embeddings, order, embeddings.dtype
        unit, length = (part.to(dtype or part.dtype) for part in units_and_lengths(embeddings))
        self.total = unit.sum()
        self.unit, self._length = unit.index_select(0, order), length.index_select(0, order)
        self.gradient = torch.zeros_like(self.unit)

    def whole_gradient(self) -> Tensor:
        """That of all embeddings."""
        gradient = through_units(self.gradient, self.unit, self._length)
        whole = torch.zeros_like(self._embeddings, dtype=gradient.dtype)
        return whole.index_copy_(0, self._order, gradient)


class _GradedPairs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 (torch has no public type for it)
        embeddings: Tensor,
        others: Tensor | None,
        relevance: PairRelevance,
        pair_weights: Tensor | None,
        settings: Settings,
        needed: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        order_a, order_c = relevance.anchor_order, relevance.candidate_order
        anchors = candidates = _Side(embeddings, order_a)
        if others is not None:
            candidates = _Side(others, order_c, anchors.unit.dtype)
        a, c = anchors.unit, candidates.unit
        scaled = a * bits_per_cosine(settings.temperature)
        losses = a.new_zeros(len(a))
        has_positive = torch.zeros(len(a), dtype=torch.bool, device=a.device)
        size = _block_size(c)
        for start in range(0, len(a) if len(c) else 0, size):
            rows = slice(start, min(start + size, len(a)))
            similarity = linear(c, scaled[rows])
            block = PairBlock(*relevance.block(start, rows.stop))
            pulls = None
            if pair_weights is not None:
                pulls = pair_weights[order_a[None, rows], order_c[block.window, None]].to(a.dtype)
            found = block_loss(similarity, block, pulls, settings, needed)
            losses[rows], has_positive[rows] = found.losses, found.has_positive
            if needed:
                to_rows, of_rows = linear(c.T, similarity.T).T, a[rows]
                if found.scale is not None:
                    to_rows, of_rows = to_rows * found.scale, of_rows * found.scale
                anchors.gradient[rows].add_(to_rows)
                candidates.gradient.add_(linear(similarity, of_rows.T))
            del similarity  # before there is the next one
        count = has_positive.sum()
        among = count.clamp_min(1)
        if needed:
            sides = [anchors] if others is None else [anchors, candidates]
            ctx.save_for_backward(settings.temperature * among, *(side.whole_gradient() for side in sides))
            ctx.dtypes = [side.dtype for side in sides]
        per_anchor = a.new_full((len(embeddings),), math.nan)
        per_anchor[order_a] = torch.where(has_positive, losses, math.nan)
        ctx.mark_non_differentiable(per_anchor, count)
        # Items that take part in nothing, too, must be finite.
        return losses.sum() / among + 0 * (anchors.total + candidates.total), per_anchor, count

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        if torch.is_grad_enabled():  # with create_graph=True
            raise NotImplementedError("The graded contrastive loss has no second derivative.")
        divisor, *wholes = ctx.saved_tensors
        to_embeddings: list[Tensor | None] = [
            (gradient / divisor * whole).to(dtype) for whole, dtype in zip(wholes, ctx.dtypes, strict=True)
        ]
        return *to_embeddings, *[None] * (6 - len(wholes))


def _block_size(candidates: Tensor) -> int:
    """Anchors at a time: few enough for the caches of a CPU, many enough for fast matrix products.

    Of a batch of middling size, so few that their relatives are not all of it. A small one stays whole, for
    there the number of operations is what takes the time.
    """
    pairs = 2**21 if candidates.device.type == "cpu" else 2**25
    count = max(1, len(candidates))
    return 512 if count <= 512 else max(256, min(count // 4, 512, pairs // count))

"""The graded contrastive loss a block of anchors at a time, with its gradient in closed form.

With e_ij = exp(s_ij), S_ig the sum of e over the candidates that compete with grade g, w_ig the weight of the
grade in the loss of the anchor and p_ij how strongly a positive pulls, all as in `graded_contrastive_loss`::

    L_i         = sum over g of w_ig · log S_ig  -  sum over j of p_ij · s_ij
    dL_i / ds_ij = e_ij · sum over g >= grade_ij of w_ig / S_ig  -  p_ij

So a block's gradient is at hand once its sums are, and the block can be forgotten. To most anchors most
candidates are negatives, for which the inner sum is one number per anchor: outside the window of a block
nothing is left to do but two matrix products and an exponential.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from leafcode.losses.pair_relevance import PairBlock, PairRelevance

_STEEP = 40.0
"""Beyond this 1 / temperature, exp of a similarity may leave the range of float32."""
_FAR = 1e30  # beyond any similarity, and finite in float32


class Settings(NamedTuple):
    """Of the loss: grades, their weights, and the temperature."""

    grades: Sequence[float]
    weights: Sequence[float]
    temperature: float


def graded_pairs(
    anchors: Tensor,
    candidates: Tensor | None,
    relevance: PairRelevance,
    pair_weights: Tensor | None,
    settings: Settings,
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean loss of the anchors that have a positive, the loss of each, and their number.

    Args:
        anchors: Unit rows (A, D), float32 or float64.
        candidates: Unit rows (C, D) of the same dtype; None for the anchors themselves.
        relevance: Of all pairs.
        pair_weights: (A, C) of the positives; None for equal ones.
        settings: Grades, weights and temperature.

    Returns:
        Scalar, with a gradient that can be taken once; detached (A,), NaN without a positive; int64 scalar.
    """
    among = anchors if candidates is None else candidates
    needed = torch.is_grad_enabled() and (anchors.requires_grad or among.requires_grad)
    arguments = (anchors, among, relevance, pair_weights, settings, needed)
    loss, per_anchor, count = _GradedPairs.apply(*arguments)  # type: ignore[no-untyped-call]
    return loss, per_anchor, count


class _GradedPairs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 (torch has no public type for it)
        anchors: Tensor,
        candidates: Tensor,
        relevance: PairRelevance,
        pair_weights: Tensor | None,
        settings: Settings,
        needed: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        order_a, order_c = relevance.anchor_order, relevance.candidate_order
        a, c = anchors[order_a], candidates[order_c]
        scaled = a / settings.temperature
        losses = a.new_zeros(len(a))
        has_positive = torch.zeros(len(a), dtype=torch.bool, device=a.device)
        to_a, to_c = torch.zeros_like(a), torch.zeros_like(c)
        size = _block_size(c)
        buffer = a.new_empty(len(c) * min(size, len(a)))
        for start in range(0, len(a) if len(c) else 0, size):
            rows = slice(start, min(start + size, len(a)))
            similarity = buffer[: len(c) * (rows.stop - start)].view(len(c), -1)
            torch.mm(c, scaled[rows].T, out=similarity)
            block = PairBlock(*relevance.block(start, rows.stop))
            pulls = None
            if pair_weights is not None:
                pulls = pair_weights[order_a[None, rows], order_c[block.window, None]].to(a.dtype)
            losses[rows], has_positive[rows], scale = _block(similarity, block, pulls, settings, needed)
            if needed:
                torch.mm(similarity.T, c, out=to_a[rows]).mul_(scale / settings.temperature)
                to_c.addmm_(similarity, scaled[rows] * scale)
        count = has_positive.sum()
        among = count.clamp_min(1)
        if needed:
            whole_a = torch.zeros_like(anchors).index_copy_(0, order_a, to_a / among)
            whole_c = torch.zeros_like(candidates).index_copy_(0, order_c, to_c / among)
            ctx.save_for_backward(whole_a, whole_c)
        per_anchor = a.new_full((len(anchors),), math.nan)
        per_anchor[order_a] = torch.where(has_positive, losses, math.nan)
        ctx.mark_non_differentiable(per_anchor, count)
        # Items that take part in nothing, too, must be finite.
        nothing = 0 * (anchors.sum() + candidates.sum())
        return losses.sum() / among + nothing, per_anchor, count

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        if torch.is_grad_enabled():  # with create_graph=True
            raise NotImplementedError("The graded contrastive loss has no second derivative.")
        to_a, to_c = ctx.saved_tensors
        return gradient * to_a, gradient * to_c, None, None, None, None


def _block_size(candidates: Tensor) -> int:
    """Anchors at a time: few enough for the caches of a CPU, many enough for fast matrix products."""
    pairs = 2**22 if candidates.device.type == "cpu" else 2**25
    return min(512, max(16, pairs // max(1, len(candidates))))


def _block(
    similarity: Tensor, block: PairBlock, pair_weights: Tensor | None, settings: Settings, needed: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Losses (R,) of R anchors; whether they have a positive (R,); and a scale (R, 1).

    ``similarity`` (C, R), divided by the temperature, is overwritten: if needed, with the gradient of the
    losses for it, divided by the scale. Arrays of R come by candidate, not by anchor, for then the candidates
    of one class are whole rows.
    """
    window, relevance, classes, own = block
    steep = 1 / settings.temperature > _STEEP
    if classes is not None and (steep or pair_weights is not None):
        # Candidates of a class are no longer alike.
        relevance, classes = relevance.index_select(0, classes), None
    if classes is None:
        relevance = relevance.index_put(own, relevance.new_tensor(math.nan))
        amounts = similarity.new_ones(()) if pair_weights is None else pair_weights
    else:
        counts = torch.bincount(classes, minlength=len(relevance)).to(similarity.dtype)
        amounts = counts[:, None].repeat(1, relevance.shape[1])
        amounts[classes[own[0]], own[1]] -= 1
    masks = _grade_masks(relevance, settings.grades, similarity.dtype)
    pull_sums = (masks[1:] * amounts).sum(1)
    weights = (pull_sums > 0) * pull_sums.new_tensor(settings.weights)[:, None]
    has_positive = weights.sum(0) > 0
    weights /= torch.where(has_positive, weights.sum(0), 1)
    each = weights / torch.where(pull_sums > 0, pull_sums, 1)
    pull = (masks[1:] * each[:, None]).sum(0)
    if pair_weights is not None:
        pull *= pair_weights

    inside, outside = similarity[window], [similarity[: window.start], similarity[window.stop :]]
    inside[own] = 0
    pulled = (pull * _sum_classes(inside, classes, len(relevance))).sum(0)
    peaks = pulled.new_zeros(len(masks), len(pulled))
    if steep:
        peaks = _subtract_peaks(outside, inside, masks, settings.temperature)
    fade = (peaks[:-1] - peaks[1:]).exp()
    similarity.exp_()
    inside[own] = 0
    sums = (masks * _sum_classes(inside, classes, len(relevance))).sum(1)
    for part in outside:
        sums[0] += part.sum(0)
    for rank in range(1, len(masks)):
        sums[rank] += sums[rank - 1] * fade[rank - 1]
    competing = torch.where(weights > 0, sums[1:], 1)
    losses = (weights * (competing.log() + peaks[1:])).sum(0) - pulled
    if not needed:
        return losses, has_positive, pulled

    # By rank, what exp of a similarity is multiplied by in the gradient.
    factors = torch.cat([torch.zeros_like(weights[:1]), weights / competing])
    for rank in range(len(masks) - 2, -1, -1):
        factors[rank] += factors[rank + 1] * fade[rank]
    if steep:
        scale = torch.ones_like(pulled)
        for part in outside:
            part *= factors[0]
    else:
        # Not a pass over all pairs but a factor of the rows of the products to come.
        scale = factors[0]
    over = torch.where(scale > 0, 1 / scale, 0)
    push = (masks * (factors * over)[:, None]).sum(0)
    pull *= over
    if classes is not None:
        push, pull = push.index_select(0, classes), pull.index_select(0, classes)
    inside.mul_(push).sub_(pull)
    inside[own] = 0
    return losses, has_positive, scale[:, None]


def _sum_classes(values: Tensor, classes: Tensor | None, count: int) -> Tensor:
    """Sums (K, R) of the rows (W, R) of each class."""
    if classes is None:
        return values
    return values.new_zeros(count, values.shape[1]).index_add_(0, classes, values)


def _subtract_peaks(outside: Sequence[Tensor], inside: Tensor, masks: Tensor, temperature: float) -> Tensor:
    """By rank, the greatest similarity (G + 1, R) of any pair up to it, subtracted from those of the rank.

    No exponential then overflows, and every sum of an anchor that has such pairs is at least 1.
    """
    peak = inside.new_full((inside.shape[1],), -2 / temperature)  # below any similarity
    for part in outside:
        if len(part):
            peak = torch.maximum(peak, part.amax(0))
    peaks = []
    for mask in masks:
        if len(inside):
            peak = torch.maximum(peak, (inside + (mask - 1) * _FAR).amax(0))
        peaks.append(peak)
    for part in outside:
        part -= peaks[0]
    stacked = torch.stack(peaks)
    # A pair that is left out keeps an exponential of 1, which no mask lets through.
    inside.mul_(masks.sum(0)).sub_((masks * stacked[:, None]).sum(0))
    return stacked


def _grade_masks(relevance: Tensor, grades: Sequence[float], dtype: torch.dtype) -> Tensor:
    """Ones (G + 1, K, R) where a pair is a negative, of the first grade, …; zeros where it is left out."""
    slack = 2 * max(torch.finfo(relevance.dtype).eps, torch.finfo(torch.float32).eps)
    thresholds = relevance.new_tensor([-math.inf, *(grade - slack for grade in grades)])
    masks = (relevance >= thresholds[:, None, None]).to(dtype)  # NaN reaches none
    masks[:-1] = masks[:-1] - masks[1:]
    return masks

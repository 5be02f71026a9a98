"""Loss and gradient of one block of anchors, as `leafcode.losses._closed_form` puts them together.

With e_ij = exp(s_ij), S_ig the sum of e over the candidates that compete with grade g, w_ig the weight of the
grade in the loss of the anchor and p_ij how strongly a positive pulls, all as in `graded_contrastive_loss`::

    L_i         = sum over g of w_ig · log S_ig  -  sum over j of p_ij · s_ij
    dL_i / ds_ij = e_ij · sum over g >= grade_ij of w_ig / S_ig  -  p_ij

To a negative the inner sum is one number per anchor. Similarities come in bits, see `bits_per_cosine`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from leafcode.losses._vectors import bits_per_cosine
from leafcode.losses.pair_relevance import PairBlock

_STEEP = 40.0
"""Beyond this 1 / temperature, exp of a similarity may leave the range of float32."""
_FAR = 1e30  # beyond any similarity, and finite in float32


class Settings(NamedTuple):
    """Of the loss: grades, their weights, and the temperature."""

    grades: Sequence[float]
    weights: Sequence[float]
    temperature: float


class BlockLoss(NamedTuple):
    """What comes of a block of R anchors."""

    losses: Tensor
    """(R,)"""
    has_positive: Tensor
    """bool (R,)"""
    scale: Tensor | None
    """(R, 1): what the gradient left in place of the similarities is to be multiplied by; None for ones."""


def block_loss(
    similarity: Tensor, block: PairBlock, pair_weights: Tensor | None, settings: Settings, needed: bool
) -> BlockLoss:
    """The loss of a block of R anchors.

    Args:
        similarity: (C, R) in bits; overwritten: if needed, with the gradient of the losses for it (in nats),
            divided by the scale. Arrays of pairs come by candidate, not by anchor, for then the candidates of
            one class are whole rows.
        block: Of the anchors.
        pair_weights: (W, R) of the window; None for equal ones.
        settings: Grades, weights and temperature.
        needed: Whether there is to be a gradient.
    """
    window, relevance, classes, anchor_classes, own = block
    steep = 1 / settings.temperature > _STEEP
    if classes is not None and (steep or pair_weights is not None):
        # Candidates of a class are no longer alike.
        relevance, classes = relevance.index_select(0, classes), None
    if classes is None or anchor_classes is None:
        if anchor_classes is not None:
            relevance = relevance.index_select(1, anchor_classes)
        relevance = relevance.index_put(own, relevance.new_tensor(math.nan))
        masks = _grade_masks(relevance, settings.grades, similarity.dtype)
        pull_sums = (masks[1:] if pair_weights is None else masks[1:] * pair_weights).sum(1)
    else:
        masks = _grade_masks(relevance, settings.grades, similarity.dtype)
        masks, pull_sums = _of_anchors(masks, classes, anchor_classes, own)
    weights, each, has_positive = _shares(pull_sums, settings.weights)
    pull = _weighted_sum(masks[1:], each)
    if pair_weights is not None:
        pull *= pair_weights

    inside, outside = similarity[window], [similarity[: window.start], similarity[window.stop :]]
    outside = [part for part in outside if len(part)]
    inside[own] = 0
    pulled = (pull * _sum_classes(inside, classes, len(pull))).sum(0) * math.log(2)
    fade = None
    if steep:
        peaks = _subtract_peaks(outside, inside, masks, settings.temperature)
        fade = (peaks[:-1] - peaks[1:]).exp2()
    similarity.exp2_()
    inside[own] = 0
    sums = (masks * _sum_classes(inside, classes, len(pull))).sum(1)
    for part in outside:
        sums[0] += part.sum(0)
    competing = _running_sums(sums, fade)[1:].clamp_min(_tiny(sums))
    logs = competing.log()
    if steep:
        logs.add_(peaks[1:], alpha=math.log(2))
    losses = (weights * logs).sum(0) - pulled
    if not needed:
        return BlockLoss(losses, has_positive, None)

    # By rank, what exp of a similarity is multiplied by in the gradient.
    backwards = None if fade is None else fade[1:].flip(0)
    of_grades = _running_sums((weights / competing).flip(0), backwards).flip(0)
    factors, scale = torch.cat([of_grades[:1] if fade is None else of_grades[:1] * fade[:1], of_grades]), None
    if outside and not steep:
        # Not a pass over all pairs but a factor of the rows of the products to come.
        scale = factors[0].clamp_min(_tiny(sums))
        factors, pull = factors / scale, pull / scale
    elif outside:
        for part in outside:
            part *= factors[0]
    push = _weighted_sum(masks, factors)
    if classes is not None:
        push, pull = push.index_select(0, classes), pull.index_select(0, classes)
    inside.mul_(push).sub_(pull)
    inside[own] = 0
    return BlockLoss(losses, has_positive, None if scale is None else scale[:, None])


def _of_anchors(
    masks: Tensor, classes: Tensor, anchor_classes: Tensor, own: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Masks of classes (G + 1, K, M) as those of R anchors (G + 1, K, R); the number (G, R) of positives."""
    counts = torch.bincount(classes, minlength=masks.shape[1]).to(masks.dtype)
    positives = (masks[1:] * counts[:, None]).sum(1).index_select(1, anchor_classes)
    # As rows of a matrix, which is several times faster than along the last of three dimensions.
    of_anchors = (
        masks.flatten(0, 1).index_select(1, anchor_classes).view(*masks.shape[:2], len(anchor_classes))
    )
    positives[:, own[1]] -= of_anchors[1:, classes[own[0]], own[1]]
    return of_anchors, positives


def _sum_classes(values: Tensor, classes: Tensor | None, count: int) -> Tensor:
    """Sums (K, R) of the rows (W, R) of each class."""
    if classes is None:
        return values
    return values.new_zeros(count, values.shape[1]).index_add_(0, classes, values)


def _running_sums(rows: Tensor, fade: Tensor | None) -> Tensor:
    """Rows (N, R), each with all before it, whose sum fades by a factor (N - 1, R) on the way to the next."""
    if fade is None:
        return rows.cumsum(0)
    for before, row, factor in zip(rows[:-1], rows[1:], fade, strict=True):
        row.addcmul_(before, factor)
    return rows


def _tiny(like: Tensor) -> float:
    """In place of a sum of 0 to divide by, for then what is divided is 0, too."""
    return torch.finfo(like.dtype).tiny


def _weighted_sum(masks: Tensor, factors: Tensor) -> Tensor:
    """Sum (K, R) over grades of masks (G, K, R) times factors (G, R)."""
    total = masks[0] * factors[0]
    for mask, factor in zip(masks[1:], factors[1:], strict=True):
        total.addcmul_(mask, factor)
    return total


def _shares(pull_sums: Tensor, weights: Sequence[float]) -> tuple[Tensor, Tensor, Tensor]:
    """Share (G, R) of the grades in the loss, that of each of its positives, and whether (R,) there are any.

    Args:
        pull_sums: (G, R) how strongly the positives of a grade pull together.
        weights: Of the grades.
    """
    shares = (pull_sums > 0) * pull_sums.new_tensor(weights)[:, None]
    total = shares.sum(0)
    shares /= total.clamp_min(_tiny(total))
    return shares, shares / pull_sums.clamp_min(_tiny(total)), total > 0


def _subtract_peaks(outside: Sequence[Tensor], inside: Tensor, masks: Tensor, temperature: float) -> Tensor:
    """By rank, the greatest similarity (G + 1, R) of any pair up to it, subtracted from those of the rank.

    No exponential then overflows, and every sum of an anchor that has such pairs is at least 1.
    """
    peak = inside.new_full((inside.shape[1],), -2 * bits_per_cosine(temperature))  # below any similarity
    for part in outside:
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
    """Ones (G + 1, …) where a pair is a negative, of the first grade, …; zeros where it is left out."""
    slack = 2 * max(torch.finfo(relevance.dtype).eps, torch.finfo(torch.float32).eps)
    thresholds = relevance.new_tensor([-math.inf, *(grade - slack for grade in grades)])
    masks = (relevance >= thresholds[:, None, None]).to(dtype)  # NaN reaches none
    masks[:-1] = masks[:-1] - masks[1:]
    return masks

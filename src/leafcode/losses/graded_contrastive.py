"""Contrastive loss over graded pairs: items closer in the tree must be closer in the embedding space."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from leafcode.errors import InputError

_SMALLEST_ENTRY = 1e-12
_FAR = 1e30  # beyond any similarity, and finite in float32


class GradedContrastiveOutput(NamedTuple):
    """What `graded_contrastive_loss` returns.

    Attributes:
        loss: Scalar, float32 or float64: mean over the anchors; 0 if there is none. Carries the gradient.
        anchors: Scalar int64: number of items with at least one positive. Where it is 0 the loss says
            nothing, so report it beside the loss.
        per_anchor: Shape (B,), detached: the loss of each anchor, NaN for items without a positive. Large
            values mark items that sit among strangers, such as mislabelled ones.
    """

    loss: Tensor
    anchors: Tensor
    per_anchor: Tensor


def graded_contrastive_loss(
    embeddings: Tensor,
    relevance: Tensor,
    *,
    grades: Sequence[float] = (0.5, 1.0),
    grade_weights: Sequence[float] | None = None,
    temperature: float = 0.1,
) -> GradedContrastiveOutput:
    """Graded contrastive loss of one batch.

    Let s_ij be the cosine similarity of items i and j, divided by the temperature. A pair has the highest
    grade that its relevance reaches; below the lowest grade it is a negative; NaN relevance and the diagonal
    take part in nothing. For an anchor i and a pair (i, j) of grade g::

        l_ij = -s_ij + log( sum over k of exp(s_ik) ),  k = every item with grade_ik <= g  (j included)
        L_i  = sum over g of  w_g · mean over j of grade g of l_ij  /  sum over the grades g of i of w_g
        loss = mean of L_i over the anchors, the items with at least one positive

    So a pair competes with everything less relevant, never with what is more relevant. This is
    Rank-N-Contrast (Zha et al., "Rank-N-Contrast: Learning Continuous Representations for Regression",
    NeurIPS 2023), collapsed to the few distinct distances that a tree has: O(grades · B²) instead of O(B³).
    With one grade it is exactly supervised contrastive learning (Khosla et al., "Supervised Contrastive
    Learning", NeurIPS 2020, equation 2, L_out).

    Similarities and sums are taken in float32 (float64 for float64 input), also under autocast. An item whose
    embedding is zero (no entry above 1e-12) has similarity 0 to everything and receives no gradient.
    Non-finite embeddings give a NaN loss. Memory is about 4 · (grades + 8) · B² bytes.

    Args:
        embeddings: Floating point (B, D); need not be normalised.
        relevance: (B, B) on the same device: row i holds the relevance of every item to anchor i, NaN for
            pairs to leave out; see `leafcode.taxonomy.Grades.matrix`. Need not be symmetric. Boolean or
            integer relevance works for a single grade.
        grades: Positive thresholds, strictly ascending, e.g. ``Grades.levels``. A relevance that lies below a
            grade by no more than a rounding error reaches it.
        grade_weights: A positive weight w_g per grade; the grades themselves if left out.
        temperature: Positive divisor of the cosines. Small values concentrate the loss on the hardest pairs.

    Returns:
        The loss, the number of anchors and the loss of each anchor. A batch without a positive pair, or an
        empty one, gives a zero loss whose gradients are zero.

    Raises:
        InputError: Shapes or dtypes do not fit, grades are not positive and ascending, or a weight or the
            temperature is not positive.

    Example:
        >>> embeddings = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.8, 0.6], [0.0, 1.0]])
        >>> relevance = torch.tensor([[1, 0, 1, 0.5], [0, 1, 0, 0], [1, 0, 1, 0.5], [0.5, 0, 0.5, 1]])
        >>> output = graded_contrastive_loss(embeddings, relevance, temperature=0.5)
        >>> round(output.loss.item(), 4), output.anchors.item()
        (1.216, 3)
        >>> [round(value, 4) for value in output.per_anchor.tolist()]
        [0.9058, nan, 1.1151, 1.6271]
    """
    weights = _check_settings(grades, grade_weights, temperature)
    _check_batch(embeddings, relevance)
    if len(embeddings) == 0:
        empty = embeddings.sum(1).to(torch.promote_types(embeddings.dtype, torch.float32))
        return GradedContrastiveOutput(empty.sum(), empty.detach().isfinite().sum(), empty.detach())

    with torch.autocast(embeddings.device.type, enabled=False):
        unit = _normalize(embeddings.to(torch.promote_types(embeddings.dtype, torch.float32)))
        similarity = unit @ unit.T / temperature
        log_sums, pull, anchor_weights = _log_sums_and_pull(similarity, relevance, grades, weights)

        is_anchor = anchor_weights.sum(1) > 0
        per_anchor = (anchor_weights * log_sums).sum(1) - (pull * similarity).sum(1)
        anchors = is_anchor.sum()
        loss = per_anchor.sum() / anchors.clamp_min(1)  # items without a positive stand at 0
        nan = torch.full_like(per_anchor, math.nan)
        return GradedContrastiveOutput(loss, anchors, torch.where(is_anchor, per_anchor.detach(), nan))


class GradedContrastiveLoss(nn.Module):
    """`graded_contrastive_loss` with its settings fixed; has no parameters.

    Args:
        grades: Positive thresholds, strictly ascending.
        grade_weights: A positive weight per grade; the grades themselves if left out.
        temperature: Positive divisor of the cosines.

    Raises:
        InputError: A setting is out of range.

    Example:
        >>> criterion = GradedContrastiveLoss(grades=(1.0,), temperature=0.2)
        >>> criterion
        GradedContrastiveLoss(grades=(1.0,), grade_weights=(1.0,), temperature=0.2)
        >>> round(criterion(torch.eye(3), torch.ones(3, 3)).loss.item(), 4)
        0.6931
    """

    def __init__(
        self,
        grades: Sequence[float] = (0.5, 1.0),
        grade_weights: Sequence[float] | None = None,
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        self.grade_weights = _check_settings(grades, grade_weights, temperature)
        self.grades = tuple(float(grade) for grade in grades)
        self.temperature = float(temperature)

    def forward(self, embeddings: Tensor, relevance: Tensor) -> GradedContrastiveOutput:
        """Loss of one batch: embeddings (B, D), relevance (B, B); see `graded_contrastive_loss`."""
        return graded_contrastive_loss(
            embeddings,
            relevance,
            grades=self.grades,
            grade_weights=self.grade_weights,
            temperature=self.temperature,
        )

    def extra_repr(self) -> str:
        """The settings, for ``print(module)``."""
        return f"grades={self.grades}, grade_weights={self.grade_weights}, temperature={self.temperature}"


def _normalize(embeddings: Tensor) -> Tensor:
    """Rows of unit length; zero rows stay zero, with zero gradient.

    Dividing by the largest entry first keeps the squares from overflow and underflow. It may be detached, for
    the direction does not depend on the scale.
    """
    scale = embeddings.detach().abs().amax(1, keepdim=True)
    scaled = embeddings / torch.where(scale <= _SMALLEST_ENTRY, math.inf, scale)
    # The norm is at least 1, except for zero rows.
    norm: Tensor = torch.linalg.vector_norm(scaled, dim=1, keepdim=True)
    return scaled / norm.clamp_min(0.5)


def _log_sums_and_pull(
    similarity: Tensor, relevance: Tensor, grades: Sequence[float], weights: Sequence[float]
) -> tuple[Tensor, Tensor, Tensor]:
    """The parts of L_i = sum over g of anchor_weights_ig · log_sums_ig - sum over j of pull_ij · s_ij.

    Returns:
        log_sums (B, G), 0 where item i has no pair of at most grade g; pull (B, B); anchor_weights (B, G):
        w_g divided by the weights of the grades present for i, 0 for a grade that is absent. Only log_sums
        carries a gradient.
    """
    with torch.no_grad():
        values = similarity.detach()
        masks = _grade_masks(relevance, grades, similarity.dtype)
        counts = torch.stack([mask.sum(1) for mask in masks[1:]], dim=1)
        anchor_weights = (counts > 0) * torch.tensor(weights, dtype=values.dtype, device=values.device)
        weight_sums = anchor_weights.sum(1, keepdim=True)
        anchor_weights = anchor_weights / torch.where(weight_sums > 0, weight_sums, 1)
        pair_weights = anchor_weights / counts.clamp_min(1)

        # exp is the dear part, so it is taken once: each pair is shifted by the greatest similarity among the
        # pairs of its grade and below, which keeps every sum of a non-empty row between 1 and B.
        peaks = [values.add(masks[0] - 1, alpha=_FAR).amax(1)]
        for mask in masks[1:]:
            peaks.append(torch.maximum(peaks[-1], values.add(mask - 1, alpha=_FAR).amax(1)))
        pull, shift = torch.zeros_like(values), (1 - sum(masks)) * values
        for rank, (mask, peak) in enumerate(zip(masks, peaks, strict=True)):
            shift.addcmul_(mask, peak[:, None])
            if rank > 0:
                pull.addcmul_(mask, pair_weights[:, rank - 1, None])

    exponentials = torch.exp(similarity - shift)
    total = (exponentials * masks[0]).sum(1)
    log_sums = []
    for rank in range(1, len(masks)):
        fade = torch.exp(peaks[rank - 1] - peaks[rank])
        total = total * fade + (exponentials * masks[rank]).sum(1)
        # Below 1 the row is empty: no logarithm, no gradient. (A NaN is not below 1, and comes through.)
        log_sums.append(torch.where(total < 0.5, 0, total.clamp_min(0.5).log() + peaks[rank]))
    return torch.stack(log_sums, dim=1), pull, anchor_weights


def _grade_masks(relevance: Tensor, grades: Sequence[float], dtype: torch.dtype) -> list[Tensor]:
    """Ones where a pair is a negative, of the first grade, of the second, …; all zero where it is ignored."""
    if not relevance.is_floating_point():
        relevance = relevance.to(torch.float32)
    relevance = relevance.clone().fill_diagonal_(math.nan)
    slack = 2 * max(torch.finfo(relevance.dtype).eps, torch.finfo(torch.float32).eps)
    reached = [~relevance.isnan(), *(relevance >= grade - slack for grade in grades)]
    floats = [mask.to(dtype) for mask in reached]
    return [*(low - high for low, high in itertools.pairwise(floats)), floats[-1]]


def _check_settings(
    grades: Sequence[float], grade_weights: Sequence[float] | None, temperature: float
) -> tuple[float, ...]:
    """Check the settings and return the weight of each grade."""
    levels = tuple(float(grade) for grade in grades)
    ascending = all(low < high for low, high in itertools.pairwise(levels))
    if not (levels and ascending and levels[0] > 0 and math.isfinite(levels[-1])):
        raise InputError("grades", str(levels), "positive numbers in strictly ascending order")
    weights = levels if grade_weights is None else tuple(float(weight) for weight in grade_weights)
    if len(weights) != len(levels) or not all(0 < weight < math.inf for weight in weights):
        raise InputError("grade_weights", str(weights), f"{len(levels)} positive numbers, one per grade")
    if not 0 < temperature < math.inf:
        raise InputError("temperature", str(temperature), "a positive number")
    return weights


def _check_batch(embeddings: Tensor, relevance: Tensor) -> None:
    if embeddings.ndim != 2 or embeddings.shape[1] == 0 or not embeddings.is_floating_point():
        found = f"shape {tuple(embeddings.shape)} of {embeddings.dtype}"
        raise InputError("embeddings", found, "a floating-point tensor of shape (B, D), D at least 1")
    batch = len(embeddings)
    if relevance.shape != (batch, batch) or relevance.is_complex():
        found = f"shape {tuple(relevance.shape)} of {relevance.dtype}"
        raise InputError(
            "relevance", found, f"real numbers of shape ({batch}, {batch}), as many as embeddings"
        )

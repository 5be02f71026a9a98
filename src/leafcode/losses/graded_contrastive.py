"""Contrastive loss over graded pairs: items closer in the tree must be closer in the embedding space."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from leafcode.errors import InputError
from leafcode.losses._checks import check_embeddings, check_grades, check_relevance, check_temperature
from leafcode.losses._vectors import unit_rows

_FAR = 1e30  # beyond any similarity, and finite in float32


class GradedContrastiveOutput(NamedTuple):
    """What `graded_contrastive_loss` returns.

    Attributes:
        loss: Scalar, float32 or float64: mean over the anchors; 0 if there is none. Carries the gradient.
        anchors: Scalar int64: number of anchors, the items with at least one positive. Where it is 0 the
            loss says nothing, so report it beside the loss.
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
    candidates: Tensor | None = None,
    pair_weights: Tensor | None = None,
    grades: Sequence[float] = (0.5, 1.0),
    grade_weights: Sequence[float] | None = None,
    temperature: float = 0.1,
) -> GradedContrastiveOutput:
    """Graded contrastive loss of one batch, of its items with each other or with other candidates.

    Let s_ij be the cosine similarity of anchor i and candidate j, divided by the temperature. A pair has the
    highest grade that its relevance reaches; below the lowest grade it is a negative; NaN relevance takes
    part in nothing. For an anchor i and a pair (i, j) of grade g and weight v_ij::

        l_ij = -s_ij + log( sum over k of exp(s_ik) ),  k = every candidate with grade_ik <= g  (j included)
        M_ig = sum over j of grade g of v_ij · l_ij  /  sum over j of grade g of v_ij
        L_i  = sum over g of  w_g · M_ig  /  sum over the grades g of i of w_g
        loss = mean of L_i over the anchors with at least one positive

    So a pair competes with everything less relevant, never with what is more relevant. This is
    Rank-N-Contrast (Zha et al., "Rank-N-Contrast: Learning Continuous Representations for Regression",
    NeurIPS 2023), collapsed to the few distinct distances that a tree has: O(grades · B · C), not O(B · C²).
    With one grade it is exactly supervised contrastive learning (Khosla et al., "Supervised Contrastive
    Learning", NeurIPS 2020, equation 2, L_out).

    Similarities and sums are taken in float32 (float64 for float64 input), also under autocast. An item whose
    embedding is zero (no entry above 1e-12) has similarity 0 to everything and receives no gradient.
    Non-finite embeddings give a NaN loss. Memory is about 4 · (grades + 8) · B · C bytes.

    Args:
        embeddings: Floating point (B, D), the anchors; need not be normalised.
        relevance: (B, C) on the same device: row i holds the relevance of every candidate to anchor i, NaN
            for pairs to leave out; see `leafcode.taxonomy.Grades.matrix`. Need not be symmetric. Boolean or
            integer relevance works for a single grade.
        candidates: Floating point (C, D), what the anchors are contrasted with, such as another modality, the
            batches of all processes or a memory bank. They receive a gradient if they take one. No pair is
            left out by itself: if an anchor stands among them, set its relevance to itself to NaN. None for
            the batch itself: then relevance is (B, B) and its diagonal is left out.
        pair_weights: (B, C), v_ij: how strongly a positive pulls, finite and at least 0; None for equal ones.
            A positive of weight 0 pulls nothing but still competes as its grade says. The weights of pairs
            that are no positives have no influence. Checking them waits for the device.
        grades: Positive thresholds, strictly ascending, e.g. ``Grades.levels``. A relevance that lies below a
            grade by no more than a rounding error reaches it.
        grade_weights: A positive weight w_g per grade; the grades themselves if left out.
        temperature: Positive divisor of the cosines. Small values concentrate the loss on the hardest pairs.

    Returns:
        The loss, the number of anchors and the loss of each anchor. Without a positive pair (of any weight),
        without anchors or without candidates the loss is zero and so are its gradients.

    Raises:
        InputError: Shapes or dtypes do not fit, grades are not positive and ascending, or a weight or the
            temperature is out of range.

    Example:
        >>> embeddings = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.8, 0.6], [0.0, 1.0]])
        >>> relevance = torch.tensor([[1, 0, 1, 0.5], [0, 1, 0, 0], [1, 0, 1, 0.5], [0.5, 0, 0.5, 1]])
        >>> output = graded_contrastive_loss(embeddings, relevance, temperature=0.5)
        >>> round(output.loss.item(), 4), output.anchors.item()
        (1.216, 3)
        >>> [round(value, 4) for value in output.per_anchor.tolist()]
        [0.9058, nan, 1.1151, 1.6271]

        The second item contrasted with the three others:

        >>> relevance = torch.tensor([[0.5, 1, 0]])
        >>> others = embeddings[[0, 2, 3]]
        >>> output = graded_contrastive_loss(embeddings[1:2], relevance, candidates=others, temperature=0.5)
        >>> round(output.loss.item(), 4)
        0.8339
    """
    weights, temperature = check_grades(grades, grade_weights), check_temperature(temperature)
    _check_batch(embeddings, relevance, candidates, pair_weights)
    with torch.autocast(embeddings.device.type, enabled=False):
        anchor_vectors = unit_rows(embeddings)
        if candidates is None:
            candidate_vectors = anchor_vectors
            # A copy in floating point, for integers know no NaN.
            relevance = relevance.to(_floating(relevance), copy=True).fill_diagonal_(math.nan)
        else:
            candidate_vectors = unit_rows(candidates).to(anchor_vectors.dtype)
        similarity = anchor_vectors @ candidate_vectors.T / temperature
        if similarity.numel() == 0:
            nothing = similarity.detach().new_full((len(similarity),), math.nan)
            return GradedContrastiveOutput(similarity.sum(), nothing.isfinite().sum(), nothing)

        log_sums, pull, anchor_weights = _log_sums_and_pull(
            similarity, relevance, pair_weights, grades, weights
        )
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
        self.grade_weights = check_grades(grades, grade_weights)
        self.grades = tuple(float(grade) for grade in grades)
        self.temperature = check_temperature(temperature)

    def forward(
        self,
        embeddings: Tensor,
        relevance: Tensor,
        *,
        candidates: Tensor | None = None,
        pair_weights: Tensor | None = None,
    ) -> GradedContrastiveOutput:
        """Loss of one batch: embeddings (B, D), relevance (B, B), or (B, C) for candidates (C, D).

        See `graded_contrastive_loss`.
        """
        return graded_contrastive_loss(
            embeddings,
            relevance,
            candidates=candidates,
            pair_weights=pair_weights,
            grades=self.grades,
            grade_weights=self.grade_weights,
            temperature=self.temperature,
        )

    def extra_repr(self) -> str:
        """The settings, for ``print(module)``."""
        return f"grades={self.grades}, grade_weights={self.grade_weights}, temperature={self.temperature}"


def _log_sums_and_pull(
    similarity: Tensor,
    relevance: Tensor,
    pair_weights: Tensor | None,
    grades: Sequence[float],
    weights: Sequence[float],
) -> tuple[Tensor, Tensor, Tensor]:
    """The parts of L_i = sum over g of anchor_weights_ig · log_sums_ig - sum over j of pull_ij · s_ij.

    Returns:
        log_sums (B, G), 0 where item i has no pair of at most grade g; pull (B, C); anchor_weights (B, G):
        w_g divided by the weights of the grades present for i, 0 for a grade that is absent or whose pairs
        all have weight 0. Only log_sums carries a gradient.
    """
    with torch.no_grad():
        values = similarity.detach()
        masks = _grade_masks(relevance, grades, similarity.dtype)
        pulls = masks[1:]
        if pair_weights is not None:
            pulls = [mask * pair_weights.to(mask.dtype) for mask in masks[1:]]
        pull_sums = torch.stack([pulling.sum(1) for pulling in pulls], dim=1)
        anchor_weights = (pull_sums > 0) * torch.tensor(weights, dtype=values.dtype, device=values.device)
        weight_sums = anchor_weights.sum(1, keepdim=True)
        anchor_weights = anchor_weights / torch.where(weight_sums > 0, weight_sums, 1)
        pull_weights = anchor_weights / torch.where(pull_sums > 0, pull_sums, 1)

        # exp is the dear part, so it is taken once: each pair is shifted by the greatest similarity among the
        # pairs of its grade and below, which keeps every sum of a non-empty row between 1 and C.
        peaks = [values.add(masks[0] - 1, alpha=_FAR).amax(1)]
        for mask in masks[1:]:
            peaks.append(torch.maximum(peaks[-1], values.add(mask - 1, alpha=_FAR).amax(1)))
        pull, shift = torch.zeros_like(values), (1 - sum(masks)) * values
        for rank, (mask, peak) in enumerate(zip(masks, peaks, strict=True)):
            shift.addcmul_(mask, peak[:, None])
            if rank > 0:
                pull.addcmul_(pulls[rank - 1], pull_weights[:, rank - 1, None])

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
    relevance = relevance.to(_floating(relevance))
    slack = 2 * max(torch.finfo(relevance.dtype).eps, torch.finfo(torch.float32).eps)
    reached = [~relevance.isnan(), *(relevance >= grade - slack for grade in grades)]
    floats = [mask.to(dtype) for mask in reached]
    return [*(low - high for low, high in itertools.pairwise(floats)), floats[-1]]


def _floating(relevance: Tensor) -> torch.dtype:
    return relevance.dtype if relevance.is_floating_point() else torch.float32


def _check_batch(
    embeddings: Tensor, relevance: Tensor, candidates: Tensor | None, pair_weights: Tensor | None
) -> None:
    check_embeddings("embeddings", embeddings)
    if candidates is not None:
        check_embeddings("candidates", candidates, dim=embeddings.shape[1])
    check_relevance(relevance, len(embeddings), len(embeddings if candidates is None else candidates))
    if pair_weights is None:
        return
    if pair_weights.shape != relevance.shape or pair_weights.is_complex():
        found = f"shape {tuple(pair_weights.shape)} of {pair_weights.dtype}"
        raise InputError("pair_weights", found, f"real numbers of shape {tuple(relevance.shape)}")
    wrong = ~((pair_weights >= 0) & (pair_weights < math.inf))
    if wrong.any():
        found = f"the weight {pair_weights[wrong][0].item():g}"
        raise InputError("pair_weights", found, "finite weights of at least 0")

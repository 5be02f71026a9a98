"""Contrastive loss over graded pairs: items closer in the tree must be closer in the embedding space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from leafcode.errors import InputError
from leafcode.losses._checks import check_embeddings, check_grades, check_relevance, check_temperature
from leafcode.losses._closed_form import graded_pairs
from leafcode.losses._pair_blocks import Settings
from leafcode.losses.pair_relevance import DenseRelevance, PairRelevance


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
    relevance: Tensor | PairRelevance,
    *,
    candidates: Tensor | None = None,
    pair_weights: Tensor | None = None,
    grades: Sequence[float] | None = None,
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
    Non-finite embeddings give a NaN loss. Pairs are worked through a block of anchors at a time, and the
    gradient is found in closed form on the way, so memory grows with B + C. It can be taken once: there is no
    second derivative.

    Args:
        embeddings: Floating point (B, D), the anchors; need not be normalised.
        relevance: (B, C) on the same device: row i holds the relevance of every candidate to anchor i, NaN
            for pairs to leave out; see `leafcode.taxonomy.Grades.matrix`. Need not be symmetric. Boolean or
            integer relevance works for a single grade. Or, for large batches, a
            `leafcode.taxonomy.TreeRelevance`: the same loss, faster and without a (B, C) in memory.
        candidates: Floating point (C, D), what the anchors are contrasted with, such as another modality, the
            batches of all processes or a memory bank. They receive a gradient if they take one. No pair is
            left out by itself: if an anchor stands among them, set its relevance to itself to NaN (or say so
            to `TreeRelevance`). None for the batch itself: then relevance is (B, B) and its diagonal is left
            out.
        pair_weights: (B, C), v_ij: how strongly a positive pulls, finite and at least 0; None for equal ones.
            A positive of weight 0 pulls nothing but still competes as its grade says. The weights of pairs
            that are no positives have no influence. Checking them waits for the device.
        grades: Positive thresholds, strictly ascending, e.g. ``Grades.levels``. A relevance that lies below a
            grade by no more than a rounding error reaches it. None for (0.5, 1), those of `Grades.default`,
            or for those of a `TreeRelevance`.
        grade_weights: A positive weight w_g per grade; the grades themselves if left out.
        temperature: Positive divisor of the cosines. Small values concentrate the loss on the hardest pairs.

    Returns:
        The loss, the number of anchors and the loss of each anchor. Without a positive pair (of any weight),
        without anchors or without candidates the loss is zero and so are its gradients.

    Raises:
        InputError: Shapes or dtypes do not fit, grades are not positive and ascending, a weight or the
            temperature is out of range, or a `TreeRelevance` of anchors and candidates comes without them.

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
    temperature = check_temperature(temperature)
    _check_batch(embeddings, relevance, candidates, pair_weights)
    pairs = DenseRelevance(relevance, candidates is None) if isinstance(relevance, Tensor) else relevance
    levels = pairs.levels if grades is None else tuple(grades)
    settings = Settings(levels, check_grades(levels, grade_weights), temperature)
    with torch.autocast(embeddings.device.type, enabled=False):
        loss, per_anchor, count = graded_pairs(embeddings, candidates, pairs, pair_weights, settings)
    return GradedContrastiveOutput(loss, count, per_anchor)


class GradedContrastiveLoss(nn.Module):
    """`graded_contrastive_loss` with its settings fixed; has no parameters.

    Args:
        grades: Positive thresholds, strictly ascending; None for those of a `TreeRelevance`, or (0.5, 1).
        grade_weights: A positive weight per grade; the grades themselves if left out.
        temperature: Positive divisor of the cosines.

    Raises:
        InputError: A setting is out of range, or weights come without grades.

    Example:
        >>> criterion = GradedContrastiveLoss(grades=(1.0,), temperature=0.2)
        >>> criterion
        GradedContrastiveLoss(grades=(1.0,), grade_weights=(1.0,), temperature=0.2)
        >>> round(criterion(torch.eye(3), torch.ones(3, 3)).loss.item(), 4)
        0.6931
    """

    def __init__(
        self,
        grades: Sequence[float] | None = None,
        grade_weights: Sequence[float] | None = None,
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        self.grades: tuple[float, ...] | None = None
        self.grade_weights: tuple[float, ...] | None = None
        if grades is not None:
            self.grade_weights = check_grades(grades, grade_weights)
            self.grades = tuple(float(grade) for grade in grades)
        elif grade_weights is not None:
            raise InputError("grade_weights", f"{tuple(grade_weights)} without grades", "grades as well")
        self.temperature = check_temperature(temperature)

    def forward(
        self,
        embeddings: Tensor,
        relevance: Tensor | PairRelevance,
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


def _check_batch(
    embeddings: Tensor,
    relevance: Tensor | PairRelevance,
    candidates: Tensor | None,
    pair_weights: Tensor | None,
) -> None:
    check_embeddings("embeddings", embeddings)
    if candidates is not None:
        check_embeddings("candidates", candidates, dim=embeddings.shape[1])
    check_relevance(relevance, len(embeddings), len(embeddings if candidates is None else candidates))
    if not (isinstance(relevance, Tensor) or candidates is not None or relevance.leaves_itself_out):
        raise InputError(
            "relevance",
            "one of anchors and candidates",
            "one of the batch with itself, where there are no candidates",
            "Leave out its second argument.",
        )
    if pair_weights is None:
        return
    if pair_weights.shape != relevance.shape or pair_weights.is_complex():
        found = f"shape {tuple(pair_weights.shape)} of {pair_weights.dtype}"
        raise InputError("pair_weights", found, f"real numbers of shape {tuple(relevance.shape)}")
    wrong = ~((pair_weights >= 0) & (pair_weights < math.inf))
    if wrong.any():
        found = f"the weight {pair_weights[wrong][0].item():g}"
        raise InputError("pair_weights", found, "finite weights of at least 0")

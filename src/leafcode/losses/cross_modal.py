"""Graded contrast between two modalities of the same items, and within each of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from leafcode.errors import InputError
from leafcode.losses._checks import check_embeddings, check_grades, check_matrix, check_temperature
from leafcode.losses.graded_contrastive import GradedContrastiveOutput, graded_contrastive_loss


class CrossModalOutput(NamedTuple):
    """What `cross_modal_loss` returns.

    Each part is a `GradedContrastiveOutput` whose ``per_anchor`` has shape (B,), NaN where the item lacks a
    modality; log ``anchors`` of each, for a part without anchors is 0 and says nothing.

    Attributes:
        loss: Scalar, float32 or float64; carries the gradient.
        a_to_b: Anchors of the first modality, candidates of the second.
        b_to_a: Anchors of the second modality, candidates of the first.
        a_to_a: Within the first modality; None where ``within`` is 0.
        b_to_b: Within the second modality; None where ``within`` is 0.
    """

    loss: Tensor
    a_to_b: GradedContrastiveOutput
    b_to_a: GradedContrastiveOutput
    a_to_a: GradedContrastiveOutput | None
    b_to_b: GradedContrastiveOutput | None


def cross_modal_loss(
    a: Tensor,
    b: Tensor,
    relevance: Tensor,
    *,
    within: float = 0.5,
    has_a: Tensor | None = None,
    has_b: Tensor | None = None,
    grades: Sequence[float] = (0.5, 1.0),
    grade_weights: Sequence[float] | None = None,
    temperature: float = 0.1,
) -> CrossModalOutput:
    """Contrast two embeddings of each item, such as text and image, with those of all items of the batch.

    With G(x, y) the `graded_contrastive_loss` of the anchors x with the candidates y::

        loss = ( G(a, b) + G(b, a) ) / 2  +  within · ( G(a, a) + G(b, b) ) / 2

    Between the modalities the two embeddings of one item count as relevance 1. Within a modality an item is
    not compared with itself. So the parts between bind the two modalities of an item and of its relatives to
    each other, and the parts within order each modality by the tree, which contrast between the modalities
    alone does only through the other one. With nothing relevant but the item itself and ``within`` 0, this is
    the symmetric loss of CLIP (Radford et al., "Learning Transferable Visual Models From Natural Language
    Supervision", ICML 2021, figure 3). There, an item of the same category is a negative.

    An item that lacks a modality takes part in everything that needs only the other one. Its row in the
    modality that it lacks has no influence, whatever it holds, and gets a zero gradient.

    Args:
        a: Floating point (B, D), the first modality; need not be normalised.
        b: Floating point (B, D), the second modality of the same items.
        relevance: (B, B) on the same device, between the items, NaN for pairs to leave out; see
            `leafcode.taxonomy.Grades.matrix`. An unlabelled item is NaN throughout, so that its own other
            modality has no rival: to contrast it as CLIP does, pass ``relevance.nan_to_num(0.0)``.
        within: Weight of the parts within the modalities, at least 0.
        has_a: Boolean (B,), false for items without the first modality; None if all have it.
        has_b: Boolean (B,), false for items without the second modality; None if all have it.
        grades: Positive thresholds, strictly ascending, the highest at most 1.
        grade_weights: A positive weight per grade; the grades themselves if left out.
        temperature: Positive divisor of the cosines.

    Returns:
        The loss and its parts.

    Raises:
        InputError: Shapes or dtypes do not fit, or a setting is out of range.

    Example:
        >>> a = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
        >>> b = torch.tensor([[0.8, 0.6], [1.0, 0.0], [0.6, 0.8]])
        >>> clip = cross_modal_loss(a, b, torch.eye(3), within=0.0, temperature=0.5)
        >>> round(clip.loss.item(), 4), clip.a_to_a
        (1.0646, None)
        >>> relevance = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1.0]])  # the first two have one category
        >>> output = cross_modal_loss(a, b, relevance, temperature=0.5)
        >>> round(output.loss.item(), 4), output.a_to_b.anchors.item(), output.a_to_a.anchors.item()
        (1.1908, 3, 2)
    """
    within, _ = _check_settings(within, grades, grade_weights), check_temperature(temperature)
    check_embeddings("a", a)
    check_embeddings("b", b, *a.shape)
    check_matrix(relevance, len(a))
    rows_a, rows_b = _present("has_a", has_a, a), _present("has_b", has_b, b)
    own = torch.eye(len(a), dtype=torch.bool, device=relevance.device)
    between = torch.where(own, 1, relevance)

    def contrast(
        anchors: Tensor, rows: Tensor, others: Tensor | None, columns: Tensor
    ) -> GradedContrastiveOutput:
        """One part, on the items that have both; its ``per_anchor`` is spread over the whole batch."""
        pairs = (relevance if others is None else between)[rows][:, columns]
        part = graded_contrastive_loss(
            anchors[rows],
            pairs,
            candidates=None if others is None else others[columns],
            grades=grades,
            grade_weights=grade_weights,
            temperature=temperature,
        )
        per_anchor = part.per_anchor.new_full((len(anchors),), math.nan)
        per_anchor[rows] = part.per_anchor
        return part._replace(per_anchor=per_anchor)

    a_to_b, b_to_a = contrast(a, rows_a, b, rows_b), contrast(b, rows_b, a, rows_a)
    loss = (a_to_b.loss + b_to_a.loss) / 2
    if within == 0:
        return CrossModalOutput(loss, a_to_b, b_to_a, None, None)
    a_to_a, b_to_b = contrast(a, rows_a, None, rows_a), contrast(b, rows_b, None, rows_b)
    loss = loss + within * (a_to_a.loss + b_to_b.loss) / 2
    return CrossModalOutput(loss, a_to_b, b_to_a, a_to_a, b_to_b)


class CrossModalLoss(nn.Module):
    """`cross_modal_loss` with its settings fixed; has no parameters.

    Args:
        within: Weight of the parts within the modalities, at least 0.
        grades: Positive thresholds, strictly ascending, the highest at most 1.
        grade_weights: A positive weight per grade; the grades themselves if left out.
        temperature: Positive divisor of the cosines.

    Raises:
        InputError: A setting is out of range.

    Example:
        >>> criterion = CrossModalLoss(within=0.0, grades=(1.0,), temperature=0.5)
        >>> criterion
        CrossModalLoss(within=0.0, grades=(1.0,), grade_weights=(1.0,), temperature=0.5)
        >>> round(criterion(torch.eye(3), torch.eye(3), torch.eye(3)).loss.item(), 4)
        0.2395
    """

    def __init__(
        self,
        within: float = 0.5,
        grades: Sequence[float] = (0.5, 1.0),
        grade_weights: Sequence[float] | None = None,
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        self.within = _check_settings(within, grades, grade_weights)
        self.grade_weights = check_grades(grades, grade_weights)
        self.grades = tuple(float(grade) for grade in grades)
        self.temperature = check_temperature(temperature)

    def forward(
        self,
        a: Tensor,
        b: Tensor,
        relevance: Tensor,
        *,
        has_a: Tensor | None = None,
        has_b: Tensor | None = None,
    ) -> CrossModalOutput:
        """Loss of one batch: a and b (B, D), relevance (B, B); see `cross_modal_loss`."""
        return cross_modal_loss(
            a,
            b,
            relevance,
            within=self.within,
            has_a=has_a,
            has_b=has_b,
            grades=self.grades,
            grade_weights=self.grade_weights,
            temperature=self.temperature,
        )

    def extra_repr(self) -> str:
        """The settings, for ``print(module)``."""
        return (
            f"within={self.within}, grades={self.grades}, grade_weights={self.grade_weights}, "
            f"temperature={self.temperature}"
        )


def _check_settings(within: float, grades: Sequence[float], grade_weights: Sequence[float] | None) -> float:
    """Check the weight and the grades, and return the weight."""
    check_grades(grades, grade_weights)
    if not 0 <= within < math.inf:
        raise InputError("within", str(within), "a number of at least 0")
    if grades[-1] > 1:
        raise InputError(
            "grades", str(tuple(grades)), "grades of at most 1, the relevance of an item to itself"
        )
    return float(within)


def _present(where: str, has: Tensor | None, embeddings: Tensor) -> Tensor:
    """Rows of the items that have the modality, int64."""
    if has is None:
        return torch.arange(len(embeddings), device=embeddings.device)
    if has.shape != (len(embeddings),) or has.dtype != torch.bool:
        found = f"shape {tuple(has.shape)} of {has.dtype}"
        raise InputError(where, found, f"booleans of shape ({len(embeddings)},)")
    return has.nonzero()[:, 0]

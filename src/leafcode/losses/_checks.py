"""Checks of what the losses are given; each raises an error that names the argument."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from torch import Tensor

from leafcode.errors import InputError
from leafcode.losses.pair_relevance import PairRelevance


def check_grades(grades: Sequence[float], grade_weights: Sequence[float] | None) -> tuple[float, ...]:
    """The weight of each grade: the grades themselves where none are given.

    Raises:
        InputError: Grades are not positive and ascending, or a weight is missing or not positive.

    Example:
        >>> check_grades((0.5, 1.0), None)
        (0.5, 1.0)
    """
    levels = tuple(float(grade) for grade in grades)
    ascending = all(low < high for low, high in itertools.pairwise(levels))
    if not (levels and ascending and levels[0] > 0 and math.isfinite(levels[-1])):
        raise InputError("grades", str(levels), "positive numbers in strictly ascending order")
    weights = levels if grade_weights is None else tuple(float(weight) for weight in grade_weights)
    if len(weights) != len(levels) or not all(0 < weight < math.inf for weight in weights):
        raise InputError("grade_weights", str(weights), f"{len(levels)} positive numbers, one per grade")
    return weights


def check_temperature(temperature: float) -> float:
    """A positive, finite temperature.

    Raises:
        InputError: It is not.
    """
    if not 0 < temperature < math.inf:
        raise InputError("temperature", str(temperature), "a positive number")
    return float(temperature)


def check_embeddings(where: str, embeddings: Tensor, rows: int | None = None, dim: int | None = None) -> None:
    """A floating-point matrix with at least one column, and with so many rows and columns where given.

    Raises:
        InputError: It is not.
    """
    fits = (
        embeddings.ndim == 2
        and embeddings.shape[1] > 0
        and embeddings.is_floating_point()
        and rows in (None, embeddings.shape[0])
        and dim in (None, embeddings.shape[1])
    )
    if not fits:
        shape = f"({'B' if rows is None else rows}, {'D' if dim is None else dim})"
        least = ", D at least 1" if dim is None else ""
        found = f"shape {tuple(embeddings.shape)} of {embeddings.dtype}"
        raise InputError(where, found, f"a floating-point tensor of shape {shape}{least}")


def check_matrix(relevance: Tensor, items: int) -> None:
    """Real numbers (items, items), and nothing that stands for them.

    Raises:
        InputError: They are not.
    """
    if not isinstance(relevance, Tensor):
        found = f"a {type(relevance).__name__}"
        raise InputError("relevance", found, "a torch tensor", "Grades.matrix makes one of ancestor rows.")
    check_relevance(relevance, items, items)


def check_relevance(relevance: Tensor | PairRelevance, anchors: int, candidates: int) -> None:
    """Real numbers (anchors, candidates), or what stands for them.

    Raises:
        InputError: They are not.
    """
    dense = relevance if isinstance(relevance, Tensor) else None
    if dense is None and not hasattr(relevance, "block"):
        raise InputError("relevance", f"a {type(relevance).__name__}", "a torch tensor or a TreeRelevance")
    if relevance.shape != (anchors, candidates) or (dense is not None and dense.is_complex()):
        found = f"shape {tuple(relevance.shape)}" + ("" if dense is None else f" of {dense.dtype}")
        expected = (
            f"real numbers of shape ({anchors}, {candidates}): a row per anchor, a column per candidate"
        )
        raise InputError("relevance", found, expected)

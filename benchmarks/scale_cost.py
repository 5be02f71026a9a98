"""Costs as formulas of the number of items and of categories, fitted to measured points."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from leafcode.report.figures import UNDEFINED

TERMS: dict[str, Callable[[float, float], float]] = {
    "1": lambda items, categories: 1.0,
    "n": lambda items, categories: items,
    "C": lambda items, categories: categories,
    "n · C": lambda items, categories: items * categories,
    "n · log₂ n": lambda items, categories: items * math.log2(items),
}


@dataclass(frozen=True)
class Cost:
    """What is measured.

    Attributes:
        title: In words.
        terms: Of its formula, keys of `TERMS`.
        unit: ``s``, or ``B`` for bytes.
        group: Which of the page's tables it stands in.
    """

    title: str
    terms: tuple[str, ...]
    unit: str = "s"
    group: str = "items"


COSTS = {
    "read": Cost("read ids and paths into a tree, check the vectors", ("1", "n")),
    "digest": Cost("digest of ids, tree and vectors", ("1", "n")),
    "split": Cost("hold out by content", ("1", "n")),
    "sampler": Cost("build the sampler", ("1", "n")),
    "first batch": Cost("first batch of an epoch", ("1", "n")),
    "encode": Cost("encode", ("C", "n", "n · C")),
    "assign": Cost("registry: suffixes", ("1", "n · log₂ n")),
    "write": Cost("ids.parquet", ("1", "n")),
    "measures": Cost("measures, those that compare items on a sample", ("1", "n")),
    "embed": Cost("embed short texts", ("n",)),
    "tree step": Cost("step of 512, tree", ("1", "C"), group="training"),
    "places": Cost("places in the tree, of the items that are drawn", ("n", "n · C"), group="training"),
    "content step": Cost("step of 512, content", ("1",), group="training"),
    "codes step": Cost("step of 512, codes", ("1",), group="training"),
    "k-means": Cost("k-means before content, on 65,536 items", ("1",), group="training"),
    "turn": Cost("k-means towards the tree, on 65,536 items", ("1",), group="training"),
    "fit memory": Cost("`fit`, beside pages of files", ("1", "n"), "B", "bytes"),
    "encode memory": Cost("`encode` of a folder", ("1", "n"), "B", "bytes"),
    "codes file": Cost("codes of a folder's parts, on disk", ("n",), "B", "bytes"),
    "ids file": Cost("ids.parquet, on disk", ("n",), "B", "bytes"),
}


@dataclass(frozen=True)
class Point:
    """One measurement.

    Attributes:
        cost: Key of `COSTS`.
        items: n.
        categories: C.
        value: Seconds or bytes.
        unseen: Kept for checking.
    """

    cost: str
    items: int
    categories: int
    value: float
    unseen: bool = False


@dataclass(frozen=True)
class Formula:
    """A cost with its coefficients.

    Attributes:
        cost: What it is the cost of.
        coefficients: One for each of its terms, 0 or more.
        points: Those that it is fitted to, and those kept for checking.
    """

    cost: Cost
    coefficients: tuple[float, ...]
    points: tuple[Point, ...]

    def __call__(self, items: float, categories: float) -> float:
        """Seconds or bytes."""
        terms = zip(self.coefficients, self.cost.terms, strict=True)
        return sum(factor * TERMS[term](items, categories) for factor, term in terms)

    def off(self, point: Point) -> float:
        """By how much the formula is off, as a share of what was measured."""
        return self(point.items, point.categories) / point.value - 1

    @property
    def worst(self) -> float:
        """The largest such share, without its sign, of the points that it is fitted to."""
        return max(abs(self.off(one)) for one in self.points if not one.unseen)

    def __str__(self) -> str:
        """The formula with units."""
        shown = [
            f"{quantity(factor, self.cost.unit)}{'' if term == '1' else f' · {term}'}"
            for factor, term in zip(self.coefficients, self.cost.terms, strict=True)
            if factor
        ]
        return " + ".join(shown)


def fit(cost: Cost, points: Sequence[Point]) -> Formula | None:
    """The coefficients of 0 or more with the least sum of squared relative errors on the points to see.

    Returns:
        None where there are fewer points than coefficients, or where their numbers do not differ enough.

    Example:
        >>> points = [Point("write", n, 10, 0.5 + 2e-6 * n) for n in (1_000, 100_000, 1_000_000)]
        >>> formula = fit(COSTS["write"], points)
        >>> str(formula), round(formula(10**9, 10))
        ('500 ms + 2.00 µs · n', 2000)
    """
    seen = [one for one in points if not one.unseen]
    rows = [[TERMS[term](one.items, one.categories) / one.value for term in cost.terms] for one in seen]
    matrix = np.array(rows).reshape(len(seen), len(cost.terms))
    # Terms differ by many orders of magnitude.
    scale = np.abs(matrix).max(axis=0, initial=0.0) + np.finfo(float).tiny
    if np.linalg.matrix_rank(matrix / scale) < len(cost.terms):
        return None
    found, _ = nnls(matrix / scale, np.ones(len(seen)))
    return Formula(cost, tuple((found / scale).tolist()), tuple(points))


def quantity(value: float, unit: str) -> str:
    """A number of seconds or bytes with the prefix that suits it, three digits.

    Example:
        >>> quantity(3.2e-6, "s"), quantity(5400, "s"), quantity(7.68e11, "B"), quantity(198.4, "B")
        ('3.20 µs', '1.50 h', '768 GB', '198 B')
    """
    if value == 0 or not math.isfinite(value):
        return f"0 {unit}" if value == 0 else UNDEFINED
    if unit == "s" and value >= 3600:
        return f"{_digits(value / 3600)} h"
    prefixes = {-9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P"}
    most = 0 if unit == "s" else 15
    least = -9 if unit == "s" else 0
    power = min(max(3 * math.floor(math.log10(value) / 3), least), most)
    return f"{_digits(value / 10**power)} {prefixes[power]}{unit}"


def _digits(value: float) -> str:
    """Three digits, or all of those before the point."""
    decimals = max(0, 2 - math.floor(math.log10(value))) if value < 1000 else 0
    return f"{value:,.{decimals}f}"

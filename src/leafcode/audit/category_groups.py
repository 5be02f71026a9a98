"""Categories whose items fall into two groups."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

LEAST_ITEMS = 20
"""Items below which a category is not split."""
_MOST_ITEMS = 1000
_SMALLER_GROUP = 0.1
_STEPS, _ROUNDS = 10, 20
_NORMAL = 2 / np.pi
"""Share of the variance of a normal distribution that the best split into two explains."""


class TwoGroups(NamedTuple):
    """What `two_groups` returns.

    Attributes:
        score: In [0, 1], how far apart the groups are: 0 for halves of a normal distribution, 1 for points.
        second: Bool (n,), whether an item is in the second group.
        typical: int64 (2, n), in each row all items, those first that are most surely of that group.
    """

    score: float
    second: BoolArray
    typical: npt.NDArray[np.int64]


def two_groups(vectors: npt.NDArray[np.floating[Any]], rng: np.random.Generator) -> TwoGroups:
    """Split items by 2-means, and tell how well the groups are separated.

    In many dimensions any items can be split well along *some* direction. So the direction is found on one
    half of the items, the line through the means of its 2-means, and the other half is held to it: laid on
    that line, the best split into two explains a share of their variance. Of a normal distribution that is
    2 / π (Flury, "Principal points", Biometrika 1990; as a test for clusters: Engelman and Hartigan, JASA
    1969), and of two points all of it. The score is what is explained beyond the former, the lesser one of
    the two halves. A uniform distribution has 0.31, two normal ones four standard deviations apart 0.46; a
    normal distribution of 20 items exceeds 0.5 about once in a hundred times, one of 50 hardly ever. A group
    of less than a tenth of the items is no group but a few odd ones.

    Args:
        vectors: Floats (n, E), n at least 4.
        rng: To draw the halves, and at most 1,000 items to find them on.
    """
    points: FloatArray = np.asarray(vectors, np.float64)
    order = rng.permutation(len(points))[:_MOST_ITEMS]
    halves = np.array_split(order, 2)
    scores = [
        _explained(points[kept] @ _means_line(points[found])[0]) for found, kept in (halves, halves[::-1])
    ]
    score = max(0.0, (min(scores) - _NORMAL) / (1 - _NORMAL))
    direction, middle = _means_line(points[order])
    place = (points - middle) @ direction
    nearest_last = np.argsort(place, kind="stable")
    return TwoGroups(float(score), place > 0, np.stack([nearest_last, nearest_last[::-1]]))


def _means_line(vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Direction (E,) between the means of 2-means, and the point half-way; zeros if all items are equal."""
    centered = vectors - vectors.mean(0)
    # Started from the main axis, by power iteration from the farthest item.
    axis = centered[np.einsum("ne,ne->n", centered, centered).argmax()]
    for _ in range(_STEPS):
        axis = centered.T @ (centered @ axis)
        axis /= max(float(np.linalg.norm(axis)), 1e-300)
    direction, middle = axis, vectors.mean(0)
    second = centered @ axis > 0
    for _ in range(_ROUNDS):
        if not second.any() or second.all():
            return np.zeros_like(axis), middle
        means = np.stack([vectors[~second].mean(0), vectors[second].mean(0)])
        direction, middle = means[1] - means[0], means.mean(0)
        moved = (vectors - middle) @ direction > 0
        if np.array_equal(moved, second):
            break
        second = moved
    return direction, middle


def _explained(values: FloatArray) -> float:
    """Share of the variance of numbers that the best split into two groups explains; 0 if all are equal."""
    n = len(values)
    values = np.sort(values) - values.mean()
    total = float(values @ values)
    least = max(1, int(np.ceil(_SMALLER_GROUP * n)))
    below = np.arange(1, n)
    between = np.cumsum(values)[:-1] ** 2 * n / (below * (n - below))
    allowed = (below >= least) & (below <= n - least)
    return float(between[allowed].max() / total) if total > 1e-12 else 0.0

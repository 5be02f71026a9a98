"""Which of several solutions are worth a look when two or more things are to be small at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError


def non_dominated(points: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """The Pareto front: points than which no other is as small in everything and smaller in something.

    It does not measure: how far a point lies behind the front, nor which of the front's points to take.

    Args:
        points: (n, K) floats, K objectives that are to be small. A point with a NaN is not on the front and
            keeps no other off it.

    Returns:
        bool (n,). Of equal points all are on the front, or none.

    Raises:
        InputError: `points` is not of two dimensions.

    Example:
        >>> non_dominated([[1.0, 0.5], [1.1, 0.3], [1.1, 0.4], [1.2, float("nan")]]).tolist()
        [True, True, False, False]
    """
    points = _check(points)
    with np.errstate(invalid="ignore"):
        nowhere_larger = (points[:, None] <= points[None]).all(axis=2)
        somewhere_smaller = (points[:, None] < points[None]).any(axis=2)
    dominated = (nowhere_larger & somewhere_smaller).any(axis=0)
    return np.asarray(~dominated & ~np.isnan(points).any(axis=1))


def clearly_dominated(point: npt.ArrayLike, others: npt.ArrayLike, margin: float) -> bool:
    """Whether one of the other points is smaller in every objective, and by a margin.

    Args:
        point: (K,) floats >= 0.
        others: (n, K) floats >= 0, or an empty array.
        margin: By what share of itself another point may grow and still be no larger than `point`.

    Returns:
        False as well where a NaN leaves it open.

    Raises:
        InputError: The shapes do not fit together.

    Example:
        >>> clearly_dominated([1.10, 0.40], [[1.05, 0.38]], 0.02)
        True
        >>> clearly_dominated([1.10, 0.40], [[1.09, 0.38], [1.20, 0.10]], 0.02)
        False
    """
    wanted = np.asarray(point, np.float64)
    if not np.size(others):
        return False
    rivals = _check(others)
    if wanted.shape != rivals.shape[1:]:
        raise InputError(
            "point", f"shape {wanted.shape}", f"{rivals.shape[1]} objectives, as the others have"
        )
    return bool((rivals * (1.0 + margin) <= wanted).all(axis=1).any())


def _check(points: npt.ArrayLike) -> npt.NDArray[np.float64]:
    array = np.asarray(points, np.float64)
    if array.ndim != 2:
        raise InputError("points", f"an array of shape {array.shape}", "one of shape (points, objectives)")
    return array

"""What one set of codes gains over another and what that costs, over several seeds.

Figures are paired: a seed decides what is held out and how training goes, so two methods are compared seed
by seed, and the interval is that of the differences rather than of each method by itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from leafcode.errors import InputError

FloatArray = npt.NDArray[np.float64]


class Estimate(NamedTuple):
    """A mean over seeds with its confidence interval; see `mean_interval`."""

    mean: float
    """NaN without any value."""
    low: float
    """Lower end of the interval; NaN with fewer than two values."""
    high: float
    """Upper end of the interval; NaN with fewer than two values."""
    seeds: int
    """Number of values."""


def mean_interval(values: npt.ArrayLike, confidence: float = 0.95) -> Estimate:
    """Mean and confidence interval of the mean, by Student's t distribution.

    It holds for values that are independent and normal. Seeds on one catalogue say how much chance in split
    and training matters there, and nothing about other catalogues.

    Args:
        values: (n,) floats, one per seed; NaN, a seed for which the figure is undefined, is left out.
        confidence: Of the interval, in (0, 1).

    Returns:
        The estimate; with one value the mean alone, its interval is undefined (NaN).

    Raises:
        InputError: Not one dimension, or a confidence out of range.

    Example:
        >>> estimate = mean_interval([0.1, 0.2, 0.3])
        >>> [round(value, 3) for value in estimate]
        [0.2, -0.048, 0.448, 3]
        >>> mean_interval([0.5])
        Estimate(mean=0.5, low=nan, high=nan, seeds=1)
    """
    array = np.asarray(values, np.float64)
    if array.ndim != 1:
        raise InputError("values", f"shape {array.shape}", "one dimension, a value per seed")
    if not 0.0 < confidence < 1.0:
        raise InputError("confidence", str(confidence), "a share in (0, 1)")
    known = array[~np.isnan(array)]
    n = len(known)
    if n < 2:
        return Estimate(float(known[0]) if n else float("nan"), float("nan"), float("nan"), n)
    mean = float(known.mean())
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1) * known.std(ddof=1) / np.sqrt(n))
    return Estimate(mean, mean - half, mean + half, n)


def error_reduction(accuracy: npt.ArrayLike, baseline: npt.ArrayLike) -> FloatArray:
    """By how much the error 1 - accuracy is lower than a baseline's, as a share of the baseline's.

    Args:
        accuracy: Floats in [0, 1], such as `prefix_accuracy` (D,) at each depth.
        baseline: The same of the baseline; shapes broadcast.

    Returns:
        1 - (1 - accuracy) / (1 - baseline): 0.25 means a quarter fewer errors, a negative value more. NaN
        where either is undefined or the baseline makes no error.

    Raises:
        InputError: A value outside [0, 1].

    Example:
        >>> error_reduction([0.7, 0.4], [0.6, 0.5]).round(2).tolist()
        [0.25, -0.2]
    """
    error, other = 1 - _shares(accuracy, "accuracy"), 1 - _shares(baseline, "baseline")
    return np.asarray(1 - error / np.where(other > 0, other, np.nan))


def mean_error_reduction(accuracy: npt.ArrayLike, baseline: npt.ArrayLike) -> float:
    """`error_reduction` of the mean error over depths, each depth counting the same.

    It is not the mean of the reductions: a depth at which errors are rare cannot outweigh the others.

    Args:
        accuracy: (D,) floats in [0, 1].
        baseline: (D,) floats in [0, 1]. Depths at which either is NaN take no part.

    Returns:
        The reduction; NaN without a depth or a baseline error.

    Raises:
        InputError: A value outside [0, 1], or another number of depths.

    Example:
        >>> round(mean_error_reduction([0.7, 0.4], [0.6, 0.5]), 2)
        0.0
    """
    a, b = _shares(accuracy, "accuracy"), _shares(baseline, "baseline")
    if a.shape != b.shape or a.ndim != 1:
        raise InputError("baseline", f"shape {b.shape}", f"one dimension, as the accuracy of shape {a.shape}")
    known = ~np.isnan(a) & ~np.isnan(b)
    if not known.any():
        return float("nan")
    return float(error_reduction(a[known].mean(), b[known].mean()))


def reconstruction_ratio(error: npt.ArrayLike, baseline: npt.ArrayLike) -> FloatArray:
    """What codes cost in content: their reconstruction error as a multiple of a baseline's.

    Args:
        error: Floats >= 0, such as `reconstruction_error`.
        baseline: The same of the baseline; shapes broadcast.

    Returns:
        error / baseline: 1.05 means 5% more content lost. NaN where either is undefined or the baseline
        loses nothing.

    Raises:
        InputError: A negative error.

    Example:
        >>> reconstruction_ratio([0.21, 0.19], 0.2).round(2).tolist()
        [1.05, 0.95]
    """
    ours, other = (np.asarray(values, np.float64) for values in (error, baseline))
    for name, values in (("error", ours), ("baseline", other)):
        if bool((values < 0).any()):
            raise InputError(name, str(float(np.nanmin(values))), "reconstruction errors >= 0")
    return np.asarray(ours / np.where(other > 0, other, np.nan))


def _shares(values: npt.ArrayLike, name: str) -> FloatArray:
    array = np.asarray(values, np.float64)
    wrong = (array < 0) | (array > 1)
    if bool(wrong.any()):
        raise InputError(name, str(float(array[wrong].flat[0])), "shares in [0, 1], or NaN")
    return array

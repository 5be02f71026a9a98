"""How bad the mistakes of a classifier are, by the tree of its classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError
from leafcode.evaluation._arrays import Int64Array, mean_or_nan
from leafcode.evaluation._checks import check_ancestors


def mistake_severity(predicted: npt.ArrayLike, true: npt.ArrayLike, class_ancestors: npt.ArrayLike) -> float:
    """Mean height of the lowest common ancestor (LCA) of the predicted and the true class, over mistakes.

    The height is the number of steps from the deeper of the two classes up to the ancestor, as in
    `leafcode.taxonomy.lca_height`: 1 for a sibling, 2 for a cousin, the depth of the deeper class for one
    under another root. Where all classes lie at one depth this is the height that the source uses.

    It does not measure how many mistakes there are. A better classifier can have a higher severity, for it
    may be the easy, mild mistakes that are gone: read it beside the accuracy.

    Source: "hierarchical distance of a mistake" in Bertinetto et al., "Making Better Mistakes: Leveraging
    Class Hierarchies with Deep Networks" (CVPR 2020), section 2.

    Args:
        predicted: Integers (m,), classes in [0, C).
        true: Integers (m,), classes; -1 for items without a known class, which are left out.
        class_ancestors: Integers (C, D): node ids, the ancestor of each class at each depth from the top, -1
            below the class's own. With node ids for classes this is ``Taxonomy.ancestors``.

    Returns:
        The mean, at least 1; NaN without a mistake.

    Raises:
        InputError: Shapes or types do not fit together, or a class is out of range or without a path.

    Example:
        >>> classes = [[0, 1], [0, 2], [3, 4]]  # A > x, A > y, B > z
        >>> mistake_severity([0, 1, 2, 0], [0, 0, 0, 0], classes)  # right, a sibling, a stranger, right
        1.5
    """
    rows, truth, ancestors = _check(predicted, true, class_ancestors)
    if rows.ndim != 1:
        raise InputError("predicted", f"shape {rows.shape}", f"({len(truth)},), one class per item")
    wrong = (rows != truth) & (truth >= 0)
    return mean_or_nan(_lca_heights(rows[wrong], truth[wrong], ancestors))


def hierarchical_distance(
    predicted: npt.ArrayLike, true: npt.ArrayLike, class_ancestors: npt.ArrayLike
) -> float:
    """Mean height of the lowest common ancestor of the true class and every predicted one, right or wrong.

    With one prediction per item it is the share of mistakes times their `mistake_severity`. With the k most
    likely classes of each item it says whether the whole list is near; then it cannot be 0, for only one
    class of the k is right, and is to be compared at one k only. The order among the k has no influence.

    Source: "average hierarchical distance of top-k" in Bertinetto et al., "Making Better Mistakes" (CVPR
    2020), section 2; heights as in `mistake_severity`.

    Args:
        predicted: Integers (m,) or (m, k), classes in [0, C).
        true: Integers (m,), classes; -1 for items without a known class, which are left out.
        class_ancestors: Integers (C, D), as in `mistake_severity`.

    Returns:
        The mean over items and predictions; NaN without an item.

    Raises:
        InputError: Shapes or types do not fit together, or a class is out of range or without a path.

    Example:
        >>> classes = [[0, 1], [0, 2], [3, 4]]
        >>> hierarchical_distance([0, 1, 2, 0], [0, 0, 0, 0], classes)
        0.75
        >>> hierarchical_distance([[0, 1], [0, 2]], [0, 0], classes)
        0.75
    """
    rows, truth, ancestors = _check(predicted, true, class_ancestors)
    rows = rows[:, None] if rows.ndim == 1 else rows
    known = truth >= 0
    return mean_or_nan(_lca_heights(rows[known], truth[known, None], ancestors))


def _lca_heights(a: Int64Array, b: Int64Array, ancestors: Int64Array) -> npt.NDArray[np.int32]:
    """Steps from the deeper of two classes up to their lowest common ancestor; broadcasts."""
    depth = (ancestors >= 0).sum(axis=1, dtype=np.int32)
    heights: npt.NDArray[np.int32] = np.maximum(depth[a], depth[b])
    for column in ancestors.T:
        heights -= (column[a] == column[b]) & (column[a] >= 0)
    return heights


def _check(
    predicted: npt.ArrayLike, true: npt.ArrayLike, class_ancestors: npt.ArrayLike
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """The three arguments as int64 arrays that fit together."""
    ancestors = check_ancestors(class_ancestors, "class_ancestors")
    if ancestors.shape[1] == 0 or bool((ancestors[:, 0] < 0).any()):
        found = (
            "no depth" if ancestors.shape[1] == 0 else f"row {int(np.argmin(ancestors[:, 0]))} without one"
        )
        raise InputError("class_ancestors", found, "a path for every class")
    truth, rows = np.asarray(true), np.asarray(predicted)
    _check_classes(truth, "true", 1, -1, len(ancestors))
    _check_classes(rows, "predicted", rows.ndim if rows.ndim in (1, 2) else 1, 0, len(ancestors))
    if len(rows) != len(truth):
        raise InputError("predicted", f"{len(rows)} rows", f"{len(truth)}, one per true class")
    return rows.astype(np.int64), truth.astype(np.int64), ancestors


def _check_classes(values: npt.NDArray[Any], where: str, ndim: int, low: int, classes: int) -> None:
    if values.ndim != ndim or not (np.issubdtype(values.dtype, np.integer) or values.size == 0):
        shape = "(m,)" if where == "true" else "(m,) or (m, k)"
        raise InputError(where, f"{values.dtype} of shape {values.shape}", f"integers of shape {shape}")
    if values.size and not low <= int(values.min()) <= int(values.max()) < classes:
        found = f"classes from {values.min()} to {values.max()}"
        raise InputError(where, found, f"classes from {low} to {classes - 1}")

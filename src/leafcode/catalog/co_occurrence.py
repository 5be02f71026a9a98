"""Co-occurrence: how often two items share a basket, or stand near each other in a session."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from leafcode.errors import InputError

Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]


class CoOccurrence(NamedTuple):
    """What `count_pairs` returns: every pair of items that occur together, once, in order.

    Attributes:
        first: int64 (p,), the smaller item of each pair; pairs are sorted by (first, second).
        second: int64 (p,), the larger item.
        weight: float64 (p,): sum of the pair's weights over the baskets.
        support: int64 (p,): number of baskets that hold the pair.
        baskets: Number of baskets that hold a pair and were counted.
        left_out: Number of baskets that were too large.
    """

    first: Int64Array
    second: Int64Array
    weight: Float64Array
    support: Int64Array
    baskets: int
    left_out: int


def count_pairs(
    basket: npt.NDArray[Any],
    item: npt.NDArray[np.integer[Any]],
    n_items: int,
    *,
    window: int | None = None,
    position: npt.NDArray[Any] | None = None,
    max_basket: int = 1000,
) -> CoOccurrence:
    """Count pairs of items over baskets, or over sessions with a window.

    An item counts once in a basket; in a session it stands where it first occurs. A basket of k different
    items is k (k - 1) / 2 pairs, each of weight 1 / (k - 1): every item adds 1 in all, however large the
    basket, so that a bulk order does not outvote many small ones. With a window only items at most that many
    places apart make a pair, and the weight is 1 / min(k - 1, 2 · window), the most partners there can be.

    Args:
        basket: (m,) integers or texts: the basket, session or user of each line, in any order.
        item: Integers (m,) in [0, n_items).
        n_items: Number of items.
        window: Places between two items of a session at most, 1 for neighbours; None for whole baskets.
        position: Numbers or times (m,): order of the lines in their session; ties go by item number. By
            default the order in which the lines are given.
        max_basket: Whole baskets of more different items are left out, as their pairs grow with the square
            and say least. Without effect where there is a window.

    Returns:
        The pairs, with their weights and supports.

    Raises:
        InputError: Lengths differ, an item is out of range, or a setting is.

    Example:
        >>> pairs = count_pairs(np.array([7, 7, 7, 8, 8]), np.array([0, 1, 2, 0, 1]), 3)
        >>> list(zip(pairs.first.tolist(), pairs.second.tolist(), pairs.weight.tolist()))
        [(0, 1, 1.5), (0, 2, 0.5), (1, 2, 0.5)]
        >>> pairs.support.tolist()
        [2, 1, 1]
    """
    basket, places, order = _check(basket, item, n_items, window, position, max_basket)
    if len(places) == 0:
        nothing = np.zeros(0, np.int64)
        return CoOccurrence(nothing, nothing, np.zeros(0), nothing, 0, 0)
    number = np.unique(basket, return_inverse=True)[1].astype(np.int64)
    # First occurrences: sorted by basket, item and place, the first of each (basket, item) stays.
    by_item = np.lexsort((order, places, number))
    repeated = (np.diff(number[by_item]) == 0) & (np.diff(places[by_item]) == 0)
    kept = by_item[np.append(True, ~repeated)]
    number, places, order = number[kept], places[kept], order[kept]
    sizes: Int64Array = np.bincount(number)
    if window is None:
        left_out, used = sizes > max_basket, (sizes > 1) & (sizes <= max_basket)
        pairs = _whole_baskets(number[used[number]], places[used[number]], sizes, n_items)
    else:
        left_out, used = np.zeros(len(sizes), bool), sizes > 1
        by_place = np.lexsort((places, order, number))
        pairs = _windows(number[by_place], places[by_place], sizes, n_items, window)
    return CoOccurrence(*pairs, int(np.count_nonzero(used)), int(np.count_nonzero(left_out)))


_Pairs = tuple[Int64Array, Int64Array, Float64Array, Int64Array]


def _whole_baskets(number: Int64Array, item: Int64Array, sizes: Int64Array, n_items: int) -> _Pairs:
    """All pairs of each basket, as a product of sparse matrices."""
    members = sp.csr_array((np.ones(len(item)), (number, item)), shape=(len(sizes), n_items))
    shares = sp.csr_array((1 / (sizes[number] - 1), (number, item)), shape=members.shape)
    # Both products have the same pattern, so that entries meet after sorting.
    weight, support = (sp.triu(members.T @ matrix, 1).tocsr() for matrix in (shares, members))
    weight.sort_indices()
    support.sort_indices()
    first, second = (places.astype(np.int64) for places in weight.tocoo().coords)
    return first, second, weight.data, np.rint(support.data).astype(np.int64)


def _windows(number: Int64Array, item: Int64Array, sizes: Int64Array, n_items: int, window: int) -> _Pairs:
    """Pairs at most ``window`` places apart; lines come in order, each item once in a session."""
    longest = int(sizes.max())
    first, second, session = [], [], []
    for lag in range(1, min(window, longest - 1) + 1):
        together = np.flatnonzero(number[lag:] == number[:-lag])
        first.append(item[together])
        second.append(item[together + lag])
        session.append(number[together])
    if not first:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, np.zeros(0), nothing
    one: Int64Array = np.concatenate(first)
    other: Int64Array = np.concatenate(second)
    where: Int64Array = np.concatenate(session)
    pair, place, support = np.unique(
        np.minimum(one, other) * n_items + np.maximum(one, other), return_inverse=True, return_counts=True
    )
    weight = np.bincount(place, 1 / np.minimum(sizes[where] - 1, 2 * window), len(pair))
    return pair // n_items, pair % n_items, weight.astype(np.float64), support.astype(np.int64)


def _check(
    basket: npt.NDArray[Any],
    item: npt.NDArray[np.integer[Any]],
    n_items: int,
    window: int | None,
    position: npt.NDArray[Any] | None,
    max_basket: int,
) -> tuple[npt.NDArray[Any], Int64Array, npt.NDArray[Any]]:
    """The lines as arrays that fit together, with the order of each."""
    basket, item = np.asarray(basket), np.asarray(item)
    if item.ndim != 1 or not (np.issubdtype(item.dtype, np.integer) or item.size == 0):
        raise InputError("item", f"{item.dtype} of shape {item.shape}", "integers of shape (m,)")
    if basket.shape != item.shape or (basket.dtype.kind not in "iuUSO" and item.size > 0):
        found = f"{basket.dtype} of shape {basket.shape}"
        raise InputError("basket", found, f"integers or texts of shape {item.shape}, one per line")
    wrong = np.flatnonzero((item < 0) | (item >= n_items))
    if len(wrong) > 0:
        found = f"the item {item[wrong[0]]}"
        raise InputError(f"item: row {wrong[0]}", found, f"an item in [0, {n_items:,})")
    if window is not None and window < 1:
        raise InputError("window", repr(window), "at least 1, or None for whole baskets")
    if max_basket < 2:
        raise InputError("max_basket", repr(max_basket), "at least 2")
    if position is None:
        return basket, item.astype(np.int64), np.arange(len(item))
    position = np.asarray(position)
    if position.shape != item.shape or position.dtype.kind not in "iufM":
        found = f"{position.dtype} of shape {position.shape}"
        raise InputError("position", found, f"numbers or times of shape {item.shape}, one per line")
    missing = np.isnan(position) if position.dtype.kind in "fM" else np.zeros(len(item), bool)
    if missing.any():
        raise InputError(f"position: row {int(np.argmax(missing))}", "no number", "the place in the session")
    return basket, item.astype(np.int64), position

"""Retrieval measures, counted on items: recall and normalised discounted gain of ranked lists."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from leafcode.errors import InputError
from leafcode.evaluation._arrays import Int64Array, mean_or_nan
from leafcode.evaluation._checks import check_positive

Float64Array = npt.NDArray[np.float64]


def recall_at_k(ranked: npt.ArrayLike, relevant: sp.csr_array, k: int) -> float:
    """Share of a query's relevant items among its first k, averaged over the queries that have any.

    With one relevant item per query this is the hit rate. It does not measure: the order among the k, or how
    good the other items are (a sibling of the right item counts as little as a stranger). It cannot reach 1
    where a query has more than k relevant items. Count items here, not Semantic IDs: a code that several
    items share would be a hit for all of them.

    Args:
        ranked: Integers (m, r), r at least k: item numbers, best first, -1 for none; no item twice in a row.
            From `code_neighbors`, or any other ranking.
        relevant: Sparse (m, n), not negative: items with an entry above 0 are relevant to the row's query.
        k: Places to look at, 1 or more.

    Returns:
        The mean, NaN if no query has a relevant item.

    Raises:
        InputError: Shapes or types do not fit, an item is out of range or ranked twice, or there are fewer
            than k places.

    Example:
        >>> relevant = sp.csr_array(np.array([[1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]))
        >>> recall_at_k([[0, 2], [3, 1], [0, 1]], relevant, 2)
        0.75
    """
    rows, gains = _check(ranked, relevant, k)
    total = np.diff(gains.indptr)
    found = np.count_nonzero(_gains_at(rows, gains) > 0, axis=1)
    return mean_or_nan(found[total > 0] / total[total > 0])


def ndcg_at_k(ranked: npt.ArrayLike, relevant: sp.csr_array, k: int) -> float:
    """Normalised discounted cumulative gain: are the relevant items among the first k, and early?

    An item at place i, from 1, adds gain / log2(i + 1); a query's sum is divided by the largest there can be,
    for its k best items in order. The gains are linear, as given; for 2^g - 1, as in web search, pass those.

    It does not measure: items beyond place k, or a query without a relevant item, which is left out.

    Source: Järvelin & Kekäläinen, "Cumulated gain-based evaluation of IR techniques" (TOIS 2002), in the form
    with a discount at every place.

    Args:
        ranked: Integers (m, r), as in `recall_at_k`.
        relevant: Sparse (m, n), not negative: the gain of each item for each query, 0 for the others.
        k: Places to look at, 1 or more.

    Returns:
        The mean over queries, in [0, 1]; NaN if no query has a relevant item.

    Raises:
        InputError: As for `recall_at_k`.

    Example:
        >>> round(ndcg_at_k([[2, 0]], sp.csr_array(np.array([[1.0, 0.0, 0.0]])), 2), 3)
        0.631
    """
    rows, gains = _check(ranked, relevant, k)
    discounts = 1 / np.log2(np.arange(2, k + 2))
    gained = _gains_at(rows, gains) @ discounts
    # The ideal list is made of all relevant items, and cut at k only then.
    query = np.repeat(np.arange(len(rows)), np.diff(gains.indptr))
    best_first = np.lexsort((-gains.data, query))
    place = np.arange(len(query)) - gains.indptr[query]
    kept = place < k
    ideal = np.bincount(query[kept], gains.data[best_first][kept] * discounts[place[kept]], len(rows))
    return mean_or_nan(gained[ideal > 0] / ideal[ideal > 0])


def _gains_at(rows: Int64Array, gains: sp.csr_array) -> Float64Array:
    """float64 (m, k): the gain of each ranked item for its query, 0 for those without an entry."""
    queries, width = gains.shape
    # Every entry has a number of its own, ascending: row · n + column.
    keys = np.repeat(np.arange(queries), np.diff(gains.indptr)) * width + gains.indices
    wanted = np.arange(queries)[:, None] * width + rows
    place = np.searchsorted(keys, wanted)
    inside = (rows >= 0) & (place < len(keys))
    held = np.zeros(rows.shape)
    place = place[inside]
    held[inside] = np.where(keys[place] == wanted[inside], gains.data[place], 0)
    return held


def _check(ranked: npt.ArrayLike, relevant: sp.csr_array, k: int) -> tuple[Int64Array, sp.csr_array]:
    """The first k ranked items, int64 (m, k), and the positive gains as float64 CSR with sorted columns."""
    check_positive(k, "k")
    if not sp.issparse(relevant) or relevant.ndim != 2:
        raise InputError("relevant", f"a {type(relevant).__name__}", "a sparse matrix, a row per query")
    rows = np.asarray(ranked)
    if rows.ndim != 2 or len(rows) != relevant.shape[0] or not np.issubdtype(rows.dtype, np.integer):
        found = f"{rows.dtype} of shape {rows.shape}"
        raise InputError("ranked", found, f"integers of shape ({relevant.shape[0]}, r), a row per query")
    if rows.shape[1] < k:
        raise InputError("ranked", f"{rows.shape[1]} places", f"at least k = {k}; pad with -1")
    rows = rows[:, :k].astype(np.int64)
    if rows.size and not -1 <= int(rows.min()) <= int(rows.max()) < relevant.shape[1]:
        found = f"items from {rows.min()} to {rows.max()}"
        raise InputError("ranked", found, f"items from -1 to {relevant.shape[1] - 1}")
    ordered = np.sort(rows, axis=1)
    twice = ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)).any(axis=1)
    if twice.any():
        raise InputError(f"ranked: row {int(np.argmax(twice))}", "an item twice", "different items")
    gains = sp.csr_array(relevant, dtype=np.float64, copy=True)
    gains.sum_duplicates()
    if not (gains.data >= 0).all() or not np.isfinite(gains.data).all():
        raise InputError("relevant", "a negative gain, a NaN or an infinity", "gains of at least 0")
    gains.eliminate_zeros()
    return rows, gains

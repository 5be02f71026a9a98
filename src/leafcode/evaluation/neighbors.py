"""Are neighbours by code related: retrieval by shared prefix, scored against the tree."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError
from leafcode.evaluation._arrays import Int64Array, mean_or_nan, prefix_ids, row_blocks, top_k, unit_rows
from leafcode.evaluation._checks import (
    check_ancestors,
    check_codes,
    check_positive,
    check_vectors,
    check_widths,
)


def code_neighbors(
    train_codes: npt.ArrayLike,
    train_quantized: npt.ArrayLike,
    query_codes: npt.ArrayLike,
    query_quantized: npt.ArrayLike,
    *,
    k: int = 10,
) -> Int64Array:
    """The first k training items for each query, by shared prefix, then by cosine of quantised vectors.

    Items rank by the number of leading codes they share with the query; among equals the larger cosine
    comes first, and among equal cosines (to 9 decimals) the smaller row. A quantised vector of zeros has
    cosine 0 with everything. The result is exact; memory stays bounded by working in blocks.

    Args:
        train_codes: (n, L) non-negative integers.
        train_quantized: (n, Q) floats, the quantised vector of each item (the sum of its codewords).
        query_codes: (m, L), as `train_codes`.
        query_quantized: (m, Q), as `train_quantized`.
        k: Number of neighbours, 1 or more.

    Returns:
        int64 (m, k): training rows, best first; padded with -1 if there are fewer than k training items.

    Raises:
        InputError: If shapes or types do not fit together, or a number is not finite.

    Example:
        >>> code_neighbors([[0, 0], [0, 1], [1, 0]], [[1.0, 0.0], [0.0, 1.0], [1.0, 0.1]],
        ...                [[0, 2]], [[0.2, 1.0]], k=2)
        array([[1, 0]])
    """
    check_positive(k, "k")
    train_codes, query_codes = (
        check_codes(train_codes, "train_codes"),
        check_codes(query_codes, "query_codes"),
    )
    check_widths(train_codes, query_codes, "query_codes")
    train_quantized = check_vectors(train_quantized, "train_quantized", len(train_codes))
    query_quantized = check_vectors(query_quantized, "query_quantized", len(query_codes))
    check_widths(train_quantized, query_quantized, "query_quantized")

    n, queries = len(train_codes), len(query_codes)
    neighbors = np.full((queries, k), -1, dtype=np.int64)
    found = min(k, n)
    if found == 0 or queries == 0:
        return neighbors
    train_ids, query_ids = prefix_ids(train_codes, query_codes)
    train_unit, query_unit = unit_rows(train_quantized), unit_rows(query_quantized)

    # Training items in code order: the holders of a prefix are one interval, here for every query and
    # length. The longest prefix with enough holders has all neighbours among them.
    order = np.argsort(train_ids[:, -1], kind="stable")
    start = np.zeros((queries, train_ids.shape[1] + 1), dtype=np.int64)
    stop = np.full_like(start, n)
    for level in range(train_ids.shape[1]):
        held = train_ids[order, level]
        start[:, level + 1] = np.searchsorted(held, query_ids[:, level], side="left")
        stop[:, level + 1] = np.searchsorted(held, query_ids[:, level], side="right")
    length = np.count_nonzero(stop - start >= found, axis=1) - 1
    start, stop = start[np.arange(queries), length], stop[np.arange(queries), length]

    # One matrix product per distinct prefix: its queries against its holders.
    by_prefix = np.lexsort((start, length))
    changes = (np.diff(length[by_prefix]) != 0) | (np.diff(start[by_prefix]) != 0)
    for group in np.split(by_prefix, np.flatnonzero(changes) + 1):
        columns = np.sort(order[start[group[0]] : stop[group[0]]])
        for block in row_blocks(len(group), len(columns)):
            rows = group[block]
            scores = np.round(query_unit[rows] @ train_unit[columns].T, 9)
            for level in range(int(length[group[0]]), train_ids.shape[1]):
                # A shared code outweighs any cosine, which spans 2.
                scores += 4.0 * (query_ids[rows, level, None] == train_ids[columns, level])
            neighbors[rows, :found] = columns[top_k(scores, found)]
    return neighbors


def hp_at_k(
    neighbors: npt.ArrayLike, train_ancestors: npt.ArrayLike, query_ancestors: npt.ArrayLike
) -> float:
    """Hierarchical precision at k: how related the neighbours are, against the best there could be.

    The gain of a neighbour is the depth of the lowest common ancestor over the depth of the query's
    node: 1 in the query's category (or beneath it), 0 without a shared ancestor. A query scores the sum
    of its k gains over the largest sum that any k training items would give. Unlabelled queries are left
    out, and so are queries to which no training item is related: their best sum is 0. An unlabelled
    neighbour gains 0 and keeps its place.

    It does not measure: the order among the k, whether neighbours are similar in content, or relatives
    that the first k leave out. Shallow agreement pays: in a tree of depth 2 the right department alone
    scores one half.

    Source: hierarchical precision as in Barz & Denzler, "Hierarchy-based Image Embeddings for Semantic
    Image Retrieval" (WACV 2019), with the depth of the lowest common ancestor as similarity.

    Args:
        neighbors: (m, k) training rows, -1 for none, from `code_neighbors`.
        train_ancestors: (n, D) node ids, the ancestor at each depth from the top, -1 below the item's
            own node; a row of -1 is an unlabelled item.
        query_ancestors: (m, D), as `train_ancestors`.

    Returns:
        The mean over the queries that are not left out; NaN if there is none.

    Raises:
        InputError: If shapes or types do not fit together, or a row number is out of range.

    Example:
        >>> hp_at_k([[1, 0]], [[0, 1], [0, 2], [0, 1]], [[0, 1]])
        0.75
    """
    neighbors, train, queries = _check_neighbors(neighbors, train_ancestors, query_ancestors)
    labelled = queries[:, 0] >= 0 if queries.shape[1] else np.zeros(len(queries), dtype=bool)
    neighbors, queries = neighbors[labelled], queries[labelled]
    gained = np.zeros(len(queries), dtype=np.int64)
    best = np.zeros(len(queries), dtype=np.int64)
    # The depth of a lowest common ancestor counts the depths at which ancestors agree, so both sums build
    # up depth by depth. The best k hold as many agreements at depth d as k places and the tree allow. The
    # division by the query's depth cancels.
    for depth in range(queries.shape[1]):
        wanted = queries[:, depth]
        gained += np.count_nonzero(_agree(neighbors, train[:, depth], wanted), axis=1)
        held = np.sort(train[train[:, depth] >= 0, depth])
        holders = np.searchsorted(held, wanted, side="right") - np.searchsorted(held, wanted, side="left")
        best += np.minimum(holders, neighbors.shape[1])
    attainable = best > 0
    return mean_or_nan(gained[attainable] / best[attainable])


def precision_at_k(
    neighbors: npt.ArrayLike, train_ancestors: npt.ArrayLike, query_ancestors: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Share of the neighbours with the query's depth-d ancestor, at every depth d.

    Queries whose path is shorter than d are left out at d. A neighbour that is unlabelled, or whose path
    is shorter than d, does not match and keeps its place. With fewer than k training items the share is
    of those there are.

    It does not measure: near misses (a sibling counts as little as a stranger), the order among the k,
    or recall. It cannot reach 1 where a category has fewer than k training items; `hp_at_k` is scaled by
    what is attainable.

    Args:
        neighbors: (m, k) training rows, -1 for none, from `code_neighbors`.
        train_ancestors: (n, D) node ids, the ancestor at each depth from the top, -1 below the item's
            own node; a row of -1 is an unlabelled item.
        query_ancestors: (m, D), as `train_ancestors`.

    Returns:
        float64 (D,): index d - 1 holds depth d; NaN where no query reaches that depth, or where there
        are no neighbours at all.

    Raises:
        InputError: If shapes or types do not fit together, or a row number is out of range.

    Example:
        >>> precision_at_k([[1, 0]], [[0, 1], [0, 2], [0, 1]], [[0, 1]])
        array([1. , 0.5])
    """
    neighbors, train, queries = _check_neighbors(neighbors, train_ancestors, query_ancestors)
    precision = np.full(queries.shape[1], np.nan)
    for depth in range(queries.shape[1]):
        scored = (queries[:, depth] >= 0) & (neighbors >= 0).any(axis=1)
        hits = _agree(neighbors[scored], train[:, depth], queries[scored, depth])
        shares = np.count_nonzero(hits, axis=1) / np.count_nonzero(neighbors[scored] >= 0, axis=1)
        precision[depth] = mean_or_nan(shares)
    return precision


def _agree(neighbors: Int64Array, train_nodes: Int64Array, query_nodes: Int64Array) -> npt.NDArray[np.bool_]:
    """Where (m, k) neighbours have their query's node, a query node of -1 agreeing with none."""
    if len(train_nodes) == 0:
        return np.zeros(neighbors.shape, dtype=bool)
    same: npt.NDArray[np.bool_] = train_nodes[neighbors] == query_nodes[:, None]
    return same & (neighbors >= 0) & (query_nodes >= 0)[:, None]


def _check_neighbors(
    neighbors: npt.ArrayLike, train_ancestors: npt.ArrayLike, query_ancestors: npt.ArrayLike
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """The three arguments that both measures take, as int64 arrays that fit together."""
    train = check_ancestors(train_ancestors, "train_ancestors")
    queries = check_ancestors(query_ancestors, "query_ancestors")
    check_widths(train, queries, "query_ancestors")
    rows = np.asarray(neighbors)
    if rows.ndim != 2 or len(rows) != len(queries) or not np.issubdtype(rows.dtype, np.integer):
        raise InputError(
            "neighbors",
            f"{rows.dtype} of shape {rows.shape}",
            f"integers of shape ({len(queries)}, k), a row per query",
        )
    if rows.size and (rows.min() < -1 or rows.max() >= len(train)):
        raise InputError(
            "neighbors", f"rows from {rows.min()} to {rows.max()}", f"rows from -1 to {len(train) - 1}"
        )
    return rows.astype(np.int64, copy=False), train, queries

"""Array operations that several measures share: prefixes, unit vectors, votes and top-k."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.evaluation._checks import FloatArray

Int64Array = npt.NDArray[np.int64]

# Numbers in the largest temporary matrix: 8M, 64 MB as float64.
BLOCK_NUMBERS = 1 << 23


def prefix_ids(*codes: Int64Array) -> list[Int64Array]:
    """Number every code prefix, so that prefixes compare by one integer.

    Args:
        codes: One or more arrays (n, L) of non-negative codes, all with the same L.

    Returns:
        One int64 array (n, L) per input. Within a column l, two entries are equal exactly where the first
        l + 1 codes are equal, across all inputs, and ids are in lexicographic order of the prefixes. So
        rows sorted by the last column are sorted in every column.

    Example:
        >>> prefix_ids(np.array([[7, 1], [7, 0]]), np.array([[2, 1]]))
        [array([[1, 2],
               [1, 1]]), array([[0, 0]])]
    """
    stacked = np.concatenate(codes)
    ids = np.empty_like(stacked)
    previous = np.zeros(len(stacked), dtype=np.int64)
    for level in range(stacked.shape[1]):
        # Dense numbers on both sides keep the product below n * n: no overflow, whatever the codes are.
        values, dense = np.unique(stacked[:, level], return_inverse=True)
        previous = np.unique(previous * len(values) + dense, return_inverse=True)[1].astype(np.int64)
        ids[:, level] = previous
    return np.split(ids, np.cumsum([len(part) for part in codes])[:-1])


def majority_vote(groups: Int64Array, votes: Int64Array, n_groups: int) -> Int64Array:
    """The most frequent vote of each group; ties go to the smaller vote.

    Args:
        groups: int64 (n,), the group of each vote, in [0, n_groups).
        votes: int64 (n,), non-negative.
        n_groups: Number of groups.

    Returns:
        int64 (n_groups,): the winning vote, -1 for a group without votes.

    Example:
        >>> majority_vote(np.array([0, 0, 0, 2, 2]), np.array([5, 4, 5, 9, 8]), 3)
        array([ 5, -1,  8])
    """
    winners = np.full(n_groups, -1, dtype=np.int64)
    values, dense = np.unique(votes, return_inverse=True)
    pairs, counts = np.unique(groups * len(values) + dense, return_counts=True)
    group, value = np.divmod(pairs, max(len(values), 1))
    order = np.lexsort((value, -counts, group))
    present, first = np.unique(group[order], return_index=True)
    winners[present] = values[value[order][first]]
    return winners


def unit_rows(vectors: FloatArray, dtype: type[np.floating[Any]] = np.float64) -> FloatArray:
    """Rows scaled to length 1; a row of zeros stays zero, so that its cosine with anything is 0.

    Example:
        >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]]))
        array([[0.6, 0.8],
               [0. , 0. ]])
    """
    # Dividing by the largest entry first keeps the squares of float16 and of tiny vectors in range.
    result: FloatArray = np.array(vectors, dtype=dtype)
    largest = np.abs(result).max(axis=1, initial=0.0, keepdims=True)
    result /= np.where(largest > 0, largest, 1.0)
    norms = np.linalg.norm(result, axis=1, keepdims=True)
    result /= np.where(norms > 0, norms, 1.0)
    return result


def row_blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices that cut `rows` rows so that a block of rows x columns stays within `BLOCK_NUMBERS`.

    Example:
        >>> [block.stop - block.start for block in row_blocks(5, BLOCK_NUMBERS // 2)]
        [2, 2, 1]
    """
    step = max(1, BLOCK_NUMBERS // max(columns, 1))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def top_k(scores: FloatArray, k: int) -> npt.NDArray[np.intp]:
    """Columns of the k largest scores of each row, best first; ties go to the smaller column.

    Args:
        scores: (m, n) floats without NaN.
        k: Between 1 and n.

    Returns:
        (m, k) column numbers.

    Example:
        >>> top_k(np.array([[0.1, 0.9, 0.9, 0.3]]), 3)
        array([[1, 2, 3]])
    """
    n = scores.shape[1]
    threshold = np.partition(scores, n - k, axis=1)[:, n - k, None]
    keep = scores >= threshold
    crowded = np.flatnonzero(np.count_nonzero(keep, axis=1) > k)
    if len(crowded):
        # More columns than places reach the last place's score: the first of the tied ones get in.
        tied = scores[crowded] == threshold[crowded]
        places = k - np.count_nonzero(keep[crowded] & ~tied, axis=1)
        keep[crowded] &= ~tied | (np.cumsum(tied, axis=1) <= places[:, None])
    columns = np.nonzero(keep)[1].reshape(-1, k)
    ranking = np.argsort(-np.take_along_axis(scores, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, ranking, axis=1)


def is_any_of(predicted: Int64Array, own: Int64Array) -> npt.NDArray[np.bool_]:
    """Whether a predicted node (m,), -1 for none, is one of an item's own (m, P), padded with -1.

    Example:
        >>> is_any_of(np.array([3, -1]), np.array([[2, 3], [2, -1]])).tolist()
        [True, False]
    """
    hits: npt.NDArray[np.bool_] = ((predicted[:, None] == own) & (own >= 0)).any(axis=1)
    return hits


def mean_or_nan(values: npt.NDArray[Any]) -> float:
    """The mean, or NaN of nothing.

    Example:
        >>> mean_or_nan(np.array([True, False])), mean_or_nan(np.array([]))
        (0.5, nan)
    """
    return float(np.mean(values)) if values.size else float("nan")

"""How the codebooks are used, and what the codes share with the categories overall."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.metrics import adjusted_mutual_info_score

from leafcode.errors import InputError
from leafcode.evaluation._arrays import Int64Array, prefix_ids
from leafcode.evaluation._checks import check_ancestors, check_codes, check_positive


def utilization(codes: npt.ArrayLike, codebook_sizes: Sequence[int]) -> npt.NDArray[np.float64]:
    """Share of each codebook's entries that at least one item uses.

    It does not measure: how evenly they are used (`perplexity` does); an entry with one item counts as
    one with a thousand.

    Args:
        codes: (n, L) integers, column l in [0, codebook_sizes[l]).
        codebook_sizes: Number of entries of each of the L codebooks.

    Returns:
        float64 (L,), each in (0, 1]; NaN without items.

    Raises:
        InputError: If a code does not exist in its codebook, or the number of codebooks is not L.

    Example:
        >>> utilization([[0, 0], [1, 0], [1, 2]], [2, 4])
        array([1. , 0.5])
    """
    codes = _check_codes_exist(codes, codebook_sizes)
    if len(codes) == 0:
        return np.full(codes.shape[1], np.nan)
    used = [len(np.unique(codes[:, level])) / size for level, size in enumerate(codebook_sizes)]
    return np.array(used, dtype=np.float64)


def perplexity(codes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Effective number of entries in use at each level: exp of the entropy of the usage.

    Between 1 (one entry holds all items) and the codebook's size (all entries hold equally many).

    It does not measure: each level stands alone, so it says nothing of how many different codes there
    are in full, nor whether the entries are good ones.

    Args:
        codes: (n, L) non-negative integers.

    Returns:
        float64 (L,); NaN without items.

    Raises:
        InputError: If `codes` is no matrix of non-negative integers.

    Example:
        >>> perplexity([[0, 5], [1, 5], [2, 5], [3, 5]])
        array([4., 1.])
    """
    codes = check_codes(codes, "codes")
    result = np.full(codes.shape[1], np.nan)
    for level in range(codes.shape[1] if len(codes) else 0):
        share = np.unique(codes[:, level], return_counts=True)[1] / len(codes)
        result[level] = np.exp(-(share * np.log(share)).sum())
    return result


def collision_rate(codes: npt.ArrayLike) -> float:
    """Share of items whose full code some other item has too.

    It does not measure: how large the groups are, or whether the items in them are duplicates that
    should share a code. Count it before codes are made unique by a suffix: afterwards it is 0.

    Args:
        codes: (n, L) non-negative integers.

    Returns:
        A number in [0, 1]; NaN without items.

    Raises:
        InputError: If `codes` is no matrix of non-negative integers.

    Example:
        >>> collision_rate([[0, 1], [0, 1], [0, 2], [1, 1]])
        0.5
    """
    codes = check_codes(codes, "codes")
    if len(codes) == 0:
        return float("nan")
    holders = np.unique(prefix_ids(codes)[0][:, -1], return_counts=True)[1]
    return float(holders[holders > 1].sum() / len(codes))


def ami(codes: npt.ArrayLike, ancestors: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Adjusted mutual information of the first l codes with the depth-d category, for every l and d.

    0 is what chance gives, 1 is the same partition; below 0 is less than chance. Items whose path is
    shorter than d are left out at d. The normalisation is by the mean of the two entropies.

    It does not measure: the tree as such (categories are a flat partition at each depth), or content.
    Finer codes than categories lower it, even if every code group is pure.

    Source: Vinh, Epps & Bailey, "Information Theoretic Measures for Clusterings Comparison" (JMLR 2010),
    as computed by scikit-learn.

    Args:
        codes: (n, L) non-negative integers.
        ancestors: (n, D) node ids, the ancestor at each depth from the top, -1 below the item's own
            node; a row of -1 is an unlabelled item.

    Returns:
        float64 (L, D): index (l - 1, d - 1). NaN where the measure is 0 / 0: fewer than two items, or
        both partitions have one class only, or both have one item in every class.

    Raises:
        InputError: If shapes or types do not fit together.

    Example:
        >>> ami([[0, 1], [0, 2], [1, 1], [1, 1]], [[0, 1], [0, 1], [2, 3], [2, 4]]).round(2)
        array([[ 1.  ,  0.57],
               [ 0.57, -0.2 ]])
    """
    codes = check_codes(codes, "codes")
    ancestors = check_ancestors(ancestors, "ancestors", len(codes))
    ids = prefix_ids(codes)[0]
    result = np.full((ids.shape[1], ancestors.shape[1]), np.nan)
    for depth in range(ancestors.shape[1]):
        reached = ancestors[:, depth] >= 0
        for level in range(ids.shape[1]):
            result[level, depth] = _ami_of(ids[reached, level], ancestors[reached, depth])
    return result


def _ami_of(groups: Int64Array, nodes: Int64Array) -> float:
    """Adjusted mutual information of two partitions, NaN where it is 0 / 0."""
    n, n_groups, n_nodes = len(groups), len(np.unique(groups)), len(np.unique(nodes))
    # scikit-learn calls these perfect agreement; there is nothing on which the two could disagree.
    if n < 2 or n_groups == n_nodes == 1 or n_groups == n_nodes == n:
        return float("nan")
    return float(adjusted_mutual_info_score(nodes, groups))


def _check_codes_exist(codes: npt.ArrayLike, codebook_sizes: Sequence[int]) -> Int64Array:
    """The codes as int64, once each is known to be an entry of its codebook."""
    codes = check_codes(codes, "codes")
    if len(codebook_sizes) != codes.shape[1]:
        raise InputError(
            "codebook_sizes", f"{len(codebook_sizes)} codebooks", f"{codes.shape[1]}, one per column of codes"
        )
    for size in codebook_sizes:
        check_positive(size, "codebook_sizes")
    beyond = codes >= np.array(codebook_sizes)
    if beyond.any():
        row, level = (int(index) for index in np.argwhere(beyond)[0])
        raise InputError(
            f"codes: row {row}, level {level + 1}",
            f"code {codes[row, level]}",
            f"a code below {codebook_sizes[level]}, the size of its codebook",
        )
    return codes

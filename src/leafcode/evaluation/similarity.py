"""Do the codes follow content: shared prefixes against the cosine of the input embeddings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from leafcode.evaluation._arrays import Int64Array, prefix_ids, row_blocks, unit_rows
from leafcode.evaluation._checks import check_codes, check_embeddings, check_positive, check_widths


def similarity_depth_spearman(
    codes: npt.ArrayLike, embeddings: npt.ArrayLike, *, seed: int, pairs_per_length: int = 10_000
) -> float:
    """Spearman correlation of the cosine of two items with the number of leading codes they share.

    Pairs are drawn evenly from each prefix length: the same number for each length 0 to L that any pair
    has, every pair of that exact length being equally likely, with replacement. Without this almost all
    pairs would share no code at all.

    It does not measure: the tree, or how many pairs share a prefix at all. The lengths take only L + 1
    values, so 1 would take one and the same cosine for all pairs of a length. Compare it between code
    sets of the same L only.

    Args:
        codes: (n, L) non-negative integers.
        embeddings: (n, E) floats, the input embeddings.
        seed: Seed of the draw.
        pairs_per_length: Number of pairs drawn for each length.

    Returns:
        The rank correlation, in [-1, 1]; NaN where it is undefined: all pairs share the same number of
        codes, or all cosines drawn are equal.

    Raises:
        InputError: If shapes or types do not fit together, or a row of `embeddings` is all zeros.

    Example:
        >>> codes = [[0, 0], [0, 0], [0, 1], [1, 0]]
        >>> x = [[1.0, 0.0], [1.0, 0.5], [1.0, 0.1], [0.0, 1.0]]
        >>> round(similarity_depth_spearman(codes, x, seed=0), 2)
        0.48
    """
    check_positive(pairs_per_length, "pairs_per_length")
    codes = check_codes(codes, "codes")
    embeddings = check_embeddings(embeddings, "embeddings", len(codes))
    first, second, lengths = _draw_pairs(codes, pairs_per_length, np.random.default_rng(seed))
    cosines = np.empty(len(first))
    for block in row_blocks(len(first), embeddings.shape[1]):
        a, b = unit_rows(embeddings[first[block]]), unit_rows(embeddings[second[block]])
        cosines[block] = np.einsum("ij,ij->i", a, b)
    # Equal vectors may differ in the last bit of their cosine: ties are cosines equal to 9 decimals.
    cosines = np.round(cosines, 9)
    if len(np.unique(lengths)) < 2 or len(np.unique(cosines)) < 2:
        return float("nan")
    return float(spearmanr(cosines, lengths).statistic)


def _draw_pairs(
    codes: Int64Array, per_length: int, generator: np.random.Generator
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Rows of pairs and the length of the prefix each pair shares, `per_length` for each length."""
    n, levels = codes.shape
    ids = prefix_ids(codes)[0]
    order = np.argsort(ids[:, -1], kind="stable")
    # start[i, l], stop[i, l]: the interval, in code order, of the items that share l codes or more with
    # the i-th item. The last column is the item alone: it makes no pair with itself.
    start = np.zeros((n, levels + 2), dtype=np.int64)
    stop = np.full_like(start, n)
    start[:, -1], stop[:, -1] = np.arange(n), np.arange(1, n + 1)
    for level in range(levels):
        held = ids[order, level]
        start[:, level + 1] = np.searchsorted(held, held, side="left")
        stop[:, level + 1] = np.searchsorted(held, held, side="right")
    size = stop - start

    parts: list[tuple[Int64Array, Int64Array, Int64Array]] = []
    for length in range(levels + 1):
        partners = size[:, length] - size[:, length + 1]
        ends = np.cumsum(partners)
        if n == 0 or ends[-1] == 0:
            continue
        # A number below the count of ordered pairs names an item and one of its partners. The partners
        # are the outer interval without the inner one.
        ticket = generator.integers(ends[-1], size=per_length)
        item = np.searchsorted(ends, ticket, side="right")
        partner = start[item, length] + ticket - (ends[item] - partners[item])
        partner += np.where(partner >= start[item, length + 1], size[item, length + 1], 0)
        parts.append((order[item], order[partner], np.full(per_length, length, dtype=np.int64)))
    if not parts:
        nothing = np.empty(0, dtype=np.int64)
        return nothing, nothing, nothing
    first, second, lengths = (np.concatenate(column) for column in zip(*parts, strict=True))
    return first, second, lengths


def shared_prefix_at(
    train_codes: npt.ArrayLike,
    train_embeddings: npt.ArrayLike,
    query_codes: npt.ArrayLike,
    query_embeddings: npt.ArrayLike,
    *,
    threshold: float = 0.9,
) -> npt.NDArray[np.float64]:
    """Of query/training pairs with a cosine of `threshold` or more, the share that agrees on l codes.

    All pairs are compared, in blocks of a float32 matrix product; a cosine within 1e-6 beneath the
    threshold counts as reaching it.

    It does not measure: the other direction (a single code for all items scores 1), or items without a
    near-duplicate. An item with many near-duplicates weighs as much as it has pairs.

    Args:
        train_codes: (n, L) non-negative integers.
        train_embeddings: (n, E) floats, the input embeddings.
        query_codes: (m, L), as `train_codes`.
        query_embeddings: (m, E), as `train_embeddings`.
        threshold: Least cosine of a near-duplicate.

    Returns:
        float64 (L,): index l - 1 holds the share that agrees on the first l codes; NaN if there is no
        such pair.

    Raises:
        InputError: If shapes or types do not fit together, or an embedding is all zeros.

    Example:
        >>> shared_prefix_at([[0, 1], [0, 2]], [[1.0, 0.0], [1.0, 0.1]], [[0, 2]], [[1.0, 0.1]])
        array([1. , 0.5])
    """
    train_codes, query_codes = (
        check_codes(train_codes, "train_codes"),
        check_codes(query_codes, "query_codes"),
    )
    check_widths(train_codes, query_codes, "query_codes")
    train_embeddings = check_embeddings(train_embeddings, "train_embeddings", len(train_codes))
    query_embeddings = check_embeddings(query_embeddings, "query_embeddings", len(query_codes))
    check_widths(train_embeddings, query_embeddings, "query_embeddings")
    train_ids, query_ids = prefix_ids(train_codes, query_codes)
    train_unit = unit_rows(train_embeddings, np.float32)
    query_unit = unit_rows(query_embeddings, np.float32)

    pairs, agreeing = 0, np.zeros(train_codes.shape[1], dtype=np.int64)
    for block in row_blocks(len(query_ids), len(train_ids)):
        near = query_unit[block] @ train_unit.T >= np.float32(threshold - 1e-6)
        query, train = np.nonzero(near)
        pairs += len(query)
        agreeing += np.count_nonzero(query_ids[block][query] == train_ids[train], axis=0)
    return agreeing / pairs if pairs else np.full(len(agreeing), np.nan)

"""All measures of one set of codes, in the shape of ``metrics.json``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError
from leafcode.evaluation._checks import (
    check_codes,
    check_embeddings,
    check_places,
    check_positive,
    check_vectors,
    check_widths,
)
from leafcode.evaluation.ceiling import knn_accuracy, probe_accuracy
from leafcode.evaluation.codebook import ami, collision_rate, perplexity, utilization
from leafcode.evaluation.neighbors import code_neighbors, hp_at_k, precision_at_k
from leafcode.evaluation.prefix import prefix_accuracy
from leafcode.evaluation.reconstruction import reconstruction_error
from leafcode.evaluation.similarity import shared_prefix_at, similarity_depth_spearman

MOST_QUERIES, MOST_AMONG = 1 << 14, 1 << 17
"""Held-out and training items up to which all are compared with each other."""


def evaluate(
    codes: npt.ArrayLike,
    heldout: npt.ArrayLike,
    ancestors: npt.ArrayLike,
    embeddings: npt.ArrayLike,
    reconstructions: npt.ArrayLike,
    quantized: npt.ArrayLike,
    codebook_sizes: Sequence[int],
    *,
    seed: int,
    k: int = 10,
    rows: npt.NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Every measure of one set of codes over one split, ready to be written as JSON.

    Over held-out items: `reconstruction`, `similarity_depth_spearman` and `ami`. Held-out against
    training items: `prefix_accuracy`, `hp_at_10`, `precision_at_10` and `shared_prefix_at_0.9`. Over all
    items: `utilization`, `perplexity` and `collision_rate`. Unlabelled items count only where no category
    is asked for; as training items they stay in the ranking of `hp_at_10` and `precision_at_10`, where
    they gain nothing. What each measure means, and what it does not, stands with its function.

    Where comparing all items would take too long, all but `prefix_accuracy` and the measures over all items
    may be taken on `rows`, such as `sample_rows` draws.

    Args:
        codes: (n, L) integers, column l in [0, codebook_sizes[l]), before disambiguation.
        heldout: bool (n,), True for held-out items; the others are the training items.
        ancestors: (n, D) node ids, the ancestor at each depth from the top, -1 below the item's own node;
            a row of -1 is an unlabelled item. D may be 0: no tree. Or (n, P, D) for items with up to P paths,
            of which `prefix_accuracy` counts any as right, and all other measures see the first.
        embeddings: (n, E) floats, the input embeddings; may be memory-mapped; those of `rows` alone, (r, E),
            if there are such.
        reconstructions: (n, E) or (r, E) floats, what the codes decode to.
        quantized: (n, Q) or (r, Q) floats, the sum of each item's codewords.
        codebook_sizes: Number of entries of each of the L codebooks.
        seed: Seed of the pairs of `similarity_depth_spearman`, the one measure with a draw.
        k: Number of neighbours; it names the keys ``hp_at_<k>`` and ``precision_at_<k>``.
        rows: (r,) different items on which to compare embeddings and vectors; None for all.

    Returns:
        Measure name to number; a measure with depths or levels is an object keyed by them as text,
        counted from 1, two of them nested (`ami`: level, then depth). A measure that is undefined is
        None: without held-out items, all but the last three.

    Raises:
        InputError: If the arrays do not fit together, or there is no training item.

    Example:
        >>> x = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]])
        >>> metrics = evaluate(
        ...     [[0, 0], [0, 0], [1, 0], [1, 1]], [False, True, False, True], [[0], [0], [1], [1]],
        ...     x, x, x, (2, 2), seed=0, k=1,
        ... )
        >>> metrics["prefix_accuracy"], metrics["hp_at_1"], metrics["collision_rate"]
        ({'1': 1.0}, 1.0, 0.5)
    """
    codes = check_codes(codes, "codes")
    n = len(codes)
    test = _check_heldout(heldout, n)
    train = ~test
    places = check_places(ancestors, "ancestors", n)
    own = places[:, 0]
    used, effective, collisions = utilization(codes, codebook_sizes), perplexity(codes), collision_rate(codes)
    accuracy = prefix_accuracy(codes[train], own[train], codes[test], places[test])
    if rows is not None:
        codes, own, test = codes[rows], own[rows], _check_heldout(test[rows], len(rows))
        n, train = len(rows), ~test
    embeddings = check_embeddings(embeddings, "embeddings", n)
    reconstructions = check_vectors(reconstructions, "reconstructions", n)
    check_widths(embeddings, reconstructions, "reconstructions")
    quantized = check_vectors(quantized, "quantized", n)
    check_positive(k, "k")

    neighbors = code_neighbors(codes[train], quantized[train], codes[test], quantized[test], k=k)
    x_train, x_test = embeddings[train], embeddings[test]
    result = {
        "reconstruction": reconstruction_error(x_test, reconstructions[test]),
        "prefix_accuracy": _by_index(accuracy),
        f"hp_at_{k}": hp_at_k(neighbors, own[train], own[test]),
        f"precision_at_{k}": _by_index(precision_at_k(neighbors, own[train], own[test])),
        "similarity_depth_spearman": similarity_depth_spearman(codes[test], x_test, seed=seed),
        "shared_prefix_at_0.9": _by_index(shared_prefix_at(codes[train], x_train, codes[test], x_test)),
        "ami": _by_index(ami(codes[test], own[test])),
        "utilization": _by_index(used),
        "perplexity": _by_index(effective),
        "collision_rate": collisions,
    }
    ready: dict[str, Any] = to_json(result)
    return ready


def sample_rows(
    heldout: npt.NDArray[np.bool_], seed: int, *, queries: int = MOST_QUERIES, among: int = MOST_AMONG
) -> npt.NDArray[np.int64] | None:
    """Items on which to take measures that compare items with each other: all, unless they are too many.

    Args:
        heldout: bool (n,), True for held-out items.
        seed: Of the draw.
        queries: Held-out items to compare at most.
        among: Training items to compare them with at most.

    Returns:
        int64 (r,) ascending, drawn without replacement; None for all items.

    Example:
        >>> sample_rows(np.array([True, False, False, True]), seed=0, queries=1, among=2).tolist()
        [1, 2, 3]
    """
    sides = [np.flatnonzero(heldout), np.flatnonzero(~heldout)]
    if len(sides[0]) <= queries and len(sides[1]) <= among:
        return None
    rng = np.random.default_rng(seed)
    drawn = [
        side if len(side) <= most else rng.choice(side, most, replace=False)
        for side, most in zip(sides, (queries, among), strict=True)
    ]
    return np.sort(np.concatenate(drawn))


def ceilings(
    embeddings: npt.ArrayLike, ancestors: npt.ArrayLike, heldout: npt.ArrayLike, seed: int
) -> dict[str, Any]:
    """What the embedding allows without quantising: the object under ``ceiling`` in ``metrics.json``.

    It depends on the embedding and the split alone, not on codes: compute it once for all code sets.

    Args:
        embeddings: (n, E) floats.
        ancestors: (n, D) or (n, P, D) node ids, as `evaluate` takes them.
        heldout: bool (n,), True for held-out items.
        seed: Seed of the probe.

    Returns:
        ``{"knn": {depth: accuracy}, "probe": {depth: accuracy}}``, depths as text counted from 1, None
        where undefined.

    Raises:
        InputError: If the arrays do not fit together, or there is no training item.

    Example:
        >>> x = [[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]]
        >>> ceilings(x, [[0], [0], [1], [2]], [False, True, False, True], seed=0)
        {'knn': {'1': 0.5}, 'probe': {'1': 0.5}}
    """
    embeddings = check_embeddings(embeddings, "embeddings")
    test = _check_heldout(heldout, len(embeddings))
    places = check_places(ancestors, "ancestors", len(embeddings))
    split = embeddings[~test], places[~test], embeddings[test], places[test]
    ready: dict[str, Any] = to_json(
        {"knn": _by_index(knn_accuracy(*split)), "probe": _by_index(probe_accuracy(*split, seed=seed))}
    )
    return ready


def to_json(value: Any) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """The value in plain JSON types: NaN becomes None, NumPy numbers and arrays become Python's.

    Args:
        value: Numbers, strings, None, NumPy scalars and arrays, and mappings and sequences of these.

    Returns:
        The same structure of dict, list, str, int, float, bool and None.

    Raises:
        InputError: If a number is infinite, which JSON cannot hold and no measure returns.
        TypeError: If the value holds anything else.

    Example:
        >>> to_json({"1": np.float64(0.5), "2": float("nan"), "3": np.array([1, 2])})
        {'1': 0.5, '2': None, '3': [1, 2]}
    """
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): to_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(entry) for entry in value]
    if isinstance(value, float):
        if math.isinf(value):
            raise InputError("to_json", str(value), "a finite number or NaN")
        return None if math.isnan(value) else value
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"to_json: cannot turn {type(value).__name__} into JSON")


def _by_index(array: npt.NDArray[np.float64]) -> dict[str, Any]:
    """An array as nested objects keyed by its indices as text, counted from 1."""
    return {str(i): _by_index(row) if row.ndim else float(row) for i, row in enumerate(array, start=1)}


def _check_heldout(heldout: npt.ArrayLike, rows: int) -> npt.NDArray[np.bool_]:
    """The mask as bool (n,), once it is known to leave a training item."""
    mask = np.asarray(heldout)
    if mask.shape != (rows,) or mask.dtype != np.bool_:
        raise InputError("heldout", f"{mask.dtype} of shape {mask.shape}", f"bool of shape ({rows},)")
    if mask.all():
        raise InputError("heldout", f"all {rows} items held out", "at least one training item")
    result: npt.NDArray[np.bool_] = mask
    return result

"""How alike the items of different categories are on average, from the means of their vectors."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from leafcode.errors import InputError
from leafcode.taxonomy._arrays import LongArray
from leafcode.taxonomy.tree import Taxonomy

_CHUNK = 8192  # items at a time


class CategoryMeans(NamedTuple):
    """The categories with items on or beneath them, and the means of these items' unit vectors.

    The product of two means is the average cosine of an item of one category with an item of the other. It
    does not depend on how many items there are, as the cosine of the means would.
    """

    nodes: LongArray
    """(C,) node ids, ascending."""
    sizes: LongArray
    """(C,) items on or beneath each."""
    means: npt.NDArray[np.float64]
    """(C, D); shorter than 1 the more the items differ."""


def category_means(
    tree: Taxonomy, nodes: npt.NDArray[np.integer[Any]], embeddings: npt.NDArray[np.floating[Any]]
) -> CategoryMeans:
    """Means of all categories in use.

    Args:
        tree: The tree.
        nodes: Integers (n,), node of each item, -1 for unlabelled items.
        embeddings: Floats (n, D), those of labelled items finite and not zero.

    Raises:
        InputError: The shapes differ, or the vector of a labelled item is not finite or zero, naming the row
            (counted from 1).

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["A > x", "A > y", "A > y", None])
        >>> found = category_means(tree, nodes, np.array([[1.0, 0], [0, 2], [3, 0], [9, 9]]))
        >>> found.nodes.tolist(), found.sizes.tolist(), found.means.round(2).tolist()
        ([0, 1, 2], [3, 1, 2], [[0.67, 0.33], [1.0, 0.0], [0.5, 0.5]])
    """
    if embeddings.ndim != 2 or len(embeddings) != len(nodes):
        raise InputError("embeddings", f"shape {embeddings.shape}", f"({len(nodes)}, D), a row per item")
    items = np.flatnonzero(nodes >= 0)
    filed, place = np.unique(nodes[items], return_inverse=True)
    sums = np.zeros((len(filed), embeddings.shape[1]))
    for start in range(0, len(items), _CHUNK):
        rows = slice(start, start + _CHUNK)
        vectors = np.asarray(embeddings[items[rows]], np.float64)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        wrong = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
        if len(wrong):
            row, length = int(items[start + wrong[0]]) + 1, float(lengths[wrong[0], 0])
            raise InputError(
                f"embeddings: row {row}", f"a vector of length {length}", "a finite length above 0"
            )
        vectors /= lengths
        ones = (np.ones(len(vectors)), (place[rows], np.arange(len(vectors))))
        sums += csr_array(ones, shape=(len(filed), len(vectors))) @ vectors
    counts = np.bincount(place, minlength=len(filed))

    used = np.unique(tree.ancestors[filed]).astype(np.int64)
    used = used[used >= 0]
    # Nodes stand in pre-order, so what is filed beneath a node is a run of `filed`.
    first, last = np.searchsorted(filed, used), np.searchsorted(filed, tree.end[used])
    total = np.concatenate([np.zeros((1, sums.shape[1])), np.cumsum(sums, axis=0)])
    many = np.append(0, np.cumsum(counts))
    sizes = many[last] - many[first]
    return CategoryMeans(used, sizes, (total[last] - total[first]) / sizes[:, None])

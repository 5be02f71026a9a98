"""Which categories an item may belong in: those of its neighbours, its own, and some strangers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from leafcode.taxonomy import Taxonomy, lca_depth

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class Candidates(NamedTuple):
    """Pairs of an item and a category that it may belong in, a sparse part of all items × categories.

    Pairs are sorted by item, then by category; every item has its own category among them.

    Attributes:
        row: int64 (P,), the item of each pair, counted within the block.
        node: int64 (P,), the category.
        start: int64 (b,), first pair of each item.
        own: int64 (b,), the pair of each item and its own category.
        log_count: float64 (P,), logarithm of the number of categories that a pair stands for: 0, and more
            for a stranger.
        by_neighbor: int64 (b, k), the pair of each item and the category of each of its neighbours.
        common_depth: int64 (P,), depth of the lowest common ancestor of the category and the item's own.
    """

    row: IntArray
    node: IntArray
    start: IntArray
    own: IntArray
    log_count: FloatArray
    by_neighbor: IntArray
    common_depth: IntArray

    def sums(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Sums over the pairs of each item: (b, …) of values (P, …)."""
        summed: npt.NDArray[Any] = np.add.reduceat(values, self.start, axis=0)
        return summed

    def best(self, values: FloatArray) -> IntArray:
        """The pair (b,) with the highest value of each item; the first of several."""
        highest = np.maximum.reduceat(values, self.start)
        hits = np.flatnonzero(values == highest[self.row])
        return hits[np.searchsorted(self.row[hits], np.arange(len(self.start)))]

    @property
    def is_own(self) -> npt.NDArray[np.bool_]:
        """Bool (P,): whether the category is the item's own."""
        mask = np.zeros(len(self.row), bool)
        mask[self.own] = True
        return mask


def find_candidates(
    own: npt.NDArray[np.integer[Any]],
    of_neighbors: npt.NDArray[np.integer[Any]],
    categories: npt.NDArray[np.integer[Any]],
    taxonomy: Taxonomy,
    strangers: int,
    rng: np.random.Generator,
) -> Candidates:
    """The candidates of a block of items.

    A softmax over the categories of the neighbours alone would be sure of one of them. A few other
    categories, drawn at random, stand for all the rest, each for as many as were not drawn (the sampled
    softmax of Bengio and Senécal, "Adaptive importance sampling", IEEE TNN 2008), so that a category which
    no neighbour has gets the probability that it deserves.

    Args:
        own: (b,) category of each item, a node.
        of_neighbors: (b, k) categories of its neighbours.
        categories: (C,) all categories in use, ascending.
        taxonomy: The tree.
        strangers: Categories to draw for each item, with replacement.
        rng: For the draw.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["a > b", "a > c", "d", "e", "f"])
        >>> found = find_candidates(nodes[:1], nodes[None, [1, 1]], nodes, tree, 1, np.random.default_rng(0))
        >>> found.node.tolist(), np.exp(found.log_count).round(6).tolist(), found.by_neighbor.tolist()
        ([1, 2, 5], [1.0, 1.0, 3.0], [[1, 1]])
        >>> found.common_depth.tolist()
        [2, 1, 0]
    """
    b, stride = len(own), len(taxonomy)
    rows = np.arange(b)[:, None] * stride
    known = np.unique(np.concatenate([rows + own[:, None], rows + of_neighbors], axis=1))
    drawn = np.unique(rows + rng.choice(categories, (b, strangers)))
    drawn = drawn[~_contains(known, drawn)]
    keys = np.concatenate([known, drawn])
    # What was drawn stands for the categories that are not known.
    known_per_item, drawn_per_item = (np.bincount(k // stride, minlength=b) for k in (known, drawn))
    count = (len(categories) - known_per_item) / np.maximum(drawn_per_item, 1)
    stands_for = np.concatenate([np.ones(len(known)), count[drawn // stride]])
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    row = keys // stride
    return Candidates(
        row,
        keys % stride,
        np.searchsorted(row, np.arange(b)),
        np.searchsorted(keys, rows[:, 0] + own),
        np.log(stands_for[order]),
        np.searchsorted(keys, rows + of_neighbors),
        lca_depth(taxonomy, keys % stride, own[row]).astype(np.int64),
    )


def _contains(known: IntArray, asked: IntArray) -> npt.NDArray[np.bool_]:
    """Which of the values asked for are among the known ones, ascending."""
    place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    found: npt.NDArray[np.bool_] = known[place] == asked
    return found

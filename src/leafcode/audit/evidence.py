"""What speaks for an item's belonging in a category: its neighbours there, and what the category is like."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.audit.candidates import Candidates
from leafcode.audit.category_means import category_means, whitening
from leafcode.audit.neighbors import Neighbors
from leafcode.taxonomy import Taxonomy

FloatArray = npt.NDArray[np.float64]

NAMES = (
    "size of the category",
    "votes of the nearest neighbours",
    "votes of the near neighbours",
    "votes of the nearest neighbours for its ancestors",
    "votes of all neighbours",
    "nearest neighbour in it",
    "likeness to its mean",
    "likeness to its mean, whitened",
)
"""Columns of `Evidence.features`."""

_PAIRS = 1 << 17


class Evidence:
    """Evidence about items and categories, in which no item speaks for itself.

    Votes are shares of the neighbours, weighted by how near they are on the catalogue's own scale: the median
    of how much nearer the first neighbour is than the last. Likeness to the mean of a category is a cosine,
    once of the embeddings as they are, once whitened (see `whitening`) by a matrix found without the items of
    the item's fold; the item itself is taken out of all means.

    Args:
        unit: float32 (n, E), embeddings of unit length.
        nodes: (n,) the category of each item.
        taxonomy: The tree.
        neighbors: The nearest items of each.
        folds: (n,) fold of each item.
        trust: float64 (n,) in [0, 1], how far the category of each item is believed; None for 1.

    Attributes:
        scale: The catalogue's own scale of cosines.
    """

    def __init__(
        self,
        unit: npt.NDArray[np.float32],
        nodes: npt.NDArray[np.integer[Any]],
        taxonomy: Taxonomy,
        neighbors: Neighbors,
        folds: npt.NDArray[np.integer[Any]],
        trust: FloatArray | None = None,
    ) -> None:
        self._unit, self._neighbors, self._folds = unit, neighbors, folds
        self._trust = np.ones(len(nodes)) if trust is None else trust
        self._size = np.bincount(nodes, self._trust, len(taxonomy))
        self._means = category_means(unit, nodes, self._trust, taxonomy)
        self._metrics = whitening(unit, nodes, self._trust, folds)
        self._whitened = [self._means.vectors @ metric for metric in self._metrics]
        self._ancestors = taxonomy.ancestors[:, :-1] if taxonomy.max_depth > 1 else taxonomy.ancestors
        spread = neighbors.similarities[:, 0] - neighbors.similarities[:, -1]
        self.scale = max(float(np.median(spread)), 1e-6)

    def features(self, items: npt.NDArray[np.integer[Any]], candidates: Candidates) -> FloatArray:
        """Evidence for the candidates of a block of items.

        Args:
            items: (b,) the items.
            candidates: P candidates of the items.

        Returns:
            float64 (P, F), columns as in `NAMES`.
        """
        row, place = candidates.row, candidates.by_neighbor.ravel()
        near = self._neighbors.similarities[items].astype(np.float64)
        trust = self._trust[self._neighbors.items[items]]

        def votes(weights: FloatArray) -> FloatArray:
            weights = weights * trust
            given = np.bincount(place, weights.ravel(), len(row))
            return np.asarray(given / np.maximum(weights.sum(1), 1e-12)[row])

        closest = near[:, -1][row]
        np.maximum.at(closest, place, near.ravel())
        size = self._size[candidates.node]
        size[candidates.own] -= self._trust[items]
        behind = near - near[:, :1]
        nearest = votes(np.exp(behind / (self.scale / 8)))
        return np.column_stack(
            [
                np.log(np.maximum(size, 0) + 0.5),
                _log(nearest),
                _log(votes(np.exp(behind / (self.scale / 2)))),
                self._for_ancestors(nearest, candidates),
                _log(votes(np.ones_like(near))),
                (closest - near[:, 0][row]) / self.scale,
                self._likeness(items, candidates),
            ]
        )

    def _for_ancestors(self, votes: FloatArray, candidates: Candidates) -> FloatArray:
        """Mean over depths of the logarithm of all votes beneath a candidate's ancestor at that depth."""
        total = np.zeros(len(votes))
        for ancestor in self._ancestors.T:
            at = ancestor[candidates.node]
            # Numbered depth-first, the candidates of an item beneath one node stand side by side.
            first = np.flatnonzero(
                np.append(True, (np.diff(candidates.row) != 0) | (np.diff(at) != 0) | (at[1:] < 0))
            )
            beneath = np.add.reduceat(votes, first)
            total += _log(np.repeat(beneath, np.diff(np.append(first, len(votes)))))
        return np.asarray(total / self._ancestors.shape[1])

    def _likeness(self, items: npt.NDArray[np.integer[Any]], candidates: Candidates) -> FloatArray:
        """Cosine (P, 2) of each item and the mean of its candidate without it, plain and whitened."""
        row, node = candidates.row, candidates.node
        taken = self._means.share[node, candidates.common_depth] * self._trust[items][row]
        found = np.empty((len(row), 2))
        everything = np.arange(len(row))
        found[:, 0] = _cosines(self._unit[items], self._means.vectors, row, node, taken, everything)
        for fold, metric in enumerate(self._metrics):
            here = self._folds[items] == fold
            pairs, place = np.flatnonzero(here[row]), np.cumsum(here) - 1
            vectors = self._unit[items[here]] @ metric
            found[pairs, 1] = _cosines(vectors, self._whitened[fold], place[row], node, taken, pairs)
        return found


def _log(votes: FloatArray) -> FloatArray:
    return np.asarray(np.log(votes + 0.005))


def _cosines(
    vectors: npt.NDArray[np.float32],
    means: npt.NDArray[np.float32],
    row: npt.NDArray[np.int64],
    node: npt.NDArray[np.int64],
    taken: FloatArray,
    pairs: npt.NDArray[np.int64],
) -> FloatArray:
    """Cosine of x = vectors[row] and means[node] - taken · x for some pairs, without a vector for each."""
    squares, lengths = (np.einsum("ie,ie->i", a, a).astype(np.float64) for a in (vectors, means))
    found = np.empty(len(pairs))
    for first in range(0, len(pairs), _PAIRS):
        part = pairs[first : first + _PAIRS]
        x, m, out = row[part], node[part], taken[part]
        products = np.einsum("pe,pe->p", vectors[x], means[m]).astype(np.float64)
        rest = lengths[m] - 2 * out * products + out**2 * squares[x]
        inner = products - out * squares[x]
        found[first : first + _PAIRS] = inner / np.sqrt(np.maximum(rest * squares[x], 1e-12))
    return found

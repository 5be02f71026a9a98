"""The mean of every category, from which an item can be taken out, and the metric that tells them apart."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from leafcode.taxonomy import Taxonomy
from leafcode.taxonomy.structure import beneath

FloatArray = npt.NDArray[np.float64]
UnitVectors = npt.NDArray[np.float32]

_ROWS = 1 << 16
_RIDGE = 0.3
"""Added to the variance within categories, as a share of its mean over the dimensions."""


class CategoryMeans(NamedTuple):
    """The mean of each category, drawn towards that of its parent as if one more item lay there.

    That is what a category of two items needs: its mean alone says little. The parent's mean is drawn towards
    that of its own parent in the same way, up to the mean of all items.

    Attributes:
        vectors: float32 (nodes, E).
        share: float64 (nodes, D + 1), what an item of weight 1 adds to the mean of node v, in units of its
            own vector, if the lowest common ancestor of v and the item's category has depth d: that share of
            it is taken out of the mean before both are compared.
    """

    vectors: npt.NDArray[np.float32]
    share: FloatArray


def category_means(
    unit: UnitVectors, nodes: npt.NDArray[np.integer[Any]], trust: FloatArray, taxonomy: Taxonomy
) -> CategoryMeans:
    """Means of all nodes, over the items that lie there or beneath.

    Args:
        unit: float32 (n, E).
        nodes: (n,) category of each item.
        trust: float64 (n,), the weight of each item.
        taxonomy: The tree.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["a > b", "a > b", "a > c"])
        >>> means = category_means(np.float32([[1], [3], [5]]), nodes, np.ones(3), tree)
        >>> means.vectors[:, 0].tolist()  # a: (9 + 3) / 4, b: (4 + 3) / 3, c: (5 + 3) / 2
        [3.0, 2.3333332538604736, 4.0]
        >>> means.share[2].round(3).tolist()  # of an item of another branch, of a or b, of c
        [0.042, 0.167, 0.667]
    """
    depths = np.arange(taxonomy.max_depth + 1)
    sums, weights = _sums(unit, nodes, trust, len(taxonomy))
    sums_beneath, weight = beneath(taxonomy, sums), beneath(taxonomy, weights)
    everything = max(float(weights.sum()), 1e-12)
    vectors = np.empty((len(taxonomy) + 1, unit.shape[1]))
    share = np.empty((len(taxonomy) + 1, len(depths)))
    vectors[-1], share[-1] = sums.sum(axis=0) / everything, 1 / everything
    for depth in depths[1:]:
        level = np.flatnonzero(taxonomy.depths == depth)
        parent, more = taxonomy.parents[level], weight[level, None] + 1
        vectors[level] = (sums_beneath[level] + vectors[parent]) / more
        share[level] = (share[parent] + (depths >= depth)) / more
    return CategoryMeans(vectors[:-1].astype(np.float32), share[:-1])


def whitening(
    unit: UnitVectors,
    nodes: npt.NDArray[np.integer[Any]],
    trust: FloatArray,
    folds: npt.NDArray[np.integer[Any]],
) -> npt.NDArray[np.float32]:
    """For each fold, the matrix that makes the spread within categories alike in all directions.

    Linear discriminant analysis: after it, the category with the nearest mean is the likeliest one if all
    are Gaussian with one covariance. The fold's own items have no part in its matrix.

    Args:
        unit: float32 (n, E).
        nodes: (n,) category of each item.
        trust: float64 (n,), the weight of each item.
        folds: (n,) in [0, F).

    Returns:
        float32 (F, E, E), symmetric: (W + ridge)^(-1/2), W the covariance within categories.
    """
    count, categories = int(folds.max()) + 1, int(nodes.max()) + 1
    scatters, all_sums, all_weights = [], [], []
    for fold in range(count):
        part = np.flatnonzero(folds == fold)
        scaled = unit[part] * np.sqrt(trust[part], dtype=np.float32)[:, None]
        scatters.append((scaled.T @ scaled).astype(np.float64))
        sums, weights = _sums(unit[part], nodes[part], trust[part], categories)
        all_sums.append(sums)
        all_weights.append(weights)
    scatter, sums, weights = (np.sum(parts, axis=0) for parts in (scatters, all_sums, all_weights))
    found = []
    for fold in range(count):
        others, weight = sums - all_sums[fold], weights - all_weights[fold]
        scaled = others / np.sqrt(np.maximum(weight, 1e-12))[:, None]
        values, axes = np.linalg.eigh(scatter - scatters[fold] - scaled.T @ scaled)
        values = np.maximum(values, 0)
        values += max(_RIDGE * float(values.mean()), 1e-12)
        found.append((axes / np.sqrt(values / values.max())) @ axes.T)
    return np.array(found, np.float32)


def _sums(
    unit: UnitVectors, nodes: npt.NDArray[np.integer[Any]], trust: FloatArray, count: int
) -> tuple[FloatArray, FloatArray]:
    """Weighted sum (count, E) of the items of each node, and their weight (count,)."""
    sums = np.zeros((count, unit.shape[1]))
    for first in range(0, len(nodes), _ROWS):  # SciPy makes a float64 copy of what it multiplies
        part = slice(first, first + _ROWS)
        rows = np.arange(len(nodes[part]))
        by_node = sp.csr_array((trust[part], (nodes[part], rows)), shape=(count, len(rows)))
        sums += by_node @ unit[part]
    return sums, np.bincount(nodes, trust, count).astype(np.float64)

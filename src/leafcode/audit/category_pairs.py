"""Pairs of categories whose items look like each other's, and siblings that cannot be told apart."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from leafcode.taxonomy import Taxonomy

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_Z = 1.645
"""Normal quantile of a bound that holds with 95%."""


class CategoryPairs(NamedTuple):
    """Pairs of categories of which neither lies beneath the other, each pair once.

    Attributes:
        a: int64 (P,), node; of the two, the one whose items look more like the other's.
        b: int64 (P,), the other node.
        share: float64 (P, 2), share of the items of a that look like those of b, and the other way round.
        overlap: float64 (P,), what both shares surely exceed: the lesser of their lower bounds.
        likeness: float64 (P,), of siblings 1 less the upper bound of kappa, in [0, 1]; NaN of others.
    """

    a: IntArray
    b: IntArray
    share: FloatArray
    overlap: FloatArray
    likeness: FloatArray


def category_pairs(
    confusion: sp.csr_array, nodes: npt.NDArray[np.integer[Any]], taxonomy: Taxonomy
) -> CategoryPairs:
    """Measure all pairs of categories that have an item that looks like the other's.

    Both measures are bounds that hold with 95%, so that few items cannot say much; those of shares are
    Wilson's ("Probable inference", JASA 1927). Whether siblings can be told apart is the agreement of the
    given category and the one that an item looks like, beyond what chance would give at their sizes: kappa
    (Cohen, "A coefficient of agreement for nominal scales", 1960) of the table of the two.

    Args:
        confusion: (nodes, nodes), see `LabelAudit.confusion`.
        nodes: (m,) category of each labelled item.
        taxonomy: The tree.
    """
    sizes = np.bincount(nodes, minlength=len(taxonomy)).astype(np.float64)
    a, b = sp.triu(confusion + confusion.T, 1).nonzero()
    related = b < taxonomy.end[a]  # a < b, so only a can lie above
    a, b = a[~related].astype(np.int64), b[~related].astype(np.int64)
    crossed, back = _entries(confusion, a, b), _entries(confusion, b, a)
    one, other = crossed / sizes[a], back / sizes[b]
    overlap = np.minimum(_bounds(one, sizes[a])[0], _bounds(other, sizes[b])[0])
    table = np.stack([_entries(confusion, a, a), crossed, back, _entries(confusion, b, b)], axis=1)
    siblings = taxonomy.parents[a] == taxonomy.parents[b]
    likeness = np.where(siblings, np.clip(1 - _upper_kappa(table.reshape(-1, 2, 2)), 0, 1), np.nan)
    turned = other > one
    share = np.stack([np.where(turned, other, one), np.where(turned, one, other)], axis=1)
    return CategoryPairs(np.where(turned, b, a), np.where(turned, a, b), share, overlap, likeness)


def _entries(matrix: sp.csr_array, rows: IntArray, columns: IntArray) -> FloatArray:
    """Entries (P,) of a matrix; SciPy gives a sparse array in place of none."""
    return np.asarray(matrix[rows, columns]) if len(rows) else np.empty(0)


def _bounds(share: FloatArray, items: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Wilson's lower and upper bound of a share of some items."""
    z = _Z**2 / np.maximum(items, 1e-12)
    share = np.clip(share, 0, 1)
    middle, half = share + z / 2, np.sqrt(z * (share * (1 - share) + z / 4))
    return (middle - half) / (1 + z), (middle + half) / (1 + z)


def _upper_kappa(table: FloatArray) -> FloatArray:
    """Kappa of tables (P, 2, 2) at the upper bound of the agreement; 1 where chance alone has to agree."""
    total = np.maximum(table.sum((1, 2)), 1e-12)
    _, agreed = _bounds(np.einsum("pii->p", table) / total, total)
    chance = (table.sum(2) * table.sum(1)).sum(1) / total**2
    room = 1 - chance
    kappa = np.divide(agreed - chance, room, where=room > 1e-9, out=np.ones(len(table)))
    return np.asarray(kappa)

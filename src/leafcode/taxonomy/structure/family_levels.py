"""The families of each depth, siblings beneath one parent, and how near their members are by their means."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from leafcode.taxonomy._arrays import LongArray
from leafcode.taxonomy.structure.category_means import CategoryMeans
from leafcode.taxonomy.tree import Taxonomy

FEWEST_ITEMS = 5
"""Items on or beneath a category for its average to be trusted."""

_BLOCK = 512  # categories whose cosines with all families are held at a time

FloatArray: TypeAlias = npt.NDArray[np.float64]


class FamilyLevel(NamedTuple):
    """The C categories of one depth, the F families that they form, and average cosines of their items."""

    depth: int
    nodes: LongArray
    """(C,) node ids, ascending."""
    sizes: LongArray
    """(C,) items on or beneath each."""
    family: LongArray
    """(C,) which of the families each belongs to."""
    parents: LongArray
    """(F,) the families' parents."""
    members: LongArray
    """(F,) categories of each family."""
    within: FloatArray
    """(F,) sum of the average cosines of a family's categories, over ordered pairs of two."""
    strangers: float
    """Average cosine of two categories of different families."""
    silhouette: FloatArray
    """(C,) of each category in its family; NaN without siblings, or if no other family has two members."""
    other: LongArray
    """(C,) the nearest other family of two or more; -1 where the silhouette is NaN."""
    to_siblings: FloatArray
    """(C,) average cosine with the siblings, NaN without any."""
    to_other: FloatArray
    """(C,) average cosine with the nearest other family; NaN where the silhouette is."""


def family_levels(tree: Taxonomy, means: CategoryMeans) -> tuple[FamilyLevel, ...]:
    """The depths below the roots, top first.

    Categories with fewer than `FEWEST_ITEMS` items do not count, and a depth at which the others are all
    siblings is left out.

    Args:
        tree: The tree.
        means: Means of its categories.

    Example:
        >>> from leafcode.taxonomy.structure.category_means import category_means
        >>> tree, nodes = Taxonomy.from_paths([*["A > x"] * 5, *["A > y"] * 5, *["B > z"] * 5])
        >>> vectors = np.repeat(np.array([[1.0, 0], [1, 0], [0, 1]]), 5, axis=0)
        >>> (level,) = family_levels(tree, category_means(tree, nodes, vectors))
        >>> level.members.tolist(), level.within.tolist(), level.strangers
        ([2, 1], [2.0, 0.0], 0.0)
    """
    levels = (_level(tree, means, depth) for depth in range(2, tree.max_depth + 1))
    return tuple(level for level in levels if level is not None)


def _level(tree: Taxonomy, means: CategoryMeans, depth: int) -> FamilyLevel | None:
    """The categories of a depth that have enough items; None if they are all of one family."""
    here = np.flatnonzero((tree.depths[means.nodes] == depth) & (means.sizes >= FEWEST_ITEMS))
    nodes = means.nodes[here]
    parents, family = np.unique(tree.parents[nodes], return_inverse=True)
    if len(parents) < 2:
        return None
    vectors = means.means[here]
    sums = np.zeros((len(parents), vectors.shape[1]))
    np.add.at(sums, family, vectors)
    members = np.bincount(family)
    lengths = (sums**2).sum(1)
    within = lengths - np.bincount(family, (vectors**2).sum(1))
    apart = (sums.sum(0) ** 2).sum() - lengths.sum()
    strangers = float(apart / (len(nodes) ** 2 - (members**2).sum()))
    nearest = _silhouettes(vectors, family, sums, members)
    return FamilyLevel(
        depth,
        nodes,
        means.sizes[here],
        family,
        parents.astype(np.int64),
        members,
        within,
        strangers,
        *nearest,
    )


def _silhouettes(
    vectors: FloatArray, family: LongArray, sums: FloatArray, members: LongArray
) -> tuple[FloatArray, LongArray, FloatArray, FloatArray]:
    """The last four of a level: silhouette, nearest other family, average cosine with siblings and with it.

    Args:
        vectors: (C, D) means of the categories.
        family: (C,) their families.
        sums: (F, D) sums of the families' means.
        members: (F,) categories of each.
    """
    n = len(vectors)
    to_family = sums / members[:, None]
    lone = members < 2
    with_own, best, other = np.empty(n), np.empty(n), np.empty(n, np.int64)
    for start in range(0, n, _BLOCK):
        rows = slice(start, start + _BLOCK)
        score = vectors[rows] @ to_family.T
        place = np.arange(len(score))
        with_own[rows] = score[place, family[rows]]
        score[:, lone] = -np.inf
        score[place, family[rows]] = -np.inf
        other[rows] = score.argmax(1)
        best[rows] = score[place, other[rows]]
    siblings = members[family] - 1
    to_own = with_own * members[family] - (vectors**2).sum(1)
    own = np.where(siblings > 0, to_own / np.maximum(siblings, 1), np.nan)
    defined = (siblings > 0) & np.isfinite(best)
    best = np.where(defined, best, np.nan)
    # With distances 1 - cosine, (b - a) / max(a, b) becomes this; distances are above 0 save for equal items.
    farther = 1 - np.fmin(own, best)
    silhouette = np.divide(own - best, farther, out=np.zeros(n), where=farther > 1e-12)
    return np.where(defined, silhouette, np.nan), np.where(defined, other, -1), own, best

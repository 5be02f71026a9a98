"""Where the tree and the embeddings disagree about what belongs together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from leafcode.taxonomy._arrays import LongArray
from leafcode.taxonomy.structure.category_means import CategoryMeans
from leafcode.taxonomy.structure.finding import (
    FindingKind,
    Severity,
    StructureFinding,
    counted,
    named,
    some_of,
)
from leafcode.taxonomy.tree import Taxonomy

FEWEST_ITEMS = 5
"""Items on or beneath a category for its average to be trusted."""

SMALLEST_GAP = 0.05
"""How much nearer (silhouette) another family must be to be reported."""

UNLIKE_SIBLINGS = FindingKind(
    "siblings of different meaning",
    "The tree pulls together what the embeddings hold no more alike than strangers: content is lost for it.",
    "Divide the family, or lower the weight of the tree; some levels sort by use or brand, not by kind.",
)
NEARER_FAMILY = FindingKind(
    "nearer to another family",
    "Its items are pulled towards siblings that are less like them than another parent's children.",
    "Look whether it belongs there; if the tree is right, this is what it teaches beyond the embeddings.",
)


class FamilyFit(NamedTuple):
    """How well a depth of the tree fits the embeddings; average cosines of items."""

    depth: int
    categories: int
    """Categories of this depth that were looked at."""
    siblings: float
    """Of two items in different children of one parent; NaN without siblings."""
    strangers: float
    """Of two items in children of different parents; NaN with one parent."""
    silhouette: float
    """Mean over categories with siblings: up to 1; below 0 if other families are nearer."""


class _Level(NamedTuple):
    """The categories of one depth, and the families that they form."""

    nodes: LongArray
    means: npt.NDArray[np.float64]
    sizes: LongArray
    family: LongArray
    """(C,) which of the families each belongs to."""
    parents: LongArray
    """(F,) the families' parents."""
    sums: npt.NDArray[np.float64]
    """(F, D) sums of the families' means."""
    squares: npt.NDArray[np.float64]
    """(F,) sums of the squared lengths of their means."""
    members: LongArray
    """(F,) categories of each family."""


def family_fit(tree: Taxonomy, means: CategoryMeans) -> tuple[FamilyFit, ...]:
    """How well each depth below the roots fits the embeddings, top first."""
    found = []
    for depth in range(2, tree.max_depth + 1):
        level = _level(tree, means, depth)
        if level is None:
            continue
        pairs = level.members * (level.members - 1)
        within = (level.sums**2).sum(1) - level.squares
        siblings = within.sum() / pairs.sum() if pairs.sum() else np.nan
        silhouette, _, _, _ = _silhouettes(level)
        known = silhouette[~np.isnan(silhouette)]
        mean = float(known.mean()) if len(known) else np.nan
        found.append(FamilyFit(depth, len(level.nodes), float(siblings), _strangers(level), mean))
    return tuple(found)


def unlike_siblings(tree: Taxonomy, means: CategoryMeans) -> list[StructureFinding]:
    """Families whose members are, on average, no more alike than categories of other families at that depth.

    A note for two members, whose one pair may be a matter of chance, else a warning.
    """
    found = []
    for depth in range(2, tree.max_depth + 1):
        level = _level(tree, means, depth)
        if level is None:
            continue
        strangers = _strangers(level)
        pairs = np.maximum(level.members * (level.members - 1), 1)
        alike = ((level.sums**2).sum(1) - level.squares) / pairs
        for family in np.flatnonzero((level.members > 1) & (alike <= strangers)).tolist():
            members = np.flatnonzero(level.family == family)
            parent = int(level.parents[family])
            nodes = [parent, *level.nodes[members].tolist()]
            names = some_of([repr(tree.names[node]) for node in nodes[1:]])
            message = (
                f"the {counted(len(members), 'child', 'children')} of {named(tree, parent)} ({names}) are no "
                f"more alike (average cosine {alike[family]:.2f}) than strangers ({strangers:.2f})"
            )
            severity: Severity = "warning" if len(members) > 2 else "note"
            keys = tuple(tree.keys[node] for node in nodes)
            found.append(
                StructureFinding(UNLIKE_SIBLINGS, severity, keys, message, float(level.sizes[members].sum()))
            )
    return found


def nearer_families(tree: Taxonomy, means: CategoryMeans) -> list[StructureFinding]:
    """Categories whose items are more like those of another parent's children than those of their siblings.

    By the silhouette of a category in its family, with average cosine as similarity: reported below
    -`SMALLEST_GAP`. The other parent has at least two children.

    References:
        Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis",
        Journal of Computational and Applied Mathematics 20, 1987
    """
    found = []
    for depth in range(2, tree.max_depth + 1):
        level = _level(tree, means, depth)
        if level is None:
            continue
        silhouette, other, own, best = _silhouettes(level)
        for place in np.flatnonzero(silhouette < -SMALLEST_GAP).tolist():
            node, parent = int(level.nodes[place]), int(level.parents[other[place]])
            message = (
                f"{named(tree, node)} is more like the children of {named(tree, parent)} (average cosine "
                f"{best[place]:.2f}) than its siblings ({own[place]:.2f})"
            )
            keys = (tree.keys[node], tree.keys[parent])
            found.append(StructureFinding(NEARER_FAMILY, "note", keys, message, float(level.sizes[place])))
    return found


def _level(tree: Taxonomy, means: CategoryMeans, depth: int) -> _Level | None:
    """The categories of a depth that have enough items; None if they are all of one family."""
    here = np.flatnonzero((tree.depths[means.nodes] == depth) & (means.sizes >= FEWEST_ITEMS))
    nodes = means.nodes[here]
    parents, family = np.unique(tree.parents[nodes], return_inverse=True)
    if len(parents) < 2:
        return None
    vectors = means.means[here]
    sums = np.zeros((len(parents), vectors.shape[1]))
    np.add.at(sums, family, vectors)
    squares = np.bincount(family, (vectors**2).sum(1)).astype(np.float64)
    count = np.bincount(family)
    return _Level(nodes, vectors, means.sizes[here], family, parents.astype(np.int64), sums, squares, count)


def _strangers(level: _Level) -> float:
    """Average cosine of items in categories of different families."""
    apart = (level.sums.sum(0) ** 2).sum() - (level.sums**2).sum()
    return float(apart / (len(level.nodes) ** 2 - (level.members**2).sum()))


def _silhouettes(
    level: _Level,
) -> tuple[npt.NDArray[np.float64], LongArray, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Of each category: silhouette, nearest other family, average cosine with siblings and with that family.

    NaN and -1 where there is no sibling, or no other family of two.
    """
    n = len(level.nodes)
    rows = np.arange(n)
    score = level.means @ (level.sums / level.members[:, None]).T
    siblings = level.members[level.family] - 1
    to_own = score[rows, level.family] * level.members[level.family] - (level.means**2).sum(1)
    own = np.where(siblings > 0, to_own / np.maximum(siblings, 1), np.nan)
    score[:, level.members < 2] = -np.inf
    score[rows, level.family] = -np.inf
    other = score.argmax(1)
    best = score[rows, other]
    defined = (siblings > 0) & np.isfinite(best)
    best = np.where(defined, best, np.nan)
    # With distances 1 - cosine, (b - a) / max(a, b) becomes this; distances are above 0 save for equal items.
    farther = 1 - np.fmin(own, best)
    silhouette = np.divide(own - best, farther, out=np.zeros(n), where=farther > 1e-12)
    return np.where(defined, silhouette, np.nan), np.where(defined, other, -1), own, best

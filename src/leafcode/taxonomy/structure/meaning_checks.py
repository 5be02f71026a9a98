"""Where the tree and the embeddings disagree about what belongs together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from leafcode.taxonomy.structure.family_levels import FamilyLevel
from leafcode.taxonomy.structure.finding import (
    FindingKind,
    Severity,
    StructureFinding,
    counted,
    named,
    some_of,
)
from leafcode.taxonomy.tree import Taxonomy

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


def family_fit(levels: Sequence[FamilyLevel]) -> tuple[FamilyFit, ...]:
    """How well each depth below the roots fits the embeddings, top first."""
    found = []
    for level in levels:
        pairs = level.members * (level.members - 1)
        siblings = level.within.sum() / pairs.sum() if pairs.sum() else np.nan
        known = level.silhouette[~np.isnan(level.silhouette)]
        mean = float(known.mean()) if len(known) else np.nan
        found.append(FamilyFit(level.depth, len(level.nodes), float(siblings), level.strangers, mean))
    return tuple(found)


def unlike_siblings(tree: Taxonomy, levels: Sequence[FamilyLevel]) -> list[StructureFinding]:
    """Families whose members are, on average, no more alike than categories of other families at that depth.

    A note for two members, whose one pair may be a matter of chance, else a warning.
    """
    found = []
    for level in levels:
        alike = level.within / np.maximum(level.members * (level.members - 1), 1)
        for family in np.flatnonzero((level.members > 1) & (alike <= level.strangers)).tolist():
            members = np.flatnonzero(level.family == family)
            parent = int(level.parents[family])
            nodes = [parent, *level.nodes[members].tolist()]
            names = some_of([repr(tree.names[node]) for node in nodes[1:]])
            message = (
                f"the {counted(len(members), 'child', 'children')} of {named(tree, parent)} ({names}) are no "
                f"more alike (average cosine {alike[family]:.2f}) than strangers ({level.strangers:.2f})"
            )
            severity: Severity = "warning" if len(members) > 2 else "note"
            keys = tuple(tree.keys[node] for node in nodes)
            found.append(
                StructureFinding(UNLIKE_SIBLINGS, severity, keys, message, float(level.sizes[members].sum()))
            )
    return found


def nearer_families(tree: Taxonomy, levels: Sequence[FamilyLevel]) -> list[StructureFinding]:
    """Categories whose items are more like those of another parent's children than those of their siblings.

    By the silhouette of a category in its family, with average cosine as similarity: reported below
    -`SMALLEST_GAP`. The other parent has at least two children.

    References:
        Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis",
        Journal of Computational and Applied Mathematics 20, 1987
    """
    found = []
    for level in levels:
        for place in np.flatnonzero(level.silhouette < -SMALLEST_GAP).tolist():
            node, parent = int(level.nodes[place]), int(level.parents[level.other[place]])
            message = (
                f"{named(tree, node)} is more like the children of {named(tree, parent)} (average cosine "
                f"{level.to_other[place]:.2f}) than its siblings ({level.to_siblings[place]:.2f})"
            )
            keys = (tree.keys[node], tree.keys[parent])
            found.append(StructureFinding(NEARER_FAMILY, "note", keys, message, float(level.sizes[place])))
    return found

"""What is odd about the shape of a tree: its roots, levels that divide nothing, very wide families."""

from __future__ import annotations

import numpy as np

from leafcode.taxonomy._arrays import LongArray, levels
from leafcode.taxonomy.structure.finding import FindingKind, StructureFinding, counted, named, some_of
from leafcode.taxonomy.tree import Taxonomy

WIDEST = 64
"""Children that a node may have: the related half of a default batch (512 items, 4 a category) holds 64."""

LARGEST_DEPTH_RANGE = 3
"""Levels that the leaves beneath a node may lie apart."""

FLAT = FindingKind(
    "flat list",
    "There is no relation but the same category: all other pairs are negatives, however alike they are.",
    "Group the categories under parents if you can; grades make no difference.",
)
ONE_ROOT = FindingKind(
    "level shared by all",
    "It tells nothing apart: graded by depth, any two items that meet there count as related.",
    "Leave the level out, or give it the grade 0 in a table by depth.",
)
SEVERAL_ROOTS = FindingKind(
    "several roots",
    "Pairs under different roots have no common ancestor and are plain negatives, which is usual.",
    "None, unless some roots belong under a common parent.",
)
ISOLATED_ROOT = FindingKind(
    "isolated root",
    "Its items have no relatives but each other: all else is as far away as can be.",
    "Often a broken parent reference or a catch-all; place it in the tree or leave its items unlabelled.",
)
LONE_CHILD = FindingKind(
    "lone child",
    "The level divides nothing: the category has no siblings that training could tell it from.",
    "Merge it with its parent, or expect more siblings to come.",
)
WIDE_NODE = FindingKind(
    "very wide node",
    "All its children are graded alike, near and far ones, and a batch holds few of them.",
    "Look for a missing level, such as groups of the children.",
)
UNEVEN_BRANCH = FindingKind(
    "leaves at very different depths",
    "Depth means different things here: graded by depth, siblings in the shallow part count as less related.",
    "Check whether the deep part is too fine or the shallow one too coarse; see which grades fit.",
)


def roots(tree: Taxonomy, sizes: LongArray) -> list[StructureFinding]:
    """A flat list, one root above everything, several roots, and roots without children."""
    tops = tree.children(-1)
    if tree.max_depth == 1:
        message = f"all {counted(len(tree), 'category is a root', 'categories are roots')}"
        return [StructureFinding(FLAT, "warning", (), message, float(sizes.sum()))]
    if len(tops) == 1:
        message = f"everything lies beneath {named(tree, 0)}"
        return [StructureFinding(ONE_ROOT, "note", (tree.keys[0],), message, float(sizes[0]))]
    keys = tuple(tree.keys[top] for top in tops.tolist())
    names = some_of([named(tree, top) for top in tops.tolist()])
    several = StructureFinding(SEVERAL_ROOTS, "note", keys, f"{len(tops)} roots: {names}")
    return [several] + [
        StructureFinding(
            ISOLATED_ROOT,
            "warning",
            (tree.keys[top],),
            f"{named(tree, top)} is a root without children",
            float(sizes[top]),
        )
        for top in tops[tree.is_leaf[tops]].tolist()
    ]


def lone_children(tree: Taxonomy, sizes: LongArray) -> list[StructureFinding]:
    """Nodes without siblings beneath another node."""
    children = np.bincount(tree.parents + 1, minlength=len(tree) + 1)[1:]
    inner = tree.parents >= 0
    lone = np.flatnonzero(inner & (children[tree.parents] == 1))
    return [
        StructureFinding(
            LONE_CHILD,
            "note",
            (tree.keys[node], tree.keys[int(tree.parents[node])]),
            f"{named(tree, node)} is the only child of its parent",
            float(sizes[node]),
        )
        for node in lone.tolist()
    ]


def wide_nodes(tree: Taxonomy, sizes: LongArray) -> list[StructureFinding]:
    """Nodes with more than `WIDEST` children."""
    children = np.bincount(tree.parents + 1, minlength=len(tree) + 1)
    if tree.max_depth == 1:
        children[0] = 0  # a flat list, which has a finding of its own
    found = []
    for place in np.flatnonzero(children > WIDEST).tolist():
        node = place - 1
        what = named(tree, node) if node >= 0 else "the top"
        keys = (tree.keys[node],) if node >= 0 else ()
        size = sizes[node] if node >= 0 else sizes[tree.children(-1)].sum()
        message = f"{what} has {counted(int(children[place]), 'child', 'children')}"
        found.append(StructureFinding(WIDE_NODE, "note", keys, message, float(size)))
    return found


def uneven_branches(tree: Taxonomy, sizes: LongArray) -> list[StructureFinding]:
    """The lowest nodes whose leaves lie `LARGEST_DEPTH_RANGE` levels or more apart."""
    shallow, deep = leaf_depths(tree)
    uneven = deep - shallow >= LARGEST_DEPTH_RANGE
    # A node above such a node spans as much; only the lowest says where it is.
    above = tree.parents[uneven & (tree.parents >= 0)]
    uneven[above] = False
    return [
        StructureFinding(
            UNEVEN_BRANCH,
            "note",
            (tree.keys[node],),
            f"leaves of {named(tree, node)} lie at depths {shallow[node]} to {deep[node]}",
            float(sizes[node]),
        )
        for node in np.flatnonzero(uneven).tolist()
    ]


def leaf_depths(tree: Taxonomy) -> tuple[LongArray, LongArray]:
    """Depths of the shallowest and of the deepest leaf beneath each node: int64 (n,) each.

    Example:
        >>> tree, _ = Taxonomy.from_paths(["A > B > C", "A > D"])
        >>> [depths.tolist() for depths in leaf_depths(tree)]
        [[2, 3, 3, 2], [3, 3, 3, 2]]
    """
    depth = tree.depths.astype(np.int64)
    shallow = np.where(tree.is_leaf, depth, tree.max_depth + 1)
    deep = depth.copy()
    for nodes in levels(tree.depths)[:0:-1]:
        np.minimum.at(shallow, tree.parents[nodes], shallow[nodes])
        np.maximum.at(deep, tree.parents[nodes], deep[nodes])
    return shallow, deep

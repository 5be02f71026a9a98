"""Categories that the items leave empty, thin or overfull."""

from __future__ import annotations

import numpy as np

from leafcode.taxonomy._arrays import LongArray
from leafcode.taxonomy.structure.balance import beneath
from leafcode.taxonomy.structure.finding import (
    FindingKind,
    Severity,
    StructureFinding,
    counted,
    named,
    some_of,
)
from leafcode.taxonomy.tree import Taxonomy

MANY_SINGLES = 5
"""Leaves of one item beneath one parent that make a warning, if they are half of its leaves."""

LARGE_SHARE = 0.01
"""Share of all items on one inner node that makes a warning."""

EMPTY = FindingKind(
    "no items",
    "Training never sees these categories.",
    "None; items that come later take the nearest codes that were learned.",
)
SINGLE_ITEM = FindingKind(
    "categories of a single item",
    "The item has no partner in its own category: it learns from its siblings and cousins alone.",
    "Merge such categories into their parent, or find them more items.",
)
NO_SIBLING = FindingKind(
    "no sibling in use",
    "Its items have no sibling pairs: the next relatives lie a level higher, and count as less related.",
    "Merge the category with its parent if the siblings stay empty.",
)
ON_INNER_NODE = FindingKind(
    "items on an inner node",
    "Pairs of these with items further down are left open: neither pulled together nor pushed apart.",
    "File them in the finer categories, or in one of their own if they fit into none.",
)
OVERFULL = FindingKind(
    "one category holds most pairs",
    "Most same-category pairs of a uniform batch come from it, and codes are spent on it.",
    "Divide it, or draw hierarchical batches, in which small categories have their pairs too.",
)


def empty_branches(tree: Taxonomy, filed: LongArray) -> list[StructureFinding]:
    """The topmost nodes with no item on or beneath them."""
    empty = beneath(tree, filed) == 0
    top = empty & ~np.append(empty, False)[tree.parents]
    leaves = beneath(tree, tree.is_leaf)
    return [
        StructureFinding(
            EMPTY,
            "note",
            (tree.keys[node],),
            f"{named(tree, node)} is empty"
            + ("" if tree.is_leaf[node] else f", with {counted(int(leaves[node]), 'leaf', 'leaves')}"),
            float(leaves[node]),
        )
        for node in np.flatnonzero(top).tolist()
    ]


def single_items(tree: Taxonomy, filed: LongArray) -> list[StructureFinding]:
    """Leaves that hold one item: one finding a parent.

    A warning if they are at least `MANY_SINGLES`, and half of its leaves in use.
    """
    single = np.flatnonzero(tree.is_leaf & (filed == 1))
    used = np.bincount(tree.parents[tree.is_leaf & (filed > 0)] + 1, minlength=len(tree) + 1)
    starts = np.flatnonzero(np.diff(np.sort(tree.parents[single]), prepend=-2))
    found = []
    for nodes in np.split(single[np.argsort(tree.parents[single], kind="stable")], starts[1:]):
        if len(nodes) == 0:
            continue
        parent = int(tree.parents[nodes[0]])
        of = int(used[parent + 1])
        where = f"under {named(tree, parent)}" if parent >= 0 else "at the top"
        names = some_of([repr(tree.names[node]) for node in nodes.tolist()])
        message = f"{len(nodes)} of the {counted(of, 'leaf', 'leaves')} in use {where}: {names}"
        severity: Severity = "warning" if len(nodes) >= MANY_SINGLES and 2 * len(nodes) >= of else "note"
        keys = tuple(tree.keys[node] for node in nodes.tolist())
        found.append(StructureFinding(SINGLE_ITEM, severity, keys, message, len(nodes)))
    return found


def without_siblings(tree: Taxonomy, filed: LongArray) -> list[StructureFinding]:
    """Categories with items that have siblings, all of them empty.

    Those that have no sibling at all are lone children.
    """
    used = beneath(tree, filed) > 0
    children = np.bincount(tree.parents + 1, minlength=len(tree) + 1)[1:]
    in_use = np.bincount(tree.parents[used] + 1, minlength=len(tree) + 1)[1:]
    alone = (filed > 0) & (tree.parents >= 0)
    alone &= (in_use[tree.parents] == 1) & (children[tree.parents] > 1)
    return [
        StructureFinding(
            NO_SIBLING,
            "note",
            (tree.keys[node],),
            f"{named(tree, node)} ({counted(int(filed[node]), 'item', 'items')}): all siblings are empty",
            float(filed[node]),
        )
        for node in np.flatnonzero(alone).tolist()
    ]


def on_inner_nodes(tree: Taxonomy, filed: LongArray) -> list[StructureFinding]:
    """Nodes with items of their own and others further down; a warning above `LARGE_SHARE` of all items."""
    total = beneath(tree, filed)
    found = []
    for node in np.flatnonzero((filed > 0) & (total > filed)).tolist():
        below = int(np.count_nonzero(total[tree.children(node)]))
        finer = counted(below, "finer category", "finer categories")
        message = (
            f"{filed[node]:,} of the {total[node]:,} items of {named(tree, node)} are filed on it, "
            f"not in its {finer}"
        )
        severity: Severity = "warning" if filed[node] >= LARGE_SHARE * filed.sum() else "note"
        found.append(
            StructureFinding(ON_INNER_NODE, severity, (tree.keys[node],), message, float(filed[node]))
        )
    return found


def overfull(tree: Taxonomy, filed: LongArray) -> list[StructureFinding]:
    """A category that makes more than half of all same-category pairs."""
    pairs = filed.astype(np.float64) * (filed - 1) / 2
    if np.count_nonzero(filed) < 2 or pairs.sum() == 0:
        return []
    node = int(pairs.argmax())
    share = float(pairs[node] / pairs.sum())
    if share <= 0.5:
        return []
    message = (
        f"{named(tree, node)} holds {filed[node] / filed.sum():.0%} of the labelled items "
        f"and {share:.0%} of the same-category pairs"
    )
    return [StructureFinding(OVERFULL, "warning", (tree.keys[node],), message, float(filed[node]))]

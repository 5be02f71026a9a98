"""Names that do not tell categories apart."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leafcode.taxonomy._arrays import LongArray
from leafcode.taxonomy.structure.finding import FindingKind, StructureFinding, named, some_of
from leafcode.taxonomy.tree import Taxonomy

REPEATED_SIBLING = FindingKind(
    "siblings of one name",
    "Items of one kind stand in two categories, which training tells apart.",
    "Merge them, or say in their names how they differ.",
)
REPEATED_NAME = FindingKind(
    "repeated name",
    "None as long as a category is its whole path; joined by name alone, unrelated items would be positives.",
    "Refer to categories by path or id, never by name.",
)


def repeated_siblings(tree: Taxonomy, sizes: LongArray) -> list[StructureFinding]:
    """Children of one node whose names are alike but for case and white space: one finding a name."""
    found = []
    for nodes in _groups(np.stack([_name_codes(tree), tree.parents])):
        parent = int(tree.parents[nodes[0]])
        place = f"under {named(tree, parent)}" if parent >= 0 else "at the top"
        names = " and ".join(repr(tree.names[node]) for node in nodes[:3].tolist())
        message = f"{len(nodes)} siblings {place} are called {names}"
        keys = tuple(tree.keys[node] for node in nodes.tolist())
        found.append(StructureFinding(REPEATED_SIBLING, "warning", keys, message, float(sizes[nodes].sum())))
    return found


def repeated_names(tree: Taxonomy, sizes: LongArray) -> list[StructureFinding]:
    """Names that stand under different parents: one finding a name."""
    found = []
    for nodes in _groups(_name_codes(tree)[None]):
        if len(np.unique(tree.parents[nodes])) == 1:
            continue
        paths = some_of([named(tree, node) for node in nodes.tolist()])
        message = f"{len(nodes)} categories are called {tree.names[nodes[0]]!r}: {paths}"
        keys = tuple(tree.keys[node] for node in nodes.tolist())
        found.append(StructureFinding(REPEATED_NAME, "note", keys, message, float(sizes[nodes].sum())))
    return found


def _name_codes(tree: Taxonomy) -> LongArray:
    """(n,) a number for each name, the same for names that differ in case and white space only."""
    names = pa.array(tree.names, pa.large_string())
    plain = pc.replace_substring_regex(pc.utf8_trim_whitespace(pc.utf8_lower(names)), r"\s+", " ")
    return np.asarray(plain.dictionary_encode().indices, np.int64)


def _groups(codes: LongArray) -> list[LongArray]:
    """Nodes that agree in all rows of `codes` (rows, n), for groups of two and more; nodes ascend."""
    _, group = np.unique(codes, axis=1, return_inverse=True)
    group = group.reshape(-1)
    order = np.argsort(group, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(group))[:-1])
    return [part for part in parts if len(part) > 1]

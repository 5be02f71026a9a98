"""Taxonomies in which a category has several parents, unfolded to a tree."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from leafcode.errors import InputError
from leafcode.taxonomy._arrays import IntArray, LongArray, preorder
from leafcode.taxonomy._build import check_acyclic, check_filled, check_unique, text_array
from leafcode.taxonomy.several_paths import listed, padded_places
from leafcode.taxonomy.tree import Taxonomy


class Unfolded(NamedTuple):
    """A directed acyclic graph as a tree; see `unfold`.

    Attributes:
        taxonomy: The tree, in which a category stands once for every way that leads down to it.
        nodes: Of every category of the graph the nodes at which it stands, ascending.
    """

    taxonomy: Taxonomy
    nodes: dict[str, tuple[int, ...]]

    def places(self, ids: Sequence[Sequence[str] | str | None], where: str = "ids") -> IntArray:
        """All places of items that are filed in the graph.

        Args:
            ids: Of each item one category, a list of categories, or None.
            where: Place named in errors.

        Returns:
            int32 (n, P) node ids padded with -1, as `places_from_paths` gives them.

        Raises:
            InputError: An id is no category of the graph, naming the item's row (counted from 1).
        """
        lists = listed(ids, where)
        for row, item in enumerate(lists, start=1):
            for category in item:
                if category not in self.nodes:
                    raise InputError(f"{where}: row {row}", repr(category), "a category of the graph")
        found = [list(itertools.chain.from_iterable(self.nodes[each] for each in item)) for item in lists]
        items = np.repeat(np.arange(len(found)), [len(item) for item in found])
        nodes = np.fromiter(itertools.chain.from_iterable(found), np.int64, len(items))
        return padded_places(items, nodes, len(found))


def unfold(
    ids: Sequence[str],
    parents: Sequence[Sequence[str]],
    names: Sequence[str] | None = None,
    *,
    separator: str = " > ",
    limit: int = 1_000_000,
    where: str = "parents",
) -> Unfolded:
    """Unfold a taxonomy whose categories may have several parents into a tree.

    A category stands beneath each of its parents, and so does all that lies beneath it. Batches, grades and
    measures then work as on any tree, with several places per item: `relevance_over_paths` grades two items
    by their closest places, so what is related by any parent is related.

    The tree may be much larger than the graph: a ladder of n steps with two rungs each has 2^n ways down.

    Args:
        ids: A unique text per category.
        parents: The parents' ids, none for a root; a repeated parent counts once.
        names: Display names; the ids if left out.
        separator: Joins ids to the keys of the tree's nodes, root first; occurs in no id.
        limit: Most nodes that the tree may have.
        where: Place named in errors.

    Returns:
        The tree, siblings sorted by id (code-point order), and the nodes of every id.

    Raises:
        InputError: A duplicate or empty id, a parent that is no id (naming the row, counted from 1), a cycle
            (listing its categories), or a tree of more than ``limit`` nodes.

    Example:
        >>> tree, nodes = unfold(["food", "gift", "tea", "green"], [[], [], ["food", "gift"], ["tea"]])
        >>> tree.keys[:3]
        ('food', 'food > tea', 'food > tea > green')
        >>> nodes["green"]
        (2, 5)
    """
    shown = list(ids if names is None else names)
    child, parent = _edges(ids, parents, shown, separator, where)
    _check_no_cycle(child, parent, ids, where)

    of_node, parent_of_node = _ways_down(child, parent, len(ids), limit, where)
    rank = np.argsort(np.argsort(np.array(ids, object), kind="stable"))
    old = preorder(parent_of_node, rank[of_node])
    new = np.append(np.empty(len(old), np.int64), -1)
    new[old] = np.arange(len(old))
    of_node, parents_in_order = of_node[old], new[parent_of_node[old]].astype(np.int32)
    keys: list[str] = []
    for place, above_it in zip(of_node.tolist(), parents_in_order.tolist(), strict=True):
        keys.append(ids[place] if above_it < 0 else keys[above_it] + separator + ids[place])
    tree = Taxonomy(tuple(keys), tuple(shown[place] for place in of_node.tolist()), parents_in_order)
    by_category = np.argsort(of_node, kind="stable")
    parts = np.split(by_category, np.cumsum(np.bincount(of_node, minlength=len(ids)))[:-1])
    return Unfolded(tree, {key: tuple(part.tolist()) for key, part in zip(ids, parts, strict=True)})


def _edges(
    ids: Sequence[str], parents: Sequence[Sequence[str]], names: list[str], separator: str, where: str
) -> tuple[LongArray, LongArray]:
    """Pairs of a child and a parent, as rows; each once."""
    if not len(ids) == len(parents) == len(names) > 0:
        found = f"{len(ids)} ids, {len(parents)} parents, {len(names)} names"
        raise InputError(where, found, "at least one category, and the same number of each")
    for column, what in ((ids, "id"), (names, "name")):
        check_filled(text_array(column, where), where, what)
    check_unique(ids, where)
    row_of = {key: row for row, key in enumerate(ids)}
    for row, key in enumerate(ids):
        if not separator or separator in key:
            raise InputError("separator", repr(separator), f"a text that occurs in no id, as in {key!r}")
        if isinstance(parents[row], str):
            raise InputError(f"{where}: row {row + 1}", repr(parents[row]), "a list of ids")
        missing = next((each for each in parents[row] if each not in row_of), None)
        if missing is not None:
            found = f"the parent {missing!r} of {key!r}"
            raise InputError(f"{where}: row {row + 1}", found, "an id of the same table")
    pairs = [(row, row_of[each]) for row, above in enumerate(parents) for each in dict.fromkeys(above)]
    edges = np.array(pairs, np.int64).reshape(-1, 2)
    return edges[:, 0], edges[:, 1]


def _check_no_cycle(child: LongArray, parent: LongArray, ids: Sequence[str], where: str) -> None:
    """Take away categories all of whose parents are gone, level by level; what stays leads to a cycle."""
    stays = np.ones(len(ids), bool)
    while True:
        held = np.zeros(len(ids), bool)
        held[child[stays[parent]]] = True
        held &= stays
        if bool((held == stays).all()):
            break
        stays = held
    # One way up is enough to find the cycle.
    upwards = np.full(len(ids), -1, np.int64)
    inside = stays[child] & stays[parent]
    upwards[child[inside]] = parent[inside]
    check_acyclic(upwards, ids, where)


def _ways_down(
    child: LongArray, parent: LongArray, count: int, limit: int, where: str
) -> tuple[LongArray, LongArray]:
    """The category at each node of the tree and the node above it, -1 for a root; breadth-first."""
    order = np.argsort(parent, kind="stable")
    children = child[order]  # those of one category side by side
    start = np.searchsorted(parent[order], np.arange(count + 1))
    category = np.setdiff1d(np.arange(count), child)
    categories, above, total = [category], [np.full(len(category), -1, np.int64)], len(category)
    while len(category):
        width = np.diff(start)[category]
        if total + int(width.sum()) > limit:
            hint = "Raise the limit, or drop parents that say little."
            raise InputError(where, f"a tree of more than {limit:,} nodes", f"at most {limit:,} nodes", hint)
        above.append(np.repeat(np.arange(total - len(category), total), width))
        # The i-th child of a node lies i places after its category's first.
        number = np.arange(int(width.sum())) - np.repeat(np.cumsum(width) - width, width)
        category = children[np.repeat(start[category], width) + number]
        categories.append(category)
        total += len(category)
    return np.concatenate(categories), np.concatenate(above)

"""The tree of codes for browsing: groups of code 1 in full, everything beneath as compact data.

The page draws what lies beneath a group when it is opened, from lists of items and prefixes in display
order: largest prefix first at every level. A catalogue whose texts do not fit the budget is thinned
evenly: every group of code 1 lists the same number of items at most, spread over its prefixes, and every
prefix says how many it leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leafcode.codes.prefix_tree import PrefixTree
from leafcode.report.categories import CategoryTable, IntArray, main_categories, read_categories
from leafcode.report.data import CodedItems

BUDGET = 2_400_000
"""Bytes that the lists of items may take."""
MAX_GROUPS = 1024
"""Groups of code 1 that are listed, the largest."""
EXAMPLES = 4
"""Items shown in the row of a group."""
MAX_TEXT = 140
"""Characters of an item's text that are shown."""
_ITEM_OVERHEAD = 30
"""Bytes of an item beside its texts: quotes, category, suffix, and its share of the prefixes."""


@dataclass(frozen=True)
class GroupCategory:
    """A category within a group: its path and its share of the group's items that have one."""

    path: list[str]
    share: float


@dataclass(frozen=True)
class CodeGroup:
    """All items with the same first code.

    Attributes:
        code: The first code.
        items: Number of items.
        categories: Its main categories, most frequent first; empty if no item has one.
        purity: Share of its most frequent top category; None if no item has a category.
        examples: A few texts, from its largest prefixes.
    """

    code: int
    items: int
    categories: list[GroupCategory]
    purity: float | None
    examples: list[str]


@dataclass(frozen=True)
class CodeTree:
    """What the page needs to show the code tree.

    Attributes:
        groups: Groups of code 1, largest first.
        payload: Data for browsing beneath the groups and for searching, ready for JSON; see
            `build_code_tree`.
        items: Items in the catalogue.
        listed: Items that can be browsed and found.
        groups_left_out: Groups of code 1 beyond `MAX_GROUPS`.
    """

    groups: list[CodeGroup]
    payload: dict[str, Any]
    items: int
    listed: int
    groups_left_out: int


def build_code_tree(items: CodedItems, *, budget: int = BUDGET, max_groups: int = MAX_GROUPS) -> CodeTree:
    """Arrange items by their codes, within a budget of bytes.

    The payload holds ``categories`` (pairs of parent number and name), ``items`` (parallel lists: text,
    category number or -1, rest of the Semantic ID behind the codes, and the id if there are ids) and
    ``levels``: for each level, parallel lists over its listed prefixes: the last ``code``, all items
    (``count``), ``listed`` items, ``children`` listed and in all (``groups``), and, above the last level,
    the main ``category`` with its ``share`` in percent. Prefixes and items stand in display order, so
    that the children of a prefix, and its items, are consecutive.

    Args:
        items: The items.
        budget: Bytes that the lists of items may take, roughly.
        max_groups: Groups of code 1 to list at most.

    Returns:
        The tree, at most `max_groups` groups wide, with at least one item in each.

    Example:
        >>> codes = np.array([[7, 0], [7, 1], [2, 0]])
        >>> tree = build_code_tree(CodedItems(codes, ["a", "b", "c"], [None] * 3, ["7_0_0", "7_1_0", "2_0_0"]))
        >>> [(group.code, group.items, group.examples) for group in tree.groups]
        [(7, 2, ['a', 'b']), (2, 1, ['c'])]
        >>> tree.payload["levels"][1]["code"], tree.payload["items"]["text"]
        ([0, 1, 0], ['a', 'b', 'c'])
    """
    n, levels = items.codes.shape
    table = read_categories(items.paths, items.separator)
    groups, sizes = _prefix_groups(items.codes)
    rank = _spread_rank(groups, sizes)
    largest = np.argsort(-sizes[0], kind="stable")
    keep = np.isin(groups[:, 0], largest[:max_groups])
    shown_text = _shortened(items.texts)
    keep &= rank < _cut(rank[keep], _cost(items, shown_text)[keep], budget - _table_cost(table))

    keys = [key for level in range(levels) for key in (-sizes[level][groups[:, level]], groups[:, level])]
    order = np.lexsort(keys[::-1])
    order = order[keep[order]]
    payload = {
        "categories": [[parent, name] for parent, name in zip(table.parents, table.names, strict=True)],
        "items": _item_lists(items, shown_text, table, order),
        "levels": [_level_lists(items.codes, groups, sizes, table, order, level) for level in range(levels)],
    }
    tops = _group_summaries(items.codes, groups, sizes, rank, table, shown_text, largest[:max_groups])
    return CodeTree(tops, payload, n, len(order), max(0, len(largest) - max_groups))


def _prefix_groups(codes: npt.NDArray[Any]) -> tuple[IntArray, list[IntArray]]:
    """Number of each item's prefix (n, L), per level and in lexicographic order, and the prefixes' sizes."""
    tree = PrefixTree(codes)
    groups = np.empty(codes.shape, dtype=np.int64)
    sizes = [tree.prefixes(level + 1)[1] for level in range(codes.shape[1])]
    for level, counts in enumerate(sizes):
        groups[tree.order, level] = np.repeat(np.arange(len(counts)), counts)
    return groups, sizes


def _spread_rank(groups: IntArray, sizes: list[IntArray]) -> IntArray:
    """Rank of each item within its group of code 1, such that early ranks cover its prefixes evenly.

    The first ranks of a group take one item from each of its prefixes, the largest first, and so on down
    the levels.
    """
    n, levels = groups.shape
    rank = np.zeros(n, dtype=np.int64)
    for level in reversed(range(levels)):
        beneath = groups[:, min(level + 1, levels - 1)]
        weight = -sizes[min(level + 1, levels - 1)][beneath]
        order = np.lexsort((beneath, weight, rank, groups[:, level]))
        sorted_groups = groups[order, level]
        rank[order] = np.arange(n) - np.searchsorted(sorted_groups, sorted_groups)
    return rank


def _cut(rank: IntArray, cost: IntArray, budget: int) -> int:
    """The largest number of items per group whose cost is within the budget, 1 or more."""
    total = np.cumsum(np.bincount(rank, weights=cost))
    return max(1, int(np.searchsorted(total, budget, side="right")))


def _cost(items: CodedItems, texts: list[str]) -> IntArray:
    lengths = pc.binary_length(pa.array(texts, type=pa.string())).to_numpy(zero_copy_only=False)
    cost: IntArray = lengths.astype(np.int64) + _ITEM_OVERHEAD
    if items.ids is not None:
        ids = pc.binary_length(pa.array(list(items.ids), type=pa.string())).to_numpy(zero_copy_only=False)
        cost += ids + 3
    return cost


def _table_cost(table: CategoryTable) -> int:
    return sum(len(name.encode()) + 12 for name in table.names)


def _shortened(texts: Any) -> list[str]:  # noqa: ANN401 - any sequence of texts and None
    return [
        "" if text is None else text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1].rstrip() + "…"
        for text in texts
    ]


def _item_lists(
    items: CodedItems, texts: list[str], table: CategoryTable, order: IntArray
) -> dict[str, list[Any]]:
    positions = order.tolist()
    codes = items.codes[order].tolist()
    lists: dict[str, list[Any]] = {
        "text": [texts[position] for position in positions],
        "category": table.own[order].tolist(),
        "suffix": [
            items.semantic_ids[position][len("_".join(map(str, row))) + 1 :]
            for position, row in zip(positions, codes, strict=True)
        ],
    }
    if items.ids is not None:
        lists["id"] = [items.ids[position] for position in positions]
    return lists


def _level_lists(
    codes: npt.NDArray[Any],
    groups: IntArray,
    sizes: list[IntArray],
    table: CategoryTable,
    order: IntArray,
    level: int,
) -> dict[str, list[int]]:
    ordered = groups[order, level]
    first = np.flatnonzero(np.diff(ordered, prepend=-1))
    prefixes = ordered[first]
    lists = {
        "code": codes[order[first], level],
        "count": sizes[level][prefixes],
        "listed": np.diff(first, append=len(order)),
    }
    if level + 1 < len(sizes):
        below = groups[order, level + 1]
        starts_below = np.diff(below, prepend=-1) != 0
        lists["children"] = np.add.reduceat(starts_below, first) if len(first) else first
        parent_of = np.empty(len(sizes[level + 1]), dtype=np.int64)
        parent_of[groups[:, level + 1]] = groups[:, level]
        lists["groups"] = np.bincount(parent_of, minlength=len(sizes[level]))[prefixes]
        main = main_categories(groups[:, level], len(sizes[level]), table.ancestors, top=1)
        lists["category"] = main.nodes[prefixes, 0]
        lists["share"] = np.round(100 * main.shares[prefixes, 0]).astype(np.int64)
    return {name: values.tolist() for name, values in lists.items()}


def _group_summaries(
    codes: npt.NDArray[Any],
    groups: IntArray,
    sizes: list[IntArray],
    rank: IntArray,
    table: CategoryTable,
    texts: list[str],
    largest: IntArray,
) -> list[CodeGroup]:
    main = main_categories(groups[:, 0], len(sizes[0]), table.ancestors)
    early = np.flatnonzero(rank < EXAMPLES)
    early = early[np.lexsort((rank[early], groups[early, 0]))]
    examples: dict[int, list[str]] = {}
    code_of: dict[int, int] = {}
    for position, group in zip(early.tolist(), groups[early, 0].tolist(), strict=True):
        code_of.setdefault(group, int(codes[position, 0]))
        if texts[position]:
            examples.setdefault(group, []).append(texts[position])
    return [
        CodeGroup(
            code=code_of[group],
            items=int(sizes[0][group]),
            categories=[
                GroupCategory(table.path(node), share)
                for node, share in zip(main.nodes[group].tolist(), main.shares[group].tolist(), strict=True)
                if node >= 0
            ],
            purity=None if np.isnan(main.top_share[group]) else float(main.top_share[group]),
            examples=examples.get(group, []),
        )
        for group in largest.tolist()
    ]

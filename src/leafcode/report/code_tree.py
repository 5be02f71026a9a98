"""The tree of codes for browsing: groups of code 1 in full, everything beneath as compact data.

The page draws what lies beneath a group when it is opened, from lists of items and prefixes in display
order: largest prefix first at every level. The lists are compressed, which browsers can undo, so that the
whole of a catalogue of 50,000 items fits. A catalogue that does not fit is thinned evenly: every group of
code 1 lists the same number of items at most, spread over its prefixes, and every prefix says how many it
leaves out.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
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
"""Bytes that the data behind the groups may take in the file."""
MAX_GROUPS = 1024
"""Groups of code 1 that are listed, the largest."""
EXAMPLES = 4
"""Items shown in the row of a group."""
MAX_TEXT = 140
"""Characters of an item's text that are shown."""
_ITEM_OVERHEAD = 30
"""Bytes of an item beside its texts: quotes, category, suffix, and its share of the prefixes."""
_COMPRESSION = 4
"""Times that item texts shrink at most: the first guess at what fits a budget."""


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
        payload: Data for browsing beneath the groups and for searching; see `build_code_tree`.
        packed: The payload as it stands in the page: JSON, gzip, base64.
        items: Items in the catalogue.
        listed: Items that can be browsed and found.
        groups_left_out: Groups of code 1 beyond `MAX_GROUPS`.
    """

    groups: list[CodeGroup]
    payload: dict[str, Any]
    packed: str
    items: int
    listed: int
    groups_left_out: int


def build_code_tree(items: CodedItems, *, budget: int = BUDGET, max_groups: int = MAX_GROUPS) -> CodeTree:
    """Arrange items by their codes, within a budget of bytes.

    The payload holds ``categories`` (pairs of parent number and name), ``items`` (parallel lists: text,
    category number or -1, suffix, and the id if there are ids) and
    ``levels``: for each level, parallel lists over its listed prefixes: the last ``code``, all items
    (``count``), ``listed`` items, ``children`` listed and in all (``groups``), and, above the last level,
    the main ``category`` with its ``share`` in percent. Prefixes and items stand in display order, so
    that the children of a prefix, and its items, are consecutive.

    Args:
        items: The items.
        budget: Bytes that the packed payload may take.
        max_groups: Groups of code 1 to list at most.

    Returns:
        The tree, at most `max_groups` groups wide, with at least one item listed in each, even where
        that exceeds the budget.

    Example:
        >>> codes = np.array([[7, 0], [7, 1], [2, 0]])
        >>> tree = build_code_tree(CodedItems(codes, np.zeros(3, int), ["a", "b", "c"], [None] * 3))
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
    shown = np.isin(groups[:, 0], largest[:max_groups])
    texts = _shortened(items.texts)
    cost = np.cumsum(np.bincount(rank[shown], weights=_cost(items, texts)[shown]))
    keys = [key for level in range(levels) for key in (-sizes[level][groups[:, level]], groups[:, level])]
    order = np.lexsort(keys[::-1])
    order = order[shown[order]]

    def payload_of(per_group: int) -> dict[str, Any]:
        listed = order[rank[order] < per_group]
        return {
            "categories": [[parent, name] for parent, name in zip(table.parents, table.names, strict=True)],
            "items": _item_lists(items, texts, table, listed),
            "levels": [
                _level_lists(items.codes, groups, sizes, table, listed, level) for level in range(levels)
            ],
        }

    allowance = float(_COMPRESSION * budget)
    while True:
        per_group = max(1, int(np.searchsorted(cost, allowance, side="right")))
        payload = payload_of(per_group)
        packed = _pack(payload)
        if len(packed) <= budget or per_group == 1:
            break
        # Fewer bytes by the factor that is missing, and a little more so that one more round does.
        allowance = cost[per_group - 1] * 0.95 * budget / len(packed)
    tops = _group_summaries(items.codes, groups, sizes, rank, table, texts, largest[:max_groups])
    listed_items = len(payload["items"]["text"])
    return CodeTree(tops, payload, packed, n, listed_items, max(0, len(largest) - max_groups))


def _pack(payload: dict[str, Any]) -> str:
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    # Without a time stamp, so that equal data give equal bytes.
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


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


def _cost(items: CodedItems, texts: pa.StringArray) -> IntArray:
    cost: IntArray = _byte_lengths(texts) + _ITEM_OVERHEAD
    return cost if items.ids is None else cost + _byte_lengths(pa.array(items.ids, type=pa.string()))


def _byte_lengths(texts: pa.StringArray) -> IntArray:
    lengths: IntArray = pc.binary_length(texts).to_numpy(zero_copy_only=False).astype(np.int64)
    return lengths


def _shortened(texts: Sequence[str | None]) -> pa.StringArray:
    """Texts of `MAX_TEXT` characters at most, and empty where there is none."""
    whole = pa.array(texts, type=pa.string()).fill_null("")
    cut = pc.utf8_rtrim_whitespace(pc.utf8_slice_codeunits(whole, 0, MAX_TEXT - 1))
    return pc.if_else(
        pc.greater(pc.utf8_length(whole), MAX_TEXT), pc.binary_join_element_wise(cut, "…", ""), whole
    )


def _item_lists(
    items: CodedItems, texts: pa.StringArray, table: CategoryTable, order: IntArray
) -> dict[str, list[Any]]:
    lists: dict[str, list[Any]] = {
        "text": texts.take(order).to_pylist(),
        "category": table.own[order].tolist(),
        "suffix": items.suffixes[order].tolist(),
    }
    if items.ids is not None:
        lists["id"] = [items.ids[position] for position in order.tolist()]
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
    texts: pa.StringArray,
    largest: IntArray,
) -> list[CodeGroup]:
    main = main_categories(groups[:, 0], len(sizes[0]), table.ancestors)
    early = np.flatnonzero(rank < EXAMPLES)
    early = early[np.lexsort((rank[early], groups[early, 0]))]
    examples: dict[int, list[str]] = {}
    code_of: dict[int, int] = {}
    shown = texts.take(early).to_pylist()
    for code, group, text in zip(codes[early, 0].tolist(), groups[early, 0].tolist(), shown, strict=True):
        code_of[group] = code
        if text:
            examples.setdefault(group, []).append(text)
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

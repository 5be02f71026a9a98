import base64
import gzip
import hashlib
import json
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.reports import coded_items

from leafcode.report import CodedItems
from leafcode.report.code_tree import MAX_TEXT, build_code_tree


def walk(payload):
    """Every listed prefix of every level with its own items, read as the page reads them: (prefix, row)."""
    levels = payload["levels"]
    texts = payload["items"]["text"]
    found = []

    def descend(level, nodes, prefix, first_item):
        for node in nodes:
            lists = levels[level]
            here = (*prefix, lists["code"][node])
            stop = first_item + lists["listed"][node]
            found.append((here, lists["count"][node], list(range(first_item, stop)), level, node))
            if level + 1 < len(levels):
                start = sum(lists["children"][:node])
                descend(level + 1, range(start, start + lists["children"][node]), here, first_item)
            first_item = stop

    descend(0, range(len(levels[0]["code"])), (), 0)
    assert sum(levels[0]["listed"]) == len(texts)
    return found


@given(
    st.integers(1, 3).flatmap(
        lambda levels: st.lists(
            st.lists(st.integers(0, 3), min_size=levels, max_size=levels), min_size=1, max_size=40
        )
    ),
    st.integers(0, 3000),
)
def test_prefixes_hold_what_counting_by_hand_finds(codes, budget):
    n = len(codes)
    items = CodedItems(np.array(codes), np.arange(n), [str(i) for i in range(n)], [None] * n)
    tree = build_code_tree(items, budget=budget)
    counts = Counter(tuple(row[:length]) for row in codes for length in range(1, len(row) + 1))
    seen = []
    for prefix, count, rows, level, node in walk(tree.payload):
        assert count == counts[prefix]
        assert 1 <= len(rows) <= count
        for row in rows:
            position = int(tree.payload["items"]["text"][row])
            assert tuple(codes[position][: len(prefix)]) == prefix
            assert tree.payload["items"]["suffix"][row] == position
        if level + 1 < len(codes[0]):
            children = {p for p in counts if len(p) == len(prefix) + 1 and p[:-1] == prefix}
            assert tree.payload["levels"][level]["groups"][node] == len(children)
        if level == 0:
            seen.append(prefix[0])
    assert seen == [group.code for group in tree.groups]
    assert set(seen) == {row[0] for row in codes}
    assert [group.items for group in tree.groups] == sorted((counts[(c,)] for c in seen), reverse=True)


def test_without_a_tight_budget_everything_is_listed():
    tree = build_code_tree(coded_items(500))
    assert tree.listed == tree.items == 500
    assert all(level["listed"] == level["count"] for level in tree.payload["levels"])


def test_packed_is_the_payload_and_keeps_to_the_budget():
    items = coded_items(3000)
    tree = build_code_tree(items, budget=8000)
    assert json.loads(gzip.decompress(base64.b64decode(tree.packed))) == tree.payload
    assert len(tree.packed) <= 8000
    assert 0 < tree.listed < 3000


def test_a_thinned_group_spreads_over_its_prefixes():
    codes = np.array([[0, 0]] * 90 + [[0, code] for code in range(1, 11)])
    n = len(codes)
    words = [hashlib.sha256(str(i).encode()).hexdigest() for i in range(n)]
    tree = build_code_tree(CodedItems(codes, np.arange(n), words, [None] * n), budget=1500)
    assert tree.listed < 40
    assert len(tree.payload["levels"][1]["code"]) == 11


def test_groups_beyond_the_limit_are_the_smallest_and_are_counted():
    codes = np.repeat(np.arange(10), np.arange(1, 11))[:, None]
    n = len(codes)
    tree = build_code_tree(CodedItems(codes, np.arange(n), ["x"] * n, [None] * n), max_groups=4)
    assert [group.code for group in tree.groups] == [9, 8, 7, 6]
    assert tree.groups_left_out == 6
    assert tree.listed == 10 + 9 + 8 + 7


def test_a_group_shows_its_categories_purity_and_examples_of_its_largest_prefixes():
    codes = np.array([[1, 0], [1, 0], [1, 0], [1, 1], [1, 1], [1, 2]])
    paths = ["A > x", "A > x", "A > y", "A > x", "B > z", None]
    tree = build_code_tree(CodedItems(codes, np.arange(6), list("abcdef"), paths))
    (group,) = tree.groups
    assert [(category.path, category.share) for category in group.categories] == [
        (["A", "x"], 0.6),
        (["A", "y"], 0.2),
        (["B", "z"], 0.2),
    ]
    assert group.purity == 0.8
    assert group.examples == ["a", "d", "f", "b"]


def test_long_texts_are_cut_and_missing_ones_are_empty():
    items = CodedItems(np.zeros((2, 1), int), np.arange(2), ["ü" * 500, None], [None, None])
    cut, missing = build_code_tree(items).payload["items"]["text"]
    assert len(cut) == MAX_TEXT
    assert cut.endswith("…")
    assert missing == ""


@pytest.mark.parametrize("n", [50_000])
def test_fifty_thousand_items_fit(n):
    rng = np.random.default_rng(0)
    codes = np.minimum(rng.geometric(0.02, (n, 3)), 255)
    words = np.array(["organic", "oat", "milk", "large", "fresh", "cut", "salted", "dark", "roast", "juice"])
    texts = [" ".join(row) for row in words[rng.integers(0, 10, (n, 5))]]
    paths = [f"Department {i % 20} > Aisle {i % 160}" for i in range(n)]
    tree = build_code_tree(CodedItems(codes, np.arange(n), texts, paths, [str(i) for i in range(n)]))
    assert tree.listed == n
    assert len(tree.packed) <= 2_400_000
    assert all(group.purity is not None and not math.isnan(group.purity) for group in tree.groups)

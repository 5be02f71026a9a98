import numpy as np

from leafcode.taxonomy import Taxonomy
from leafcode.taxonomy.structure import items_per_node
from leafcode.taxonomy.structure.item_checks import (
    empty_branches,
    on_inner_nodes,
    overfull,
    single_items,
    without_siblings,
)


def run(check, filed, *empty):
    """Findings with items at the paths in `filed`; the paths in `empty` are in the tree too."""
    paths = [path for path, count in filed.items() for _ in range(count)]
    tree, nodes = Taxonomy.from_paths([*paths, *empty])
    return [(f.severity, f.nodes, f.weight) for f in check(tree, items_per_node(tree, nodes[: len(paths)]))]


def test_empty_branches_are_named_at_their_top():
    found = run(empty_branches, {"A > x": 1}, "A > y", "B > z > w", "B > v")
    assert found == [("note", ("A > y",), 1), ("note", ("B",), 2)]


def test_single_items_by_parent():
    filed = {f"A > {name}": 1 for name in "pqrst"} | {"A > big": 9, "B > u": 1, "B > v": 2, "C": 1}
    assert run(single_items, filed, "B > empty") == [
        ("note", ("C",), 1),
        ("warning", tuple(f"A > {name}" for name in "pqrst"), 5),
        ("note", ("B > u",), 1),
    ]


def test_without_siblings_in_use():
    found = run(without_siblings, {"A > x": 3, "B > y": 1, "B > z": 1, "C > lone": 1}, "A > empty")
    assert found == [("note", ("A > x",), 3)]


def test_items_on_inner_nodes():
    found = run(on_inner_nodes, {"A": 2, "A > x": 1, "B": 1, "B > y": 300}, "B > z")
    assert found == [("note", ("A",), 2), ("note", ("B",), 1)]
    assert run(on_inner_nodes, {"A": 2, "A > x": 1})[0][0] == "warning"
    assert run(on_inner_nodes, {"A": 2}, "A > x") == []


def test_one_category_with_most_pairs():
    # 15 of 18 pairs against 10 of 20.
    assert run(overfull, {"A": 6, "B": 3}) == [("warning", ("A",), 6)]
    assert run(overfull, {"A": 5, "B": 5}) == []
    assert run(overfull, {"A": 6}) == []
    assert run(overfull, {"A": 1, "B": 1}) == []


def test_a_tree_without_items():
    tree, _ = Taxonomy.from_paths(["A > x", "A > y"])
    filed = np.zeros(3, np.int64)
    assert [check(tree, filed) for check in (single_items, without_siblings, on_inner_nodes, overfull)] == [
        [],
        [],
        [],
        [],
    ]
    assert [found.nodes for found in empty_branches(tree, filed)] == [("A",)]

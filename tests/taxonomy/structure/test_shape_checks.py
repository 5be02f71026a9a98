import numpy as np
from hypothesis import given, settings
from tests.strategies import taxonomies

from leafcode.taxonomy import Taxonomy
from leafcode.taxonomy.structure.balance import beneath
from leafcode.taxonomy.structure.name_checks import repeated_names, repeated_siblings
from leafcode.taxonomy.structure.shape_checks import (
    WIDEST,
    leaf_depths,
    lone_children,
    roots,
    uneven_branches,
    wide_nodes,
)


def run(check, *paths):
    tree, _ = Taxonomy.from_paths(list(paths))
    return [(f.kind.name, f.severity, f.nodes) for f in check(tree, beneath(tree, tree.is_leaf))]


def test_roots():
    assert run(roots, "A", "B") == [("flat list", "warning", ())]
    assert run(roots, "A > x", "A > y") == [("level shared by all", "note", ("A",))]
    assert run(roots, "A > x", "B", "C > y") == [
        ("several roots", "note", ("A", "B", "C")),
        ("isolated root", "warning", ("B",)),
    ]


def test_lone_children():
    assert run(lone_children, "A > x > y", "A > z", "B > w") == [
        ("lone child", "note", ("A > x > y", "A > x")),
        ("lone child", "note", ("B > w", "B")),
    ]


def test_wide_nodes():
    paths = [f"A > {number}" for number in range(WIDEST)]
    assert run(wide_nodes, *paths) == []
    assert run(wide_nodes, *paths, "A > more") == [("very wide node", "note", ("A",))]
    # So many roots are wide too, unless there is nothing but roots.
    tops = [f"{number} > x" for number in range(WIDEST + 1)]
    assert run(wide_nodes, *tops) == [("very wide node", "note", ())]
    assert run(wide_nodes, *(f"{number}" for number in range(WIDEST + 1))) == []


def test_of_uneven_branches_the_lowest_is_named():
    deep = "A > B > C > D > E"
    assert run(uneven_branches, deep, "A > B > c", "A > d") == [
        ("leaves at very different depths", "note", ("A",))
    ]
    assert run(uneven_branches, "R > " + deep, "R > A > b", "R > y") == [
        ("leaves at very different depths", "note", ("R > A",))
    ]
    assert run(uneven_branches, "A > B > C", "A > d") == []


@settings(max_examples=40)
@given(taxonomies())
def test_leaf_depths(tree):
    shallow, deep = leaf_depths(tree)
    for node in range(len(tree)):
        below = np.arange(node, tree.end[node])
        depths = tree.depths[below][tree.is_leaf[below]]
        assert (shallow[node], deep[node]) == (depths.min(), depths.max())


def test_names_are_compared_without_case_and_spaces():
    tree = Taxonomy(
        ("a", "a1", "a2", "b", "b1"), ("A", "Green  Tea", "green tea ", "B", "Green Tea"), [-1, 0, 0, -1, 3]
    )
    sizes = beneath(tree, tree.is_leaf)
    (found,) = repeated_siblings(tree, sizes)
    assert (found.severity, found.nodes) == ("warning", ("a1", "a2"))
    assert found.message == "2 siblings under 'A' are called 'Green  Tea' and 'green tea '"
    (elsewhere,) = repeated_names(tree, sizes)
    assert (elsewhere.severity, elsewhere.nodes, elsewhere.weight) == ("note", ("a1", "a2", "b1"), 3)


@settings(max_examples=40)
@given(taxonomies())
def test_repeated_names_cover_every_name_with_two_parents(tree):
    found = repeated_names(tree, beneath(tree, tree.is_leaf))
    parents = {}
    for name, parent in zip(tree.names, tree.parents.tolist(), strict=True):
        parents.setdefault(name, set()).add(parent)
    expected = {name for name, above in parents.items() if len(above) > 1}
    assert {tree.names[tree.find(each.nodes[0])] for each in found} == expected

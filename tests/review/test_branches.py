import hypothesis
import hypothesis.strategies as st
import pytest
from tests.strategies import taxonomies

from leafcode.errors import InputError
from leafcode.review import branch_rows
from leafcode.taxonomy import Taxonomy


def drawn(tree, given, suggested=-1, siblings=2):
    rows = branch_rows(
        tree, tree.find(given), tree.find(suggested) if suggested != -1 else -1, siblings=siblings
    )
    return [(tree.names[row.node] if row.node >= 0 else row.hidden, row.depth, row.role) for row in rows]


def test_siblings_around_it_and_how_many_more():
    tree, _ = Taxonomy.from_paths([f"A > {letter}" for letter in "abcdefgh"])
    assert drawn(tree, "A > d", siblings=1) == [
        ("A", 1, "above"),
        ("c", 2, "sibling"),
        ("d", 2, "given"),
        ("e", 2, "sibling"),
        (5, 2, "more"),
    ]


def test_siblings_share_their_branch():
    tree, _ = Taxonomy.from_paths([f"A > {letter}" for letter in "abcd"])
    shown = [("A", 1, "above"), ("a", 2, "given"), ("d", 2, "suggested"), (2, 2, "more")]
    assert drawn(tree, "A > a", "A > d", siblings=0) == shown


def test_a_suggestion_beneath_the_given_node():
    tree, _ = Taxonomy.from_paths(["A > B > C", "A > D"])
    shown = [("A", 1, "given"), ("B", 2, "above"), ("C", 3, "suggested")]
    assert drawn(tree, "A", "A > B > C") == shown


def test_the_line_for_more_comes_after_the_whole_branch():
    tree, _ = Taxonomy.from_paths(["A > B", "C", "D", "E"])
    assert drawn(tree, "A", "A > B", siblings=0) == [("A", 1, "given"), ("B", 2, "suggested"), (3, 1, "more")]


@hypothesis.given(taxonomies(), st.data())
def test_both_branches_are_whole_in_order_and_nothing_is_lost(tree, data):
    node = st.integers(0, len(tree) - 1)
    given, suggested = data.draw(node), data.draw(node | st.just(-1))
    rows = branch_rows(tree, given, suggested, siblings=data.draw(st.integers(0, 3)))
    nodes = [row.node for row in rows if row.node >= 0]
    assert nodes == sorted(set(nodes))
    ends = {given, suggested} - {-1}
    for end in ends:
        assert {v for v in tree.ancestors[end].tolist() if v >= 0} <= set(nodes)
        family = tree.children(int(tree.parents[end])).tolist()
        shown = [v for v in family if v in nodes]
        depth = int(tree.depths[end])
        parents = {int(tree.parents[v]) for v in ends if tree.depths[v] == depth}
        if len(parents) == 1:  # otherwise two lines of this depth, each for a family of its own
            hidden = [row.hidden for row in rows if row.role == "more" and row.depth == depth]
            assert sum(hidden) == len(family) - len(shown)
    assert all(row.hidden != 1 for row in rows)


@pytest.mark.parametrize(("given", "suggested"), [(2, 0), (-1, 0), (0, 2), (0, -2)])
def test_nodes_that_are_none(given, suggested):
    tree, _ = Taxonomy.from_paths(["A > B"])
    with pytest.raises(InputError, match="branches"):
        branch_rows(tree, given, suggested)

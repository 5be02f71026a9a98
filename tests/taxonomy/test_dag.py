import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import forests

from leafcode.errors import InputError
from leafcode.taxonomy import Grades, Taxonomy, ancestor_rows, relevance_over_paths, unfold


@st.composite
def dags(draw, max_nodes=7):
    """Parents of each node of a graph without cycles, rows in any order."""
    count = draw(st.integers(1, max_nodes))
    choices = [draw(st.lists(st.integers(0, max(0, i - 1)), max_size=3 if i else 0)) for i in range(count)]
    order = draw(st.permutations(range(count)))
    ids = [f"n{i}" for i in order]
    return ids, [[f"n{p}" for p in choices[i]] for i in order]


def ways_down(parents_of, node):
    """Every chain of ids from a root to a node."""
    above = list(dict.fromkeys(parents_of[node]))
    if not above:
        return [(node,)]
    return [(*way, node) for parent in above for way in ways_down(parents_of, parent)]


@given(dags())
def test_a_node_for_every_way_down(graph):
    ids, parents = graph
    parents_of = dict(zip(ids, parents, strict=True))
    tree, nodes = unfold(ids, parents)
    assert sorted(tree.path(v) for v in range(len(tree))) == sorted(
        way for each in ids for way in ways_down(parents_of, each)
    )
    assert list(nodes) == ids
    for each in ids:
        assert sorted(tree.path(v) for v in nodes[each]) == sorted(ways_down(parents_of, each))
        assert list(nodes[each]) == sorted(nodes[each])
    assert tree == Taxonomy.from_paths([" > ".join(tree.path(v)) for v in range(len(tree))])[0]


@given(forests(12))
def test_a_tree_stays_as_it_is(forest):
    ids = [f"n{i:02}" for i in range(len(forest.parents))]
    above = [[ids[p]] if p >= 0 else [] for p in forest.parents]
    tree, nodes = unfold(ids, above, forest.names)
    plain = Taxonomy.from_parents(ids, [p[0] if p else None for p in above], forest.names)
    assert (tree.names, tree.parents.tolist()) == (plain.names, plain.parents.tolist())
    assert {each: (plain.find(each),) for each in ids} == nodes


def test_related_by_any_parent():
    graph = unfold(["gift", "food", "tea", "mug"], [[], [], ["food", "gift"], ["gift"]])
    places = graph.places(["tea", "mug", None, ["mug", "food"]])
    keys = [[graph.taxonomy.keys[v] for v in row if v >= 0] for row in places]
    assert keys == [["food > tea", "gift > tea"], ["gift > mug"], [], ["gift > mug", "food"]]
    rows = ancestor_rows(graph.taxonomy, places)
    assert relevance_over_paths(Grades.default(), rows)[0, :2].tolist() == [1.0, 0.5]
    with pytest.raises(InputError, match="ids: row 2: found 'cup'; expected a category of the graph"):
        graph.places(["tea", ["mug", "cup"]])


def test_a_graph_that_unfolds_too_far():
    steps = 40
    ids = [f"{side}{step}" for step in range(steps) for side in "ab"]
    parents = [[f"{side}{step - 1}" for side in "ab"] if step else [] for step in range(steps) for _ in "ab"]
    with pytest.raises(InputError, match="a tree of more than 1,000,000 nodes; expected at most"):
        unfold(ids, parents)
    assert len(unfold(ids[:6], parents[:6], limit=14).taxonomy) == 14
    with pytest.raises(InputError, match="more than 13 nodes"):
        unfold(ids[:6], parents[:6], limit=13)


@pytest.mark.parametrize(
    ("ids", "parents", "message"),
    [
        (["a", "b"], [["b"], ["a"]], r"a cycle of 2 node\(s\): '[ab]' -> '[ab]' -> '[ab]'"),
        (["r", "a", "b", "c"], [[], ["r", "c"], ["a"], ["b"]], r"a cycle of 3 node\(s\)"),
        (["a"], [["a"]], r"a cycle of 1 node\(s\): 'a' -> 'a'"),
        (["a", "b"], [[], ["x"]], r"row 2: found the parent 'x' of 'b'; expected an id"),
        (["a", "b"], [[], "a"], r"row 2: found 'a'; expected a list of ids"),
        (["a", "a"], [[], []], r"the id 'a' in rows 1 and 2"),
        (["a", ""], [[], []], r"row 2: found an empty id"),
        (["a > b"], [[]], r"separator: found ' > '; expected a text that occurs in no id"),
        (["a"], [[], []], r"1 ids, 2 parents, 1 names"),
        ([], [], r"0 ids"),
    ],
)
def test_bad_graphs(ids, parents, message):
    with pytest.raises(InputError, match=message):
        unfold(ids, parents)

import sys

import bigtree
import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import taxonomies

from leafcode.errors import InputError
from leafcode.taxonomy import CategoryGraph, Taxonomy
from leafcode.taxonomy.interchange import from_bigtree, from_networkx, to_bigtree, to_networkx

TEA = CategoryGraph(("tea", "gift", "food"), (("food", "gift"), (), ()), ("Tea", "Gifts", "Food"))


@st.composite
def graphs(draw):
    """Graphs with several parents to a category, and with cycles."""
    ids = tuple("abcdef"[: draw(st.integers(1, 6))])
    above = st.lists(st.sampled_from(ids), unique=True, max_size=3).map(tuple)
    parents = tuple(draw(st.lists(above, min_size=len(ids), max_size=len(ids))))
    return CategoryGraph(ids, parents, tuple(key.upper() for key in ids))


@given(graphs())
def test_networkx_and_back(graph):
    again = from_networkx(to_networkx(graph))
    assert (again.ids, again.names) == (graph.ids, graph.names)
    assert again.parents == graph.parents


def test_what_lies_beneath_is_what_networkx_calls_descendants():
    made = to_networkx(TEA)
    assert nx.descendants(made, "food") == nx.descendants(made, "gift") == {"tea"}
    assert nx.ancestors(made, "tea") == {"food", "gift"}


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (nx.Graph([("a", "b")]), "an undirected graph; expected edges from parent to child"),
        (nx.DiGraph([(1, 2)]), r"the node 1 with the name None; expected texts\. nx.relabel_nodes"),
        (nx.DiGraph(), "at least one category"),
    ],
)
def test_graphs_that_hold_no_categories(graph, message):
    with pytest.raises(InputError, match=rf"^networkx graph: found .*{message}"):
        from_networkx(graph)


def test_faulty_graphs_have_no_networkx_form():
    with pytest.raises(InputError, match="the parent 'b' of 'a', which is missing"):
        to_networkx(CategoryGraph(("a",), (("b",),), ("A",)))


@given(taxonomies())
def test_bigtree_and_back(tree):
    made = to_bigtree(tree, root="all")
    assert {node.path_name for node in made.descendants} == {
        "/all/" + "/".join(tree.path(v)) for v in range(len(tree))
    }
    again = from_bigtree(made)
    assert again.keys == ("all", *tree.keys)
    assert again.names == ("all", *tree.names)
    assert (again.parents[1:] == tree.parents + 1).all()


def test_bigtree_wants_one_root_and_different_siblings():
    forest = Taxonomy.from_paths(["A > B", "C"])[0]
    with pytest.raises(InputError, match="taxonomy: found 2 roots"):
        to_bigtree(forest)
    assert to_bigtree(Taxonomy.from_paths(["A > B"])[0]).max_depth == 2
    twins = Taxonomy.from_parents(["1", "2", "3"], [None, "1", "1"], ["A", "B", "B"])
    with pytest.raises(InputError, match="a sibling of '3' with its name 'B'"):
        to_bigtree(twins)


def test_keys_of_bigtree():
    root = bigtree.list_to_tree(["Pantry/Spices", "Pantry/Oils"])
    assert from_bigtree(root, separator="/").keys == ("Pantry", "Pantry/Spices", "Pantry/Oils")
    root.children[0].set_attrs({"code": "01"})
    assert from_bigtree(root, key="code").keys == ("Pantry", "01", "Pantry > Oils")
    root.children[0].set_attrs({"code": 1})
    with pytest.raises(InputError, match="the code 1 of 'Pantry > Spices'; expected a text"):
        from_bigtree(root, key="code")


@pytest.mark.parametrize("package", ["networkx", "bigtree"])
def test_without_the_package(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=f"{package}: found no such package; .*pip install {package}"):
        to_networkx(TEA) if package == "networkx" else to_bigtree(TEA.taxonomy(), root="all")

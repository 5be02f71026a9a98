import dataclasses

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import forests

from leafcode.errors import InputError
from leafcode.taxonomy import CategoryGraph, Taxonomy, unfold

GRAPH = CategoryGraph(
    ids=("1939", "1391", "330"),
    parents=(("1391",), ("330",), ()),
    names=("Cows", "Cattle", "Animals"),
    labels={"en": {"1939": "Cows", "1391": "Cattle"}, "pt-BR": {"1939": "Vaca"}},
    source="herd.ttl",
    places=("line 3", "line 7", "line 9"),
)


@given(forests())
def test_a_tree_stays_the_same_through_a_graph(forest):
    tree = Taxonomy(*tree_arrays(forest))
    graph = CategoryGraph.from_taxonomy(tree)
    assert graph.taxonomy() == tree
    assert dataclasses.replace(graph, ordered=False).taxonomy() == Taxonomy.from_parents(
        graph.ids, [above[0] if above else None for above in graph.parents], graph.names
    )


def tree_arrays(forest):
    """Keys, names and parents in an order in which siblings are not sorted."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(-1, len(forest.parents)))
    graph.add_edges_from((parent, node) for node, parent in enumerate(forest.parents))
    order = [node for node in nx.dfs_preorder_nodes(graph, -1) if node >= 0]
    new = {old: i for i, old in enumerate(order)} | {-1: -1}
    keys = tuple(str(len(order) - old) for old in order)
    return keys, tuple(forest.names[old] for old in order), [new[forest.parents[old]] for old in order]


def test_siblings_are_sorted_unless_the_file_orders_them():
    graph = CategoryGraph(("r", "b", "a"), ((), ("r",), ("r",)), ("R", "B", "A"))
    assert graph.taxonomy().keys == ("r", "a", "b")
    assert dataclasses.replace(graph, ordered=True).taxonomy().keys == ("r", "b", "a")


def test_the_primary_parent_makes_the_tree_and_all_parents_the_unfolded_one():
    ids, parents = ("food", "gift", "tea"), ((), (), ("gift", "food"))
    graph = CategoryGraph(ids, parents, ids)
    assert graph.taxonomy().path(2) == ("gift", "tea")
    assert graph.unfold().taxonomy == unfold(ids, parents).taxonomy
    assert graph.primary_only().unfold().taxonomy.keys == ("food", "gift", "gift > tea")
    assert "gift/tea" in graph.unfold(separator="/").taxonomy.keys
    with pytest.raises(InputError, match="more than 3 nodes"):
        graph.unfold(limit=3)


def test_unfolded_categories_keep_their_names_in_every_language():
    parents = (("1391", "330"), ("330",), ())
    graph = dataclasses.replace(GRAPH, parents=parents).unfolded()
    assert graph.ids == ("330", "330 > 1391", "330 > 1391 > 1939", "330 > 1939")
    assert graph.parents == ((), ("330",), ("330 > 1391",), ("330",))
    assert graph.named("pt-br").names == ("Animals", "Cattle", "Vaca", "Vaca")
    assert graph.taxonomy() == dataclasses.replace(GRAPH, parents=parents).unfold().taxonomy


def test_names_in_a_language():
    assert GRAPH.named("PT-br").names == ("Vaca", "Cattle", "Animals")
    assert GRAPH.named("en").names == GRAPH.names
    with pytest.raises(InputError, match=r"herd.ttl: language: found 'de'; expected .*\(en, pt-BR\)"):
        GRAPH.named("de")
    with pytest.raises(InputError, match="have no language"):
        dataclasses.replace(GRAPH, labels={}).named("de")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ids": ("1939", "1391", "1391")}, r"herd.ttl: line 9: found the id '1391' again, as in line 7"),
        ({"parents": (("1391",), ("8",), ())}, r"herd.ttl: line 7: found the parent '8' of '1391'"),
        ({"parents": (("330",), ("1939",), ("1391",))}, r"herd.ttl: line \d: found a cycle of 3 node\(s\)"),
        (
            {"parents": (("1939",), (), ())},
            r"herd.ttl: line 3: found a cycle of 1 node\(s\): '1939' -> '1939'",
        ),
        ({"names": ("Cows", "", "Animals")}, r"herd.ttl: row 2: found an empty name"),
    ],
)
def test_a_tree_of_a_faulty_graph_is_refused(changes, message):
    graph = dataclasses.replace(GRAPH, **changes)
    with pytest.raises(InputError, match=message):
        graph.taxonomy()
    with pytest.raises(InputError, match=r"herd\.ttl: "):
        graph.unfold()


def test_without_places_errors_name_the_file():
    graph = dataclasses.replace(GRAPH, ids=("1939", "1391", "1391"), places=None)
    with pytest.raises(InputError, match=r"^herd.ttl: found the id '1391' again, before"):
        graph.taxonomy()


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6))
def test_cycles_are_those_that_networkx_finds(parents):
    ids = tuple("abcdef"[: len(parents)])
    graph = CategoryGraph(ids, tuple((each,) if each in ids else () for each in parents), ids)
    edges = nx.DiGraph([(child, above[0]) for child, above in zip(ids, graph.parents, strict=True) if above])
    if nx.is_directed_acyclic_graph(edges):
        assert len(graph.taxonomy()) == len(graph)
    else:
        with pytest.raises(InputError, match="a cycle of"):
            graph.taxonomy()


@pytest.mark.parametrize(
    "changes", [{"names": ("Cows",)}, {"parents": ()}, {"places": ("line 1",)}], ids=lambda each: str(each)
)
def test_lengths_must_agree(changes):
    with pytest.raises(InputError, match=r"herd.ttl: found .*the same number of each"):
        dataclasses.replace(GRAPH, **changes)
    with pytest.raises(InputError, match="at least one category"):
        CategoryGraph((), (), ())

import numpy as np
import pytest
from hypothesis import given, settings
from tests.strategies import labelled_trees

from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.structure import SEVERITIES, check_structure, structure_findings_table


@settings(max_examples=40)
@given(labelled_trees())
def test_figures_count_nodes_and_items(drawn):
    tree, nodes = drawn[0], np.array(drawn[1])
    report = check_structure(tree, nodes)
    assert sum(report.shape.nodes_by_depth) == len(tree) == report.shape.nodes
    assert sum(report.shape.leaves_by_depth) == tree.is_leaf.sum() == report.shape.leaves
    assert report.shape.widest == max(len(tree.children(node)) for node in range(len(tree)))
    spread = report.spread
    labelled = nodes[nodes >= 0]
    assert (spread.items, spread.labelled) == (len(nodes), len(labelled))
    assert sum(spread.by_depth) == len(labelled)
    counts = np.unique(labelled, return_counts=True)[1]
    assert (spread.categories, spread.largest) == (len(counts), counts.max(initial=0))
    assert spread.singles == (counts == 1).sum()
    above = {
        v for node in set(labelled.tolist()) for v in tree.ancestors[node].tolist() if v not in (-1, node)
    }
    assert spread.on_inner_nodes == sum(node in above for node in labelled.tolist())
    assert spread.empty_leaves == sum(leaf not in labelled for leaf in np.flatnonzero(tree.is_leaf))


@settings(max_examples=40)
@given(labelled_trees())
def test_findings_stand_by_severity_and_name_nodes_of_the_tree(drawn):
    tree, nodes = drawn[0], np.array(drawn[1])
    x = np.random.default_rng(0).normal(size=(len(nodes), 3))
    findings = check_structure(tree, nodes, x).findings
    order = [SEVERITIES.index(found.severity) for found in findings]
    assert order == sorted(order)
    assert all(key in tree.keys for found in findings for key in found.nodes)
    kinds = [(found.severity, found.kind.name) for found in findings]
    assert len([a for a, b in zip(kinds, [None, *kinds], strict=False) if a != b]) == len(set(kinds))


def test_a_graph_and_its_tree_give_the_same_findings():
    tree, nodes = Taxonomy.from_paths(["A > x > y", "A > z", "B", "A > z"])
    by_tree = check_structure(tree, nodes)
    by_graph = check_structure(CategoryGraph.from_taxonomy(tree), nodes)
    assert by_graph.tree == tree
    assert by_graph.findings == by_tree.findings


def test_without_a_tree_there_are_findings_only():
    graph = CategoryGraph(("a", "b"), (("b",), ("a",)), ("A", "B"), source="a.csv")
    report = check_structure(graph)
    assert (report.tree, report.shape, report.spread, report.fit) == (None, None, None, ())
    assert [found.kind.name for found in report.findings] == ["cycle"]
    with pytest.raises(InputError, match="a cycle of 2 node"):
        check_structure(graph, np.array([0]))


def test_embeddings_need_items():
    tree, _ = Taxonomy.from_paths(["A > x"])
    with pytest.raises(InputError, match="embeddings: found embeddings without nodes"):
        check_structure(tree, embeddings=np.ones((1, 2)))


@pytest.mark.parametrize(
    ("value", "length"), [(0.0, "0.0"), (np.nan, "nan"), (np.inf, "inf")], ids=["zero", "nan", "infinite"]
)
def test_vectors_without_a_direction(value, length):
    tree, nodes = Taxonomy.from_paths([None, "A > x", "A > y", "B > z"])
    x = np.ones((4, 2), np.float32)
    x[2] = value
    with pytest.raises(InputError, match=rf"embeddings: row 3: found a vector of length {length};"):
        check_structure(tree, nodes, x)
    x[2], x[0] = 1, value  # of an unlabelled item, which counts nowhere
    assert check_structure(tree, nodes, x).fit == check_structure(tree, nodes, np.ones((4, 2))).fit


def test_a_node_that_is_not_in_the_tree_is_told_with_embeddings_too():
    tree, _ = Taxonomy.from_paths(["A > x"])
    with pytest.raises(InputError, match=r"nodes: row 2: found the node 99; expected a node id in \[0, 2\)"):
        check_structure(tree, np.array([1, 99]), np.ones((2, 2)))


def test_the_table_of_findings():
    tree, nodes = Taxonomy.from_paths(["A > x", "A > y", "A > y"])
    findings = check_structure(tree, nodes).findings
    table = structure_findings_table(findings)
    assert table.to_pylist() == [found.to_json() for found in findings]
    assert structure_findings_table([]).schema == table.schema

import numpy as np
from hypothesis import HealthCheck, given, settings
from tests.oracles import trees
from tests.strategies import labelled_trees

from leafcode.taxonomy import Taxonomy, find_categories


def by_hand(tree, nodes):
    """Categories in use, and by node and depth the set of those beneath: plain Python, one node at a time."""
    parents = tree.parents.tolist()
    used = set(nodes) - {-1}
    finest = [v for v in range(len(parents)) if v in used and used & trees.subtree(parents, v) == {v}]

    def beneath(node, depth):
        chain = trees.chain(parents, node)
        return {c for c in finest if chain[depth] in trees.chain(parents, c)} if depth < len(chain) else None

    return finest, beneath


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(labelled_trees())
def test_every_span_against_plain_python(labelled):
    tree, nodes = labelled
    finest, beneath = by_hand(tree, nodes)
    depths = [
        depth
        for depth in range(tree.max_depth)
        if len({frozenset(beneath(category, depth) or {category}) for category in finest}) > 1
    ]
    found = find_categories(np.array(nodes), tree)
    assert found.nodes.tolist() == finest
    assert found.depths.tolist() == [depth + 1 for depth in depths]
    assert found.spans.shape == (len(finest), len(depths), 2)
    assert found.item_spans.shape == (len(nodes), len(depths), 2)
    assert found.spans.dtype == found.item_spans.dtype == np.int64
    for category, spans in zip(finest, found.spans.tolist(), strict=True):
        for depth, (first, last) in zip(depths, spans, strict=True):
            assert set(finest[first:last]) == (beneath(category, depth) or {category})
    for node, spans in zip(nodes, found.item_spans.tolist(), strict=True):
        for depth, (first, last) in zip(depths, spans, strict=True):
            expected = beneath(node, depth) if node >= 0 else None
            if expected is None:
                assert (first, last) == (-1, -1)
            else:
                assert set(finest[first:last]) == expected


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(labelled_trees())
def test_depths_tell_apart_wherever_there_are_two_categories(labelled):
    tree, nodes = labelled
    found = find_categories(np.array(nodes), tree)
    assert (len(found.depths) > 0) == (len(found.spans) > 1)


def spans_of(paths):
    tree, nodes = Taxonomy.from_paths(paths)
    return find_categories(nodes, tree)


def test_a_single_root_tells_nothing_apart():
    found = spans_of(["All > A", "All > B > C", "All", None])
    assert found.depths.tolist() == [2, 3]
    assert found.item_spans.tolist() == [
        [[0, 1], [-1, -1]],
        [[1, 2], [1, 2]],
        [[-1, -1], [-1, -1]],
        [[-1, -1], [-1, -1]],
    ]
    assert found.spans.tolist() == [[[0, 1], [0, 1]], [[1, 2], [1, 2]]], "A stands for itself below A"


def test_a_lone_child_and_its_parent_are_one_category():
    found = spans_of(["A", "A > B", "A > B"])
    assert found.depths.tolist() == []
    assert found.spans.shape == (1, 0, 2)
    assert found.item_spans.shape == (3, 0, 2)


def test_categories_without_items_do_not_count():
    tree, _ = Taxonomy.from_paths(["A > x", "A > y", "B > x", "C"])
    nodes = np.array([tree.find("A > y"), tree.find("C"), -1])
    found = find_categories(nodes, tree)
    assert found.spans.tolist() == [[[0, 1], [0, 1]], [[1, 2], [1, 2]]]


def test_no_labelled_item():
    tree, _ = Taxonomy.from_paths(["A > x", "B"])
    found = find_categories(np.array([-1, -1, -1]), tree)
    assert (len(found.depths), found.spans.shape, found.item_spans.shape) == (0, (0, 0, 2), (3, 0, 2))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(labelled_trees())
def test_spans_of_other_nodes_than_those_with_items(labelled):
    tree, nodes = labelled
    _, beneath = by_hand(tree, nodes)
    every = np.append(np.arange(len(tree)), -1)
    found, own = find_categories(np.array(nodes), tree, every), find_categories(np.array(nodes), tree)
    np.testing.assert_array_equal(found.spans, own.spans)
    np.testing.assert_array_equal(found.item_spans[nodes], own.item_spans)
    for node, spans in zip(every.tolist(), found.item_spans.tolist(), strict=True):
        for depth, (first, last) in zip((found.depths - 1).tolist(), spans, strict=True):
            expected = beneath(node, depth) if node >= 0 else None
            assert (set() if expected is None else expected) == set(found.nodes[max(first, 0) : max(last, 0)])

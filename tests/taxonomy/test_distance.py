import numpy as np
import pytest
from hypothesis import given
from tests.oracles import trees
from tests.strategies import taxonomies

from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy, lca, lca_depth, lca_height, tree_distance


@given(taxonomies())
def test_every_pair_against_plain_python(tree: Taxonomy):
    parents, nodes = tree.parents.tolist(), np.arange(len(tree))
    a, b = nodes[:, None], nodes[None, :]
    common = [[trees.lca(parents, i, j) for j in nodes] for i in nodes]
    depth = [[len(trees.chain(parents, c)) if c >= 0 else 0 for c in row] for row in common]
    assert lca(tree, a, b).tolist() == common
    assert lca_depth(tree, a, b).tolist() == depth
    assert tree_distance(tree, a, b).tolist() == [
        [trees.edges_between(parents, i, j) for j in nodes] for i in nodes
    ]
    deeper = np.maximum(tree.depths[a], tree.depths[b])
    assert lca_height(tree, a, b).tolist() == (deeper - np.array(depth)).tolist()


@given(taxonomies(max_nodes=14))
def test_tree_distance_is_a_metric(tree: Taxonomy):
    nodes = np.arange(len(tree))
    d = tree_distance(tree, nodes[:, None], nodes)
    assert (d == d.T).all()
    assert ((d == 0) == np.eye(len(tree), dtype=bool)).all()
    assert (d[:, :, None] <= d[:, None, :] + d.T[None, :, :]).all()


def test_broadcasting_and_types():
    tree, node = Taxonomy.from_paths(["A > B", "A > C", "D"])
    for function in (lca, lca_depth, lca_height, tree_distance):
        assert function(tree, node, node[0]).shape == (3,)
        assert function(tree, 0, 1).shape == ()
        assert function(tree, node[:, None], node).dtype == np.int32
        assert function(tree, np.empty(0, np.int64), 0).shape == (0,)
        assert function(tree, [0, 1], [[0], [1], [2]]).shape == (3, 2)


@pytest.mark.parametrize("function", [lca, lca_depth, lca_height, tree_distance])
def test_refuses_what_is_no_node(function):
    tree, _ = Taxonomy.from_paths(["A"])
    with pytest.raises(InputError, match=r"a: found the id -1; expected node ids in \[0, 1\)"):
        function(tree, [0, -1], 0)
    with pytest.raises(InputError, match="b: found the id 1"):
        function(tree, 0, 1)
    with pytest.raises(InputError, match="float64"):
        function(tree, 0.0, 0)

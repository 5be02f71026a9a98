import numpy as np
import pytest
from hypothesis import given
from tests.oracles import trees
from tests.strategies import labelled_trees

from leafcode import InputError, Taxonomy
from leafcode.taxonomy import ancestor_rows


@given(labelled_trees())
def test_rows_are_the_chains_of_ancestors(labelled):
    tree, nodes = labelled
    parents = tree.parents.tolist()
    for node, row in zip(nodes, ancestor_rows(tree, np.array(nodes)).tolist(), strict=True):
        chain = trees.chain(parents, node) if node >= 0 else []
        assert row == [*chain, *[-1] * (tree.max_depth - len(chain))]


def test_bad_nodes():
    tree, _ = Taxonomy.from_paths(["A", "B"])
    with pytest.raises(InputError, match="places: found ids from 0 to 2"):
        ancestor_rows(tree, np.array([0, 2]))
    with pytest.raises(InputError, match="an array of float64"):
        ancestor_rows(tree, np.array([0.0]))

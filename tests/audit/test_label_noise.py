import numpy as np
from hypothesis import given, settings
from tests.oracles.audit import common_depth
from tests.strategies import labelled_trees

from leafcode.audit.label_noise import categories_by_common_depth


@settings(max_examples=30)
@given(labelled_trees(unlabelled=False))
def test_against_counting_pairs(labelled):
    tree, nodes = labelled
    categories, parents = np.unique(nodes), tree.parents.tolist()
    expected = np.zeros((len(tree), tree.max_depth), int)
    for node in range(len(tree)):
        for category in set(nodes) - {node}:
            expected[node, common_depth(parents, node, category)] += 1
    assert np.array_equal(categories_by_common_depth(tree, categories), expected)

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.audit.catalogues import all_categories
from tests.oracles.audit import common_depth
from tests.strategies import labelled_trees

from leafcode.audit.candidates import find_candidates
from leafcode.taxonomy import Taxonomy


@settings(max_examples=30)
@given(labelled_trees(unlabelled=False), st.integers(1, 4), st.integers(1, 6), st.integers(0, 99))
def test_against_lists(labelled, k, strangers, seed):
    tree, nodes = labelled
    rng = np.random.default_rng(seed)
    own, categories = np.array(nodes), np.unique(nodes)
    of_neighbors = rng.choice(categories, (len(own), k))
    found = find_candidates(own, of_neighbors, categories, tree, strangers, rng)
    parents = tree.parents.tolist()
    for item, label in enumerate(nodes):
        mine = np.flatnonzero(found.row == item)
        held = found.node[mine].tolist()
        known = {label, *of_neighbors[item].tolist()}
        drawn = set(held) - known
        assert found.start[item] == mine[0]
        assert held == sorted(known | drawn)
        assert drawn <= set(categories.tolist())
        assert len(drawn) <= strangers
        assert found.node[found.own[item]] == label
        assert found.row[found.own[item]] == item
        assert found.node[found.by_neighbor[item]].tolist() == of_neighbors[item].tolist()
        assert found.common_depth[mine].tolist() == [common_depth(parents, c, label) for c in held]
        count = np.exp(found.log_count[mine])
        assert np.allclose(count[[c in known for c in held]], 1)
        if drawn:  # together they stand for all that are not known
            assert np.isclose(count.sum(), len(categories))
    assert found.is_own.sum() == len(own)


def test_a_sum_over_strangers_is_that_over_all_on_average():
    tree, nodes = Taxonomy.from_paths([f"{a} > {b}" for a in "abc" for b in "klmn"])
    value = np.arange(len(tree)) ** 2.0
    own, near = np.repeat(nodes[0], 4000), np.tile(nodes[[0, 1]], (4000, 1))
    found = find_candidates(own, near, nodes, tree, 3, np.random.default_rng(0))
    sums = found.sums(value[found.node] * np.exp(found.log_count))
    # All three strangers are known ones in (2 / 12)³ of the draws, and nothing stands for the rest there.
    exact = value[nodes[:2]].sum() + (1 - (2 / 12) ** 3) * value[nodes[2:]].sum()
    assert abs(sums.mean() - exact) < 5 * sums.std() / np.sqrt(len(sums))


def test_sums_and_the_best_of_each_item():
    tree, nodes = Taxonomy.from_paths(["a", "b", "c"])
    found = all_categories(nodes[:2], nodes, tree)
    values = np.array([1.0, 3.0, 3.0, 2.0, 0.0, 1.0])
    assert found.sums(values).tolist() == [7, 3]
    assert found.sums(np.stack([values, -values], 1)).tolist() == [[7, -7], [3, -3]]
    assert found.best(values).tolist() == [1, 3]  # of equals, the first

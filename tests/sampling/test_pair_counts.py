import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.strategies import labelled_trees

from leafcode.errors import InputError
from leafcode.sampling import UniformBatchSampler
from leafcode.sampling.pair_counts import PairCounts, average_hierarchical, count_pairs, expected_uniform
from leafcode.taxonomy import Grades, Taxonomy, lca_depth, lca_height


def slow_counts(nodes, tree):
    """Pair by pair."""
    nodes = nodes[nodes >= 0]
    same = siblings = left_open = 0
    by_depth = [0] * tree.max_depth
    for a, b in itertools.combinations(nodes.tolist(), 2):
        depth = int(lca_depth(tree, a, b))
        if a == b:
            same += 1
        elif depth in (tree.depths[a], tree.depths[b]):
            left_open += 1
        else:
            by_depth[depth] += 1
            siblings += int(depth > 0 and lca_height(tree, a, b) == 1 and tree.depths[a] == tree.depths[b])
    partners = sum(int((nodes == node).sum() > 1) for node in nodes)
    return PairCounts(len(nodes), same, tuple(by_depth), siblings, left_open, partners)


@settings(max_examples=50)
@given(labelled_trees(max_items=25))
def test_counts_are_those_pair_by_pair(drawn):
    tree, nodes = drawn[0], np.array(drawn[1])
    assert count_pairs(nodes, tree) == slow_counts(nodes, tree)


@settings(max_examples=50)
@given(labelled_trees(unlabelled=False))
def test_siblings_and_open_pairs_are_what_grades_make_of_them(drawn):
    tree, nodes = drawn[0], np.array(drawn[1])
    grades = Grades.default().matrix(tree.ancestors[nodes])[np.triu_indices(len(nodes), 1)]
    found = count_pairs(nodes, tree)
    assert found.same == (grades == 1).sum()
    assert found.siblings == (grades == 0.5).sum()
    assert found.left_open == np.isnan(grades).sum()


@settings(max_examples=40)
@given(labelled_trees(max_nodes=8, max_items=7), st.integers(2, 7))
def test_the_expectation_is_the_mean_over_all_batches(drawn, size):
    tree, nodes = drawn[0], np.array(drawn[1])
    labelled = nodes[nodes >= 0]
    if len(labelled) < size:
        with pytest.raises(InputError, match="batch_size: found"):
            expected_uniform(nodes, tree, size)
        return
    found = expected_uniform(nodes, tree, size)
    batches = [slow_counts(np.array(batch), tree) for batch in itertools.combinations(labelled, size)]
    for name in ("items", "same", "by_depth", "siblings", "left_open", "with_partner"):
        mean = np.mean([getattr(batch, name) for batch in batches], axis=0)
        np.testing.assert_allclose(getattr(found, name), mean, atol=1e-9)


def test_the_expectation_is_what_the_uniform_sampler_gives():
    rng = np.random.default_rng(0)
    paths = [
        f"{p} > {c}" for p, c in zip(rng.choice(list("ABC"), 400), rng.choice(list("xyz"), 400), strict=True)
    ]
    tree, nodes = Taxonomy.from_paths(paths)
    sampler = UniformBatchSampler(len(nodes), batch_size=40)
    drawn = []
    for epoch in range(20):
        sampler.set_epoch(epoch)
        drawn += [count_pairs(nodes[batch], tree).same for batch in sampler]
    assert np.mean(drawn) == pytest.approx(expected_uniform(nodes, tree, 40).same, rel=0.03)


def test_hierarchical_batches_hold_more_of_every_relation():
    paths = [f"{p} > {p}{c} > {i % 40}" for p in "ABCD" for c in "xy" for i in range(80)]
    tree, nodes = Taxonomy.from_paths(paths)
    uniform = expected_uniform(nodes, tree, 32)
    hierarchical = average_hierarchical(nodes, tree, 32)
    assert hierarchical.pairs == pytest.approx(uniform.pairs) == 32 * 31 / 2
    assert hierarchical.same > uniform.same
    assert hierarchical.siblings > uniform.siblings
    assert hierarchical.with_partner > uniform.with_partner
    assert average_hierarchical(nodes, tree, 32) == hierarchical

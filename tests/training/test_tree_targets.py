import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.oracles import trees
from tests.strategies import labelled_trees, taxonomies

from leafcode.taxonomy import Grades, find_categories
from leafcode.training.tree_targets import tree_targets


@st.composite
def filed(draw, max_places=4, max_items=6):
    """A tree, and for each item the nodes that it stands at, some above others, some twice, some none."""
    tree = draw(taxonomies(12))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    shape = rng.integers(1, max_items + 1), rng.integers(1, max_places + 1)
    return tree, rng.integers(-1, len(tree), shape, np.int32)


@given(filed())
def test_an_item_belongs_beneath_any_of_its_ancestors(case):
    tree, places = case
    parents = tree.parents.tolist()
    used = set(places.ravel().tolist()) - {-1}
    finest = [v for v in sorted(used) if used & trees.subtree(parents, v) == {v}]
    depths = (find_categories(places, tree).depths - 1).tolist()
    found = tree_targets(places, tree, Grades.by_depth(tree.max_depth))
    assert found.spans.shape == (len(places), len(depths), places.shape[1], 2)
    for item, spans in zip(places.tolist(), found.spans.tolist(), strict=True):
        own = {v for v in item if v >= 0}
        own = {v for v in own if own & trees.subtree(parents, v) == {v}}  # what lies above another is implied
        chains = [trees.chain(parents, v) for v in own]
        for depth, at_depth in zip(depths, spans, strict=True):
            reached = any(depth < len(chain) for chain in chains)
            ancestors = {chain[min(depth, len(chain) - 1)] for chain in chains} if reached else set()
            right = {c for v in ancestors for c in finest if c in trees.subtree(parents, v)}
            covered = [c for first, last in at_depth for c in finest[max(first, 0) : max(last, 0)]]
            assert sorted(covered) == sorted(right)  # each once: the spans do not overlap


@given(labelled_trees(), st.booleans())
def test_with_one_path_each_it_is_what_find_categories_says(labelled, by_distance):
    tree, nodes = labelled[0], np.array(labelled[1], np.int32)
    grades = Grades.by_distance((1.0, 0.6)) if by_distance else Grades.by_depth(tree.max_depth)
    found, expected = tree_targets(nodes[:, None], tree, grades), find_categories(nodes, tree)
    np.testing.assert_array_equal(found.categories, expected.spans)
    np.testing.assert_array_equal(found.spans[:, :, 0], expected.item_spans)
    # Further columns of nothing change nothing.
    padded = tree_targets(np.pad(nodes[:, None], ((0, 0), (0, 2)), constant_values=-1), tree, grades)
    np.testing.assert_array_equal(padded.spans.max(axis=2), found.spans[:, :, 0])
    np.testing.assert_array_equal(padded.weights, found.weights)


@given(filed(), st.booleans())
def test_the_strongest_path_weighs(case, by_distance):
    tree, places = case
    grades = Grades.by_distance((1.0, 0.6)) if by_distance else Grades.by_depth(tree.max_depth)
    depths = find_categories(places, tree).depths - 1
    found = tree_targets(places, tree, grades).weights
    for item, weights in zip(places.tolist(), found, strict=True):
        own = {v for v in item if v >= 0}
        own = {v for v in own if own & trees.subtree(tree.parents.tolist(), v) == {v}}
        along = [grades.along_paths(tree.ancestors[[v]])[0] for v in own]
        np.testing.assert_array_equal(weights, np.max(along, axis=0)[depths] if along else 0)

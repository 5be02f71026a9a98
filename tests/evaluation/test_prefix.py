import numpy as np
import pytest
from hypothesis import given
from tests.evaluation.catalogues import catalogues, random_catalogue
from tests.oracles import measures

from leafcode.errors import InputError
from leafcode.evaluation import prefix_accuracy


def measured(c):
    return prefix_accuracy(c.codes[c.train], c.ancestors[c.train], c.codes[c.heldout], c.ancestors[c.heldout])


@given(catalogues)
def test_equals_the_definition(c):
    expected = [
        measures.prefix_accuracy(
            c.codes[c.train], c.ancestors[c.train], c.codes[c.heldout], c.ancestors[c.heldout], depth
        )
        for depth in range(1, c.ancestors.shape[1] + 1)
    ]
    np.testing.assert_allclose(measured(c), expected)


def test_codes_that_are_the_path_are_always_right():
    c = random_catalogue(1, n=200, unlabelled=0.0)
    c.codes = c.ancestors + 1
    # With the path as code every prediction at depth d is right wherever a training item is on that node.
    seen = np.isin(c.ancestors[c.heldout], c.ancestors[c.train]) & (c.ancestors[c.heldout] >= 0)
    expected = seen.sum(axis=0) / (c.ancestors[c.heldout] >= 0).sum(axis=0)
    np.testing.assert_allclose(measured(c), expected)


def test_one_code_for_all_predicts_the_most_frequent_category():
    train, test = np.array([[0], [1], [1]]), np.array([[0], [1], [1], [1]])
    np.testing.assert_allclose(
        prefix_accuracy(np.zeros((3, 2), int), train, np.zeros((4, 2), int), test), [0.75]
    )


def test_ties_go_to_the_smaller_node():
    assert prefix_accuracy([[0], [0]], [[7], [4]], [[0]], [[4]]) == [1.0]
    assert prefix_accuracy([[0], [0]], [[4], [7]], [[0]], [[7]]) == [0.0]


def test_unlabelled_training_items_do_not_hold_a_prefix():
    codes, ancestors = [[0, 0], [0, 1]], [[-1], [3]]
    assert prefix_accuracy(codes, ancestors, [[0, 0]], [[3]]) == [1.0]


def test_the_longest_prefix_wins_over_the_larger_group():
    codes, ancestors = [[0, 0], [0, 1], [0, 1]], [[5], [6], [6]]
    assert prefix_accuracy(codes, ancestors, [[0, 0], [0, 2]], [[5], [6]]) == [1.0]


def test_undefined_without_items_at_that_depth():
    result = prefix_accuracy([[0]], [[0, 1]], [[0]], [[0, -1]])
    np.testing.assert_array_equal(result, [1.0, np.nan])
    assert np.isnan(prefix_accuracy([[0]], [[0]], np.empty((0, 1), int), np.empty((0, 1), int))).all()


def test_no_tree_gives_no_depth():
    assert prefix_accuracy([[0]], np.empty((1, 0), int), [[0]], np.empty((1, 0), int)).shape == (0,)


def test_levels_must_agree():
    with pytest.raises(InputError, match="test_codes: found 1 columns; expected 2"):
        prefix_accuracy([[0, 0]], [[0]], [[0]], [[0]])


def several(c, seed=0):
    """Two more paths for some of the items, one of them perhaps the same again."""
    rng = np.random.default_rng(seed)
    others = [c.ancestors[rng.permutation(len(c.ancestors))] for _ in range(2)]
    first = (c.ancestors >= 0).any(axis=1)
    second = first & (rng.random(len(first)) < 0.5) & (others[0] >= 0).any(axis=1)
    kept = np.stack([first, second, second & (rng.random(len(first)) < 0.5)], axis=1)
    return np.where(kept[..., None], np.stack([c.ancestors, *others], axis=1), -1)


@given(catalogues)
def test_any_path_of_a_test_item_is_right(c):
    places, depths = several(c), c.ancestors.shape[1]
    found = prefix_accuracy(c.codes[c.train], places[c.train], c.codes[c.heldout], places[c.heldout])
    for depth in range(1, depths + 1):
        right = []
        for code, paths in zip(c.codes[c.heldout], places[c.heldout], strict=True):
            asked = [row for row in paths if measures.path(row)[depth - 1 :]]
            voted = (
                measures.prefix_accuracy(c.codes[c.train], c.ancestors[c.train], [code], [row], depth)
                for row in asked
            )
            right += [max(voted)] if asked else []
        np.testing.assert_allclose(found[depth - 1], measures.mean(right))


def test_nothing_predicted_is_no_path_of_an_item():
    assert prefix_accuracy([[0]], [[[3], [-1]]], [[1]], [[[3], [-1]]]) == [0.0]


def test_a_path_behind_none_is_refused():
    with pytest.raises(InputError, match="test_ancestors: row 1: found a path behind a row of -1"):
        prefix_accuracy([[0]], [[3]], [[0], [0]], [[[3], [4]], [[-1], [4]]])
    with pytest.raises(InputError, match=r"test_ancestors: found an array of shape \(1, 0, 1\)"):
        prefix_accuracy([[0]], [[3]], [[0]], np.empty((1, 0, 1), int))

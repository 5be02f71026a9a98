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

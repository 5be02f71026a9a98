import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score
from tests.oracles import engagement as oracle

from leafcode.errors import InputError
from leafcode.evaluation import ndcg_at_k, recall_at_k


def random_lists(seed, queries=6, items=8, places=6):
    rng = np.random.default_rng(seed)
    gains = rng.integers(1, 4, size=(queries, items)) * (
        rng.random((queries, items)) < rng.random((queries, 1))
    )
    ranked = rng.random((queries, items)).argsort(axis=1)[:, :places]
    ranked[rng.random(ranked.shape) < 0.2] = -1
    return ranked, gains


def as_dictionaries(gains):
    return [{item: gain for item, gain in enumerate(row) if gain} for row in gains.tolist()]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 6), st.sampled_from([sp.csr_array, sp.csc_matrix, sp.coo_array])
)
def test_equal_the_definitions(seed, k, kind):
    ranked, gains = random_lists(seed)
    relevant = kind(gains)
    expected = oracle.recall_at_k(ranked.tolist(), as_dictionaries(gains), k)
    assert recall_at_k(ranked, relevant, k) == pytest.approx(expected, nan_ok=True)
    expected = oracle.ndcg_at_k(ranked.tolist(), as_dictionaries(gains), k)
    assert ndcg_at_k(ranked, relevant, k) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_ndcg_is_that_of_scikit_learn(k):
    rng = np.random.default_rng(k)
    gains, scores = rng.integers(0, 3, size=(20, 12)), rng.random((20, 12))
    gains[:, 0] = 1  # scikit-learn counts a query without a relevant item as 0
    ranked = np.argsort(-scores, axis=1)
    assert ndcg_at_k(ranked, sp.csr_array(gains), k) == pytest.approx(ndcg_score(gains, scores, k=k))


def test_the_ideal_list_is_not_made_of_what_was_found():
    # Only the weaker of two items was found: 1 / 3 and not 1.
    assert ndcg_at_k([[1]], sp.csr_array([[3.0, 1.0]]), 1) == pytest.approx(1 / 3)


def test_queries_without_relevant_items_are_left_out():
    relevant = sp.csr_array(([1.0, 0.0], ([0, 1], [2, 1])), shape=(2, 3))  # a stored zero is none
    assert recall_at_k([[2], [1]], relevant, 1) == 1
    assert ndcg_at_k([[2], [1]], relevant, 1) == 1
    nothing = sp.csr_array((2, 3))
    assert np.isnan([recall_at_k([[2], [1]], nothing, 1), ndcg_at_k([[2], [1]], nothing, 1)]).all()
    assert np.isnan(recall_at_k(np.empty((0, 4), int), sp.csr_array((0, 3)), 4))


def test_the_argument_is_left_as_it_is():
    relevant = sp.csr_array(([1.0, 1.0, 0.0], [2, 0, 1], [0, 3]), shape=(1, 3))
    before = relevant.copy()
    recall_at_k([[0, 1, 2]], relevant, 2)
    np.testing.assert_array_equal(relevant.indices, before.indices)
    np.testing.assert_array_equal(relevant.data, before.data)


@pytest.mark.parametrize("measure", [recall_at_k, ndcg_at_k])
@pytest.mark.parametrize(
    ("ranked", "gain", "k", "where"),
    [
        ([[0, 1]], 1, 0, "k"),
        ([[0, 1]], 1, 3, "ranked"),
        ([[0, 3]], 1, 2, "ranked"),
        ([[0, -2]], 1, 2, "ranked"),
        ([[0.0, 1.0]], 1, 2, "ranked"),
        ([[0, 1], [1, 0]], 1, 2, "ranked"),
        ([[1, 1]], 1, 2, "ranked: row 0"),
        ([[0, 1]], -1, 2, "relevant"),
        ([[0, 1]], np.nan, 2, "relevant"),
    ],
)
def test_bad_input(measure, ranked, gain, k, where):
    with pytest.raises(InputError) as error:
        measure(ranked, sp.csr_array([[0.0, gain, 0.0]]), k)
    assert error.value.where == where
    with pytest.raises(InputError, match="relevant: found a ndarray"):
        measure([[0, 1]], np.ones((1, 3)), 2)

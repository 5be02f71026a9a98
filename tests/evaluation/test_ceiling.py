import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from tests.evaluation.catalogues import catalogues, random_catalogue
from tests.oracles import measures

from leafcode.errors import InputError
from leafcode.evaluation import _arrays, knn_accuracy, probe_accuracy

BOTH = pytest.mark.parametrize("ceiling", [knn_accuracy, lambda *arrays: probe_accuracy(*arrays, seed=0)])


def split(c):
    return c.embeddings[c.train], c.ancestors[c.train], c.embeddings[c.heldout], c.ancestors[c.heldout]


def blobs(seed, n, spread):
    """Items around 6 centres in 12 dimensions, two centres to each of 3 upper categories."""
    rng = np.random.default_rng(seed)
    leaf = rng.integers(6, size=n)
    x = np.random.default_rng(99).normal(size=(6, 12))[leaf] + spread * rng.normal(size=(n, 12))
    return x, np.stack([leaf // 2, 3 + leaf], axis=1)


@settings(max_examples=60)
@given(catalogues, st.integers(1, 25))
def test_knn_equals_the_definition(c, k):
    # Equal vectors tie only up to rounding in float32: no repeats here.
    c.embeddings = np.random.default_rng(len(c.codes)).normal(size=c.embeddings.shape)
    expected = [measures.knn_accuracy(*split(c), k, d + 1) for d in range(c.ancestors.shape[1])]
    np.testing.assert_allclose(knn_accuracy(*split(c), k=k), expected)


def test_blocks_do_not_change_the_accuracy(monkeypatch):
    c = random_catalogue(8, n=200)
    whole = knn_accuracy(*split(c))
    monkeypatch.setattr(_arrays, "BLOCK_NUMBERS", 500)
    np.testing.assert_array_equal(knn_accuracy(*split(c)), whole)


def test_tied_votes_go_to_the_smaller_node():
    assert knn_accuracy([[1.0, 0.1], [1.0, 0.0]], [[7], [4]], [[1.0, 0.1]], [[4]], k=2) == [1.0]


def test_unlabelled_training_items_take_no_place():
    train = [[1.0, 0.0], [0.0, 1.0]]
    assert knn_accuracy(train, [[-1], [4]], [[1.0, 0.0]], [[4]], k=1) == [1.0]


@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_probe_matches_a_logistic_regression(spread):
    x, nodes = blobs(0, 1500, spread)
    y, query_nodes = blobs(1, 800, spread)
    measured = probe_accuracy(x, nodes, y, query_nodes, seed=0)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True), y / np.linalg.norm(y, axis=1, keepdims=True)
    scaler = StandardScaler().fit(unit[0])
    for depth in range(2):
        reference = LogisticRegression(max_iter=500).fit(scaler.transform(unit[0]), nodes[:, depth])
        expected = reference.score(scaler.transform(unit[1]), query_nodes[:, depth])
        assert measured[depth] == pytest.approx(expected, abs=0.015)


def test_probe_ignores_a_dead_dimension():
    x, nodes = blobs(0, 400, 0.5)
    y, query_nodes = blobs(1, 400, 0.5)
    noise = 1e-9 * np.random.default_rng(2).normal(size=(800, 1))
    with_dead = probe_accuracy(
        np.hstack([x, noise[:400]]), nodes, np.hstack([y, noise[400:]]), query_nodes, seed=0
    )
    np.testing.assert_array_equal(with_dead, probe_accuracy(x, nodes, y, query_nodes, seed=0))


def test_probe_is_repeatable_and_leaves_global_state_alone():
    c = random_catalogue(1, n=80)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with torch.no_grad():
        first = probe_accuracy(*split(c), seed=3)
    np.testing.assert_array_equal(first, probe_accuracy(*split(c), seed=3))
    assert torch.equal(torch.get_rng_state(), before)


@BOTH
def test_separable_categories_are_always_right(ceiling):
    x, nodes = blobs(0, 300, 0.01)
    y, query_nodes = blobs(1, 100, 0.01)
    np.testing.assert_array_equal(ceiling(x, nodes, y, query_nodes), [1.0, 1.0])


@BOTH
def test_what_cannot_be_predicted_is_wrong_and_what_is_not_asked_is_undefined(ceiling):
    train, query = np.eye(2), np.eye(2)
    # At depth 2 no training item, at depth 3 no query.
    ancestors = [[0, -1, -1], [0, -1, -1]]
    result = ceiling(train, ancestors, query, [[0, 5, -1], [0, -1, -1]])
    np.testing.assert_array_equal(result, [1.0, 0.0, np.nan])
    assert np.isnan(ceiling(train, ancestors, np.empty((0, 2)), np.empty((0, 3), int))).all()
    np.testing.assert_array_equal(ceiling(train, [[-1], [-1]], query, [[0], [-1]]), [0.0])


@BOTH
def test_arrays_must_fit_together(ceiling):
    with pytest.raises(InputError, match="query_embeddings: found 3 columns; expected 2"):
        ceiling(np.eye(2), [[0], [1]], np.eye(3), [[0]] * 3)
    with pytest.raises(InputError, match="train_ancestors: found 1 rows; expected 2"):
        ceiling(np.eye(2), [[0]], np.eye(2), [[0]] * 2)
    with pytest.raises(InputError, match="train_embeddings: row 1: found a vector of zeros"):
        ceiling([[1.0], [0.0]], [[0], [0]], [[1.0]], [[0]])


@BOTH
def test_any_path_of_a_query_is_right(ceiling):
    x, nodes = blobs(0, 200, 0.1)
    wrong = np.stack([(nodes[:, 0] + 1) % 3, 3 + (nodes[:, 1] - 1) % 6], axis=1)
    np.testing.assert_array_equal(ceiling(x, nodes, x, wrong), 0.0)
    np.testing.assert_array_equal(ceiling(x, nodes, x, np.stack([wrong, nodes], axis=1)), 1.0)
    # Training items teach their first.
    np.testing.assert_array_equal(ceiling(x, np.stack([nodes, wrong], axis=1), x, nodes), 1.0)

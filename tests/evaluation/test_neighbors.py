import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evaluation.catalogues import catalogues, random_catalogue
from tests.oracles import measures

from leafcode.errors import InputError
from leafcode.evaluation import _arrays, code_neighbors, hp_at_k, precision_at_k

NOBODY = np.empty((0, 1), int)


def neighbors_of(c, k):
    return code_neighbors(
        c.codes[c.train], c.quantized[c.train], c.codes[c.heldout], c.quantized[c.heldout], k=k
    )


def expected_neighbors(c, k):
    return [
        measures.code_neighbors(c.codes[c.train], c.quantized[c.train], code, quantized, k)
        for code, quantized in zip(c.codes[c.heldout], c.quantized[c.heldout], strict=True)
    ]


@given(catalogues, st.integers(1, 12))
def test_neighbors_equal_the_definition(c, k):
    expected = [row + [-1] * (k - len(row)) for row in expected_neighbors(c, k)]
    np.testing.assert_array_equal(neighbors_of(c, k), expected)


@given(catalogues, st.integers(1, 12))
def test_scores_equal_the_definition(c, k):
    train, queries = c.ancestors[c.train], c.ancestors[c.heldout]
    neighbors, rows = neighbors_of(c, k), expected_neighbors(c, k)
    expected = measures.hp_at_k(rows, train, queries, k)
    assert hp_at_k(neighbors, train, queries) == pytest.approx(expected, nan_ok=True)
    expected = [measures.precision_at_k(rows, train, queries, d + 1) for d in range(queries.shape[1])]
    np.testing.assert_allclose(precision_at_k(neighbors, train, queries), expected)


def test_blocks_do_not_change_the_result(monkeypatch):
    c = random_catalogue(5, n=300, codebook=2)
    whole = neighbors_of(c, 10)
    monkeypatch.setattr(_arrays, "BLOCK_NUMBERS", 50)
    np.testing.assert_array_equal(neighbors_of(c, 10), whole)


def test_equal_cosines_go_to_the_smaller_row():
    codes, vectors = np.array([[1], [0], [1], [0], [0]]), np.ones((5, 3))
    assert code_neighbors(codes, vectors, [[0]], [[1.0, 1, 1]], k=4).tolist() == [[1, 3, 4, 0]]
    # Also where rows and codes run in opposite order.
    assert code_neighbors([[2], [1], [0]], vectors[:3], [[0]], [[1.0, 1, 1]], k=3).tolist() == [[2, 0, 1]]


def test_shared_prefix_outranks_any_cosine():
    found = code_neighbors([[0, 0], [0, 1]], [[-1.0], [1.0]], [[0, 0]], [[1.0]], k=2)
    assert found.tolist() == [[0, 1]]


def test_quantised_zeros_have_cosine_zero():
    found = code_neighbors([[0], [0], [0]], [[-1.0], [0.0], [1.0]], [[0]], [[1.0]], k=3)
    assert found.tolist() == [[2, 1, 0]]


def test_no_training_item_and_no_query():
    vectors = np.empty((0, 2))
    assert code_neighbors(NOBODY, vectors, [[0]], [[1.0, 0]], k=2).tolist() == [[-1, -1]]
    assert code_neighbors([[0]], [[1.0, 0]], NOBODY, vectors, k=2).shape == (0, 2)


def test_best_attainable_order_scores_one():
    c = random_catalogue(3, n=120)
    train, queries = c.ancestors[c.train], c.ancestors[c.heldout]
    best = [
        sorted(range(len(train)), key=lambda i: -measures.shared_depth(q, train[i]))[:10] for q in queries
    ]
    assert hp_at_k(best, train, queries) == pytest.approx(1)


def test_unlabelled_neighbours_gain_nothing_and_keep_their_place():
    train, query = [[-1, -1], [0, 1], [0, 1]], [[0, 1]]
    assert hp_at_k([[0, 1]], train, query) == 0.5
    assert precision_at_k([[0, 1]], train, query).tolist() == [0.5, 0.5]


def test_an_item_beneath_the_query_node_is_a_full_match():
    assert hp_at_k([[0]], [[0, 1]], [[0, -1]]) == 1


def test_undefined_without_labelled_query_or_related_item():
    assert np.isnan(hp_at_k([[0]], [[0]], [[-1]]))
    assert np.isnan(hp_at_k([[0]], [[0]], [[1]]))
    assert np.isnan(hp_at_k(np.empty((0, 10), int), [[0]], NOBODY))
    assert np.isnan(precision_at_k([[0]], [[0]], [[-1]])).all()
    assert np.isnan(precision_at_k([[-1]], NOBODY, [[0]])).all()


def test_no_tree_is_undefined():
    none = np.empty((1, 0), int)
    assert np.isnan(hp_at_k([[0]], none, none))
    assert precision_at_k([[0]], none, none).shape == (0,)


@pytest.mark.parametrize(
    ("neighbors", "message"),
    [
        ([[2]], "neighbors: found rows from 2 to 2; expected rows from -1 to 1"),
        ([[-2]], "neighbors: found rows from -2 to -2"),
        ([[0.0]], r"neighbors: found float64 of shape \(1, 1\)"),
        ([[0], [1]], r"expected integers of shape \(1, k\), a row per query"),
    ],
)
@pytest.mark.parametrize("measure", [hp_at_k, precision_at_k])
def test_faulty_neighbors_are_named(measure, neighbors, message):
    with pytest.raises(InputError, match=message):
        measure(neighbors, [[0], [1]], [[0]])

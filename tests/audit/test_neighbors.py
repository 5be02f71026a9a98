import sys

import numpy as np
import pytest

from leafcode.audit.neighbors import nearest_neighbors, unit_vectors
from leafcode.errors import InputError


def vectors(n, dimensions=16, seed=0):
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(20, dimensions))
    return unit_vectors(centers[rng.integers(20, size=n)] + rng.normal(size=(n, dimensions)))


def by_brute_force(unit, k):
    cosines = unit.astype(float) @ unit.T.astype(float)
    np.fill_diagonal(cosines, -np.inf)
    order = np.argsort(-cosines, axis=1)[:, :k]
    return order, np.take_along_axis(cosines, order, 1)


def test_exactly(monkeypatch):
    monkeypatch.setattr("leafcode.audit.neighbors._BLOCK_BYTES", 4 * 300 * 7)  # blocks of 7 rows
    unit = vectors(300)
    items, cosines = by_brute_force(unit, 12)
    found = nearest_neighbors(unit, 12)
    assert np.array_equal(found.items, items)
    assert np.allclose(found.similarities, cosines, atol=1e-5)


def test_in_a_graph():
    unit = vectors(3000)
    items, _ = by_brute_force(unit, 10)
    found = nearest_neighbors(unit, 10, exact=0)
    hits = (found.items[:, :, None] == items[:, None]).any(2)
    assert hits.mean() > 0.97
    assert not (found.items == np.arange(3000)[:, None]).any()
    assert (np.diff(np.sort(found.items, axis=1), axis=1) > 0).all()  # none twice
    assert (np.diff(found.similarities, axis=1) <= 0).all()
    expected = np.einsum("ie,ike->ik", unit, unit[found.items])
    assert np.allclose(found.similarities, expected, atol=1e-5)


def test_equal_items_are_neighbours_of_each_other():
    unit = np.repeat(vectors(40), 3, axis=0)
    for exact in (1000, 0):
        found = nearest_neighbors(unit, 2, exact=exact)
        assert (found.items // 3 == np.arange(120)[:, None] // 3).all()
        assert not (found.items == np.arange(120)[:, None]).any()


@pytest.mark.parametrize(("copies", "k"), [(2, 5), (40, 7), (100, 150), (1000, 20)])
def test_many_copies_do_not_hide_the_rest_of_the_graph(copies, k):
    unit = vectors(600)
    unit = np.concatenate([np.repeat(unit[:6], copies, axis=0), unit[6:]])
    unit = unit[np.random.default_rng(0).permutation(len(unit))]
    found, exact = nearest_neighbors(unit, k, exact=0), nearest_neighbors(unit, k)
    assert np.isclose(found.similarities, exact.similarities, atol=1e-5).mean() > 0.97
    assert (np.diff(np.sort(found.items, axis=1), axis=1) > 0).all()  # none twice
    assert not (found.items == np.arange(len(unit))[:, None]).any()
    expected = np.einsum("ie,ike->ik", unit, unit[found.items])
    assert np.allclose(found.similarities, expected, atol=1e-5)


@pytest.mark.parametrize("k", [0, 5])
def test_as_many_neighbours_as_there_are_not(k):
    with pytest.raises(InputError, match=rf"found {k}; expected a number in \[1, 5\)"):
        nearest_neighbors(vectors(5), k)


def test_without_faiss(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(InputError, match=r"30 items without FAISS.*leafcode\[audit\]"):
        nearest_neighbors(vectors(30), 3, exact=29)


def test_unit_vectors_leave_the_embeddings_alone():
    embeddings = np.array([[3.0, 4], [0, 2]], np.float32)
    assert unit_vectors(embeddings) == pytest.approx(np.array([[0.6, 0.8], [0, 1]]))
    assert embeddings[0, 0] == 3


def test_unit_vectors_of_some_rows():
    embeddings = np.array([[3.0, 4], [0, 0], [0, 2]], np.float32)
    assert unit_vectors(embeddings, np.array([2, 0])) == pytest.approx(np.array([[0, 1], [0.6, 0.8]]))
    assert np.array_equal(unit_vectors(embeddings[[0, 2]], np.array([1, 0]))[0], [0, 1])
    assert embeddings[0, 0] == 3
    with pytest.raises(InputError, match="embeddings: row 2"):
        unit_vectors(embeddings, np.array([2, 1]))


@pytest.mark.parametrize("bad", [0, np.nan, np.inf, 1e30])
def test_vectors_without_a_direction(bad):
    embeddings = np.array([[1, 1], [bad, bad]], np.float32)
    with pytest.raises(InputError, match="embeddings: row 2"):
        unit_vectors(embeddings)

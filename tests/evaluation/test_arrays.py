from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafcode.evaluation import _arrays
from leafcode.evaluation._arrays import majority_vote, prefix_ids, row_blocks, top_k, unit_rows

seeds = st.integers(0, 10**6)


@given(seeds, st.integers(0, 20), st.integers(1, 20), st.integers(1, 4), st.sampled_from([1, 3, 2**62]))
def test_prefix_ids_are_equal_exactly_where_prefixes_are(seed, n, m, levels, largest):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(largest, size=(n, levels)), rng.integers(largest, size=(m, levels))
    ids = np.concatenate(prefix_ids(a, b)).tolist()
    rows = np.concatenate([a, b]).tolist()
    for level in range(levels):
        order = sorted({tuple(row[: level + 1]) for row in rows})
        assert [row[level] for row in ids] == [order.index(tuple(row[: level + 1])) for row in rows]


@given(seeds, st.integers(0, 30), st.integers(1, 5))
def test_majority_vote_counts(seed, n, n_groups):
    rng = np.random.default_rng(seed)
    groups, votes = rng.integers(n_groups, size=n), rng.integers(10**6, 10**6 + 4, size=n)
    winners = majority_vote(groups, votes, n_groups)
    for group in range(n_groups):
        counts = Counter(votes[groups == group].tolist())
        expected = min(counts, key=lambda vote: (-counts[vote], vote)) if counts else -1
        assert winners[group] == expected


@given(seeds, st.integers(0, 6), st.integers(1, 12), st.data())
def test_top_k_equals_a_stable_sort(seed, rows, columns, data):
    k = data.draw(st.integers(1, columns))
    scores = np.random.default_rng(seed).integers(4, size=(rows, columns)).astype(float)
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(top_k(scores, k), expected)


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1.0, 1e30, 1e200])
def test_unit_rows_of_any_length(scale):
    vectors = np.random.default_rng(0).normal(size=(5, 8))
    expected = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(unit_rows(vectors * scale), expected, rtol=1e-12)


def test_unit_rows_of_float16_do_not_overflow():
    np.testing.assert_allclose(unit_rows(np.full((1, 4), 60000, np.float16)), np.full((1, 4), 0.5))


def test_unit_rows_leaves_its_argument_alone():
    vectors = np.array([[3.0, 4.0]])
    unit_rows(vectors)
    assert vectors.tolist() == [[3.0, 4.0]]


@pytest.mark.parametrize("columns", [0, 1, 3, 100])
def test_row_blocks_cover_every_row_once(columns, monkeypatch):
    monkeypatch.setattr(_arrays, "BLOCK_NUMBERS", 7)
    covered = [row for block in row_blocks(10, columns) for row in range(10)[block]]
    assert covered == list(range(10))

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from leafcode.audit.category_groups import _explained, _means_line, two_groups


def mixture(n, distance, seed=0, share=0.5, dimensions=64):
    """Two normal distributions some standard deviations apart, and which of them each item is from."""
    rng = np.random.default_rng(seed)
    second = rng.random(n) < share
    spread = np.append(1, np.full(dimensions - 1, 0.3))
    vectors = rng.normal(size=(n, dimensions)) * spread
    vectors[:, 0] += distance * second
    return vectors, second


def score(vectors, seed=0):
    return two_groups(vectors, np.random.default_rng(seed)).score


@settings(max_examples=50)
@given(st.lists(st.integers(-50, 50), min_size=2, max_size=40))
def test_the_best_split_of_numbers_against_trying_all(numbers):
    values = np.sort(np.array(numbers, float))
    least = max(1, int(np.ceil(0.1 * len(values))))
    best = 0.0
    for cut in range(least, len(values) - least + 1):
        within = sum(((part - part.mean()) ** 2).sum() for part in (values[:cut], values[cut:]))
        best = max(best, 1 - within / total if (total := ((values - values.mean()) ** 2).sum()) else 0)
    assert _explained(np.random.default_rng(0).permutation(values)) == pytest.approx(best)


def test_known_shares():
    assert _explained(np.random.default_rng(0).normal(size=200_000)) == pytest.approx(2 / np.pi, abs=0.003)
    assert _explained(np.linspace(0, 1, 10_000)) == pytest.approx(3 / 4, abs=1e-3)
    assert _explained(np.repeat([0.0, 1.0], 10)) == pytest.approx(1)
    assert _explained(np.append(np.random.default_rng(0).normal(size=99), 1e6)) < 0.2  # one odd item


def test_the_groups_are_those_of_k_means():
    vectors, second = mixture(120, 4)
    found = two_groups(vectors, np.random.default_rng(0))
    peer = KMeans(2, n_init=10, random_state=0).fit(vectors).labels_ == 1
    assert max((found.second == peer).mean(), (found.second != peer).mean()) > 0.98
    assert max((found.second == second).mean(), (found.second != second).mean()) > 0.95
    first, last = found.typical
    assert not found.second[first[:30]].any()
    assert found.second[last[:30]].all()
    assert sorted(first) == sorted(last) == list(range(120))


def test_scores_rise_with_the_distance():
    scores = [np.mean([score(mixture(200, d, s)[0]) for s in range(5)]) for d in (0, 3, 4, 6, 10)]
    assert scores == sorted(scores)
    assert scores[0] < 0.1
    assert scores[2] == pytest.approx(0.46, abs=0.05)
    assert scores[-1] > 0.85


@pytest.mark.parametrize("n", [20, 50])
def test_no_groups_where_there_are_none(n):
    """Neither in round clouds nor in long ones, nor in more dimensions than items."""
    rng = np.random.default_rng(0)
    scores = [
        score(rng.normal(size=(n, 64)) * spread, seed)
        for seed in range(40)
        for spread in (np.ones(64), np.linspace(2, 0.2, 64), np.append(5, np.full(63, 0.1)))
    ]
    assert np.mean(np.array(scores) >= 0.5) <= (0.03 if n == 20 else 0)


def test_a_few_odd_items_are_no_group():
    vectors, _ = mixture(100, 0)
    vectors[:4, 0] += 50
    assert score(vectors) < 0.3


def test_where_the_items_lie_and_how_large_they_are_does_not_matter():
    vectors, _ = mixture(80, 5)
    assert score(vectors * 7 + 3) == pytest.approx(score(vectors))


def test_equal_items():
    found = two_groups(np.ones((20, 4)), np.random.default_rng(0))
    assert found.score == 0
    assert not found.second.any()
    assert not _means_line(np.ones((20, 4)))[0].any()


def test_many_items_are_judged_by_a_sample():
    vectors, second = mixture(3000, 8, dimensions=8)
    found = two_groups(vectors, np.random.default_rng(0))
    assert found.score > 0.7
    assert max((found.second == second).mean(), (found.second != second).mean()) > 0.99

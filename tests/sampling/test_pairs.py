from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafcode.catalog import Engagement
from leafcode.errors import InputError
from leafcode.sampling import PairBatchSampler
from leafcode.sampling.pairs import _disjoint


def random_pairs(seed, items=30, count=80):
    """Different pairs of different items with very different weights."""
    rng = np.random.default_rng(seed)
    every = np.stack(np.triu_indices(items, 1))
    first, second = every[:, rng.permutation(every.shape[1])[:count]] * 3 + 5  # gaps in the item numbers
    return first, second, 10 ** rng.uniform(-3, 3, count)


def as_pairs(batch):
    return [frozenset(pair) for pair in batch.reshape(-1, 2).tolist()]


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 999), batch_size=st.sampled_from([2, 4, 8]), power=st.sampled_from([0.0, 0.5, 2.0])
)
def test_guarantees(seed, batch_size, power):
    first, second, weights = random_pairs(seed)
    given_pairs = {frozenset(pair) for pair in zip(first.tolist(), second.tolist(), strict=True)}
    sampler = PairBatchSampler(first, second, weights, batch_size=batch_size, power=power, seed=seed)
    assert len(sampler) == -(-len(np.unique([first, second])) // batch_size)
    for batch in sampler:
        assert len(batch) == len(set(batch)) == batch_size
        assert set(as_pairs(np.array(batch))) <= given_pairs


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda p: p[0] != p[1]), max_size=40))
def test_disjoint_is_the_greedy_choice(pairs):
    taken, expected = set(), []
    for place, pair in enumerate(pairs):
        if not taken & set(pair):
            taken |= set(pair)
            expected.append(place)
    assert _disjoint(np.array(pairs, int).reshape(-1, 2).T, 10).tolist() == expected


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_pairs_come_up_in_proportion_to_their_weight(power):
    first, second, weights = np.arange(0, 12, 2), np.arange(1, 12, 2), np.array([1, 2, 4, 8, 16, 0.5])
    sampler = PairBatchSampler(first, second, weights, batch_size=2, power=power, num_batches=2000)
    counts = Counter(min(batch) // 2 for batch in sampler)
    share = weights**power / (weights**power).sum()
    expected = 2000 * share
    chi_square = sum((counts[i] - expected[i]) ** 2 / expected[i] for i in range(6))
    assert chi_square < 20.5, "chance of more: 1 in 1,000"


@pytest.mark.parametrize("weight", [1.0, 1e6])
def test_the_second_pair_is_drawn_among_those_that_are_left(weight):
    # Pair 0 nearly always comes first where its weight is large: then the rest is drawn without rejection.
    first, second, weights = np.arange(0, 8, 2), np.arange(1, 8, 2), np.array([weight, 1, 2, 3])
    sampler = PairBatchSampler(first, second, weights, batch_size=4, num_batches=2000)
    counts = Counter(frozenset(b // 2 for b in batch) for batch in sampler)
    p = weights / weights.sum()
    for (a, b), seen in (((min(s), max(s)), n) for s, n in counts.items()):
        expected = 2000 * (p[a] * p[b] / (1 - p[a]) + p[b] * p[a] / (1 - p[b]))
        assert abs(seen - expected) < 4 * np.sqrt(expected) + 1


def test_either_item_comes_first():
    first, second, weights = np.arange(0, 40, 2), np.arange(1, 40, 2), np.ones(20)
    sampler = PairBatchSampler(first, second, weights, batch_size=8, num_batches=100)
    ahead = np.mean([sampler.batch(index)[0::2] % 2 for index in range(100)])
    assert 0.4 < ahead < 0.6


def test_batches_are_a_function_of_seed_epoch_rank_and_number():
    pairs = random_pairs(3)
    settings = {"batch_size": 4, "world_size": 2}
    sampler = PairBatchSampler(*pairs, seed=5, **settings)
    sampler.set_epoch(2)
    third = sampler.batch(2).tolist()
    assert third == list(sampler)[2] == sampler.step_batch(2 * len(sampler) + 2).tolist()
    others = [
        PairBatchSampler(*pairs, seed=5, rank=1, **settings),
        PairBatchSampler(*pairs, seed=6, **settings),
    ]
    for other in others:
        other.set_epoch(2)
        assert len(other) == len(sampler)
        assert other.batch(2).tolist() != third
    sampler.set_epoch(3)
    assert sampler.batch(2).tolist() != third


def test_it_takes_the_pairs_of_an_engagement():
    rng = np.random.default_rng(0)
    basket = np.repeat(np.arange(200), 3)
    engagement = Engagement.from_baskets(basket, rng.integers(30, size=600), 30)
    sampler = PairBatchSampler(*engagement.pairs(), batch_size=6, power=0.75)
    batch = sampler.batch(0)
    assert (engagement.matrix(batch)[np.arange(0, 6, 2), np.arange(1, 6, 2)] > 0).all()


def test_a_star_has_one_pair_at_a_time():
    hub, leaves = np.zeros(50, int), np.arange(1, 51)
    assert len(PairBatchSampler(hub, leaves, np.ones(50), batch_size=2).batch(0)) == 2
    with pytest.raises(InputError, match=r"50 pairs, of which 1 share no item.*At most batch_size = 2"):
        PairBatchSampler(hub, leaves, np.ones(50), batch_size=4)


def test_a_long_chain_is_quick():
    chain = np.arange(200_000)
    sampler = PairBatchSampler(chain, chain + 1, np.ones(len(chain)), batch_size=64)
    assert len(set(sampler.batch(0).tolist())) == 64


@pytest.mark.parametrize(
    ("pairs", "settings", "where"),
    [
        (([0], [1], [1.0]), {"batch_size": 3}, "batch_size"),
        (([0], [1], [1.0]), {"power": -1.0}, "power"),
        (([0], [0], [1.0]), {}, "pairs: row 0"),
        (([0, -1], [1, 2], [1.0, 1.0]), {}, "pairs: row 1"),
        (([0], [1], [0.0]), {}, "weights: row 0"),
        (([0], [1], [np.nan]), {}, "weights: row 0"),
        (([0], [1, 2], [1.0]), {}, "pairs"),
        (([0.5], [1], [1.0]), {}, "first"),
        (([], [], []), {}, "first"),
    ],
)
def test_bad_input(pairs, settings, where):
    with pytest.raises(InputError) as error:
        PairBatchSampler(*map(np.array, pairs), **{"batch_size": 2, **settings})
    assert error.value.where == where

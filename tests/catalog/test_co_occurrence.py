import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import engagement as oracle

from leafcode.catalog.co_occurrence import count_pairs
from leafcode.errors import InputError

N = 7
sessions = st.lists(st.lists(st.integers(0, N - 1), min_size=1, max_size=9), min_size=1, max_size=8)


def lines(baskets):
    """Basket, item and position of each line."""
    rows = [(b, item, place) for b, basket in enumerate(baskets) for place, item in enumerate(basket)]
    return tuple(np.array(column) for column in zip(*rows, strict=True))


def as_dictionaries(pairs):
    keys = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert keys == sorted(set(keys)), "every pair once, in order"
    assert all(first < second for first, second in keys)
    weight = dict(zip(keys, pairs.weight.tolist(), strict=True))
    return weight, dict(zip(keys, pairs.support.tolist(), strict=True))


@settings(max_examples=50, deadline=None)
@given(sessions, st.sampled_from([None, 1, 2, 4, 20]), st.integers(2, 9))
def test_equals_the_definition(baskets, window, max_basket):
    basket, item, _ = lines(baskets)
    pairs = count_pairs(basket, item, N, window=window, max_basket=max_basket)
    weight, support = as_dictionaries(pairs)
    expected_weight, expected_support = oracle.count_pairs(baskets, window, max_basket)
    assert support == expected_support
    assert weight == pytest.approx(expected_weight)
    sizes = [len(set(basket)) for basket in baskets]
    limit = max_basket if window is None else N
    assert pairs.left_out == sum(size > limit for size in sizes)
    assert pairs.baskets == sum(1 < size <= limit for size in sizes)


@settings(max_examples=40, deadline=None)
@given(sessions, st.sampled_from([None, 1, 3]), st.integers(0, 99))
def test_the_order_of_the_lines_does_not_matter(baskets, window, seed):
    basket, item, position = lines(baskets)
    plain = count_pairs(basket, item, N, window=window)
    order = np.random.default_rng(seed).permutation(len(item))
    shuffled = count_pairs(basket[order].astype(str), item[order], N, window=window, position=position[order])
    assert as_dictionaries(plain)[1] == as_dictionaries(shuffled)[1]
    np.testing.assert_allclose(plain.weight, shuffled.weight)


@settings(max_examples=40, deadline=None)
@given(sessions)
def test_every_item_adds_one_for_each_basket_that_holds_others(baskets):
    basket, item, _ = lines(baskets)
    pairs = count_pairs(basket, item, N)
    sums = np.bincount(pairs.first, pairs.weight, N) + np.bincount(pairs.second, pairs.weight, N)
    expected = [sum(i in basket and len(set(basket)) > 1 for basket in baskets) for i in range(N)]
    np.testing.assert_allclose(sums, expected)


def test_a_window_that_spans_the_sessions_is_the_whole_basket():
    basket, item, _ = lines([[0, 1, 2, 3], [3, 1], [5]])
    whole, wide = count_pairs(basket, item, N), count_pairs(basket, item, N, window=3)
    assert as_dictionaries(whole) == as_dictionaries(wide)


def test_times_order_a_session_and_ties_go_by_item():
    position = np.array(["2020-01-03", "2020-01-01", "2020-01-02"], "datetime64[D]")
    pairs = count_pairs(np.zeros(3, int), np.array([0, 1, 2]), 3, window=1, position=position)
    assert as_dictionaries(pairs)[1] == {(1, 2): 1, (0, 2): 1}
    tied = count_pairs(np.zeros(3, int), np.array([2, 0, 1]), 3, window=1, position=np.zeros(3))
    assert as_dictionaries(tied)[1] == {(0, 1): 1, (1, 2): 1}


def test_a_huge_basket_costs_nothing():
    item = np.arange(200_000)
    pairs = count_pairs(np.zeros(len(item), int), item, len(item))
    assert (len(pairs.first), pairs.baskets, pairs.left_out) == (0, 0, 1)


@pytest.mark.parametrize("window", [None, 2])
def test_no_pair(window):
    for basket, item in (([], []), ([1, 2, 2], [0, 0, 0])):
        pairs = count_pairs(np.array(basket, int), np.array(item, int), 3, window=window)
        assert len(pairs.first) == len(pairs.weight) == pairs.baskets == 0


@pytest.mark.parametrize(
    ("arguments", "settings", "where"),
    [
        (([0, 0], [0.0, 1.0]), {}, "item"),
        (([0, 0], [0, 3]), {}, "item: row 1"),
        (([0, 0], [-1, 1]), {}, "item: row 0"),
        (([0], [0, 1]), {}, "basket"),
        (([0.5, 0.5], [0, 1]), {}, "basket"),
        (([0, 0], [0, 1]), {"window": 0}, "window"),
        (([0, 0], [0, 1]), {"max_basket": 1}, "max_basket"),
        (([0, 0], [0, 1]), {"position": np.zeros(3)}, "position"),
        (([0, 0], [0, 1]), {"position": np.array([0, np.nan])}, "position: row 1"),
    ],
)
def test_bad_input(arguments, settings, where):
    basket, item = map(np.array, arguments)
    with pytest.raises(InputError) as error:
        count_pairs(basket, item, 3, **settings)
    assert error.value.where == where

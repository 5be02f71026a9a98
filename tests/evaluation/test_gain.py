import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from leafcode.errors import InputError
from leafcode.evaluation import (
    error_reduction,
    mean_error_reduction,
    mean_interval,
    reconstruction_ratio,
)

shares = st.floats(0, 1)


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=9))
def test_the_interval_is_that_of_scipy(values):
    estimate = mean_interval(values)
    error = stats.sem(values)
    low, high = (
        (np.mean(values),) * 2
        if error == 0
        else stats.t.interval(0.95, len(values) - 1, np.mean(values), error)
    )
    assert estimate[:3] == pytest.approx((np.mean(values), low, high), abs=1e-9)
    assert estimate.seeds == len(values)


def test_the_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = [e.low <= 1.0 <= e.high for e in map(mean_interval, rng.normal(1.0, 2.0, (4000, 4)))]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


def test_one_value_and_none():
    one, none = mean_interval([0.5]), mean_interval([])
    assert (one.mean, one.seeds, none.seeds) == (0.5, 1, 0)
    assert all(map(math.isnan, (one.low, one.high, none.mean, none.low, none.high)))
    assert mean_interval([0.5, math.nan])[3] == 1


@pytest.mark.parametrize(("values", "confidence"), [([[1.0]], 0.95), ([1.0], 0.0), ([1.0], 1.0)])
def test_wrong_arguments_of_the_interval(values, confidence):
    with pytest.raises(InputError):
        mean_interval(values, confidence)


def test_reductions_by_hand():
    # 40 errors of 100 become 30, 50 become 60, 0 stay 0.
    assert error_reduction([0.7, 0.4, 1.0], [0.6, 0.5, 1.0]) == pytest.approx(
        [0.25, -0.2, math.nan], nan_ok=True
    )
    assert mean_error_reduction([0.7, 0.4], [0.6, 0.5]) == pytest.approx(1 - 0.45 / 0.45)
    assert mean_error_reduction([0.9, 0.5], [0.8, 0.5]) == pytest.approx(1 - 0.3 / 0.35)


def test_undefined_depths_take_no_part():
    nan = math.nan
    assert mean_error_reduction([0.9, nan, 0.1], [0.8, 0.5, nan]) == pytest.approx(0.5)
    assert math.isnan(mean_error_reduction([nan], [0.5]))
    assert math.isnan(mean_error_reduction([], []))
    assert math.isnan(mean_error_reduction([0.5], [1.0]))


@given(st.lists(st.tuples(shares, shares), min_size=1, max_size=6))
def test_a_method_against_itself_gains_nothing(pairs):
    accuracy = np.array([a for a, _ in pairs])
    other = np.array([b for _, b in pairs])
    own = error_reduction(accuracy, accuracy)
    assert np.all((own == 0) | np.isnan(own))
    reduction = mean_error_reduction(accuracy, other)
    assert math.isnan(reduction) or reduction <= 1


def test_ratios():
    assert reconstruction_ratio([0.21, 0.0], [0.2, 0.1]).tolist() == pytest.approx([1.05, 0.0])
    assert np.isnan(reconstruction_ratio([0.2, math.nan], [0.0, 0.2])).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda: error_reduction([1.2], [0.5]),
        lambda: error_reduction([0.2], [-0.5]),
        lambda: mean_error_reduction([0.2, 0.1], [0.5]),
        lambda: mean_error_reduction([[0.2]], [[0.5]]),
        lambda: reconstruction_ratio([-0.1], [0.5]),
    ],
)
def test_values_out_of_range(call):
    with pytest.raises(InputError):
        call()

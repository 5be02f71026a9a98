import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from leafcode.errors import InputError
from leafcode.evaluation import clearly_dominated, non_dominated

POINTS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(0, 12), st.integers(1, 3)),
    elements=st.sampled_from([0.0, 0.25, 0.5, 1.0, np.nan]),
)


def beats(a, b):
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))


@given(POINTS)
def test_the_front_is_what_no_other_point_beats(points):
    expected = [
        not np.isnan(one).any()
        and not any(beats(other, one) for other in points if not np.isnan(other).any())
        for one in points
    ]
    # A point with a NaN beats nothing: a comparison with NaN is false.
    assert non_dominated(points).tolist() == expected


@given(POINTS, st.sampled_from([0.0, 0.1]))
def test_clearly_dominated_is_smaller_everywhere_by_the_margin(points, margin):
    for one in points:
        expected = any(
            all(x * (1 + margin) <= y for x, y in zip(other, one, strict=True)) for other in points
        )
        assert clearly_dominated(one, points, margin) == expected


def test_nothing_dominates_where_there_is_nothing():
    assert clearly_dominated([1.0, 2.0], [], 0.1) is False


def test_shapes_that_do_not_fit():
    with pytest.raises(InputError, match="points: found an array of shape"):
        non_dominated([1.0, 2.0])
    with pytest.raises(InputError, match="point: found shape"):
        clearly_dominated([1.0], [[1.0, 2.0]], 0.1)

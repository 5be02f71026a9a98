import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafcode.catalog import Rows, row_view, split_by_content

PARTS = [np.arange(0, 12, dtype=np.float16).reshape(4, 3), np.ones((1, 3)), -np.ones((5, 3), np.float32)]
WHOLE = np.concatenate(PARTS)


@given(st.lists(st.integers(0, 9), min_size=1), st.integers(-12, 12), st.integers(-12, 12))
def test_rows_are_those_of_the_arrays_laid_end_to_end(index, start, stop):
    places, window = np.array(index), slice(start, stop)
    for rows, expected in ((Rows(PARTS), WHOLE), (Rows(PARTS).take(places), WHOLE[places])):
        assert rows.shape == expected.shape
        assert rows.dtype == expected.dtype
        assert len(rows) == len(expected)
        np.testing.assert_array_equal(rows[window], expected[window])
        np.testing.assert_array_equal(rows[:, :2][window], expected[:, :2][window])
        np.testing.assert_array_equal(np.asarray(rows), expected)
        mask = expected[:, 0] > 3
        np.testing.assert_array_equal(rows[mask], expected[mask])
        with pytest.raises(IndexError, match="a mask"):
            rows[mask[1:]]
        again = np.arange(len(expected))[::-2]
        np.testing.assert_array_equal(rows.take(again)[:], expected[again])
        np.testing.assert_array_equal(rows[again, 1], expected[again, 1])


def test_a_view_of_a_view():
    first = row_view(WHOLE, np.array([7, 2, 5]))
    np.testing.assert_array_equal(row_view(first, np.array([2, 0]))[:], WHOLE[[5, 7]])


def test_a_split_of_rows_is_that_of_the_array():
    x = np.random.default_rng(0).standard_normal((300, 2)).astype(np.float16)
    parts = Rows([x[:100], x[100:]])
    np.testing.assert_array_equal(split_by_content(parts, 0.3, 1), split_by_content(x, 0.3, 1))


def test_nothing_is_read_before_it_is_asked_for(tmp_path):
    np.save(tmp_path / "x.npy", WHOLE)
    rows = row_view(np.load(tmp_path / "x.npy", mmap_mode="r"), np.array([3, 1]))
    assert isinstance(rows, Rows)
    with pytest.raises(IndexError):
        rows[np.array([2])]

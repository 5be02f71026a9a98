import numpy as np
import pytest

from leafcode.codes import check_codes
from leafcode.errors import InputError


def test_codes_become_int64_without_a_copy_where_they_are():
    codes = np.zeros((2, 3), np.int64)
    assert check_codes(codes) is codes
    assert check_codes(codes.astype(np.int32)).dtype == np.int64
    assert check_codes(np.empty((0, 2), np.int64), rows=0, levels=2).shape == (0, 2)


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ([1, 2], r"codes: found int64 of shape \(2,\)"),
        ([[1.0, 2.0]], "float64"),
        ([[]], r"shape \(1, 0\)"),
        ([[0, 1], [2, -1]], r"codes\[1\]: found \[2, -1\]"),
        ([[0, 2**31]], r"codes\[0\]"),
    ],
)
def test_other_arrays_are_named(codes, message):
    with pytest.raises(InputError, match=message):
        check_codes(codes)


def test_other_sizes_are_named():
    with pytest.raises(InputError, match="found 1 rows; expected 2"):
        check_codes([[0]], rows=2)
    with pytest.raises(InputError, match="found 1 levels; expected 3 levels"):
        check_codes([[0]], levels=3)

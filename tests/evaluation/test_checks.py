import numpy as np
import pytest

from leafcode.errors import InputError
from leafcode.evaluation._checks import (
    check_ancestors,
    check_codes,
    check_embeddings,
    check_positive,
    check_vectors,
    check_widths,
)


@pytest.mark.parametrize(
    ("check", "array", "message"),
    [
        (check_codes, [0, 1], r"given: found an array of shape \(2,\)"),
        (check_codes, [[0.0]], "given: found dtype float64; expected integers"),
        (check_codes, np.zeros((3, 0), int), "given: found no code level"),
        (check_codes, [[0, 0], [2, -1]], r"given: row 1: found the codes \[2, -1\]"),
        (check_ancestors, [[0.5]], "given: found dtype float64; expected integers"),
        (check_ancestors, [[0, 1], [-1, 1]], r"given: row 1: found \[-1, 1\]"),
        (check_ancestors, [[0, -2]], r"given: row 0: found \[0, -2\]"),
        (check_vectors, [[1, 2]], "given: found dtype int64; expected floats"),
        (check_vectors, [[1.0], [np.nan]], "given: row 1: found a NaN or an infinity"),
        (check_vectors, [[np.inf], [1.0]], "given: row 0: found a NaN or an infinity"),
        (check_embeddings, [[1.0, 0.0], [0.0, 0.0]], "given: row 1: found a vector of zeros"),
    ],
)
def test_faults_are_named(check, array, message):
    with pytest.raises(InputError, match=message):
        check(array, "given")


@pytest.mark.parametrize("check", [check_codes, check_ancestors, check_vectors, check_embeddings])
def test_number_of_rows_is_checked(check):
    array = np.ones((2, 2), float if check in (check_vectors, check_embeddings) else int)
    assert check(array, "given", 2).shape == (2, 2)
    with pytest.raises(InputError, match="given: found 2 rows; expected 3 rows"):
        check(array, "given", 3)


def test_small_and_unsigned_integers_become_int64():
    assert check_codes(np.zeros((1, 1), np.uint8), "codes").dtype == np.int64
    assert check_ancestors(np.full((1, 1), -1, np.int32), "ancestors").dtype == np.int64


def test_widths_must_agree():
    with pytest.raises(InputError, match="query: found 3 columns; expected 2"):
        check_widths(np.zeros((1, 2)), np.zeros((1, 3)), "query")


@pytest.mark.parametrize("number", [0, -1, 1.0, True, "3"])
def test_positive_numbers_only(number):
    with pytest.raises(InputError, match=r"k: found .*; expected an integer of 1 or more"):
        check_positive(number, "k")

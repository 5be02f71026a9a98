import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from leafcode.codes import PrefixTree
from leafcode.errors import InputError

codes_arrays = hnp.arrays(
    np.int64, st.tuples(st.integers(0, 25), st.integers(1, 3)), elements=st.integers(0, 3)
)


@given(codes_arrays)
def test_items_children_and_counts_against_brute_force(codes):
    tree = PrefixTree(codes)
    rows = [tuple(row) for row in codes.tolist()]
    asked = {row[:length] for row in rows for length in range(codes.shape[1] + 1)} | {(), (0,), (9,)}
    for prefix in asked:
        held = [i for i, row in enumerate(rows) if row[: len(prefix)] == prefix]
        assert tree.items(prefix).tolist() == sorted(held, key=lambda i: (rows[i], i))
        assert tree.count(prefix) == len(held)
        nexts = [rows[i][len(prefix)] for i in held if len(prefix) < codes.shape[1]]
        children = tree.children(prefix)
        assert children.codes.tolist() == sorted(set(nexts))
        assert children.counts.tolist() == [nexts.count(code) for code in sorted(set(nexts))]


@given(codes_arrays)
def test_prefixes_are_all_there_is(codes):
    tree = PrefixTree(codes)
    for length in range(1, codes.shape[1] + 1):
        expected, counts = np.unique(codes[:, :length], axis=0, return_counts=True)
        found = tree.prefixes(length)
        np.testing.assert_array_equal(found[0], expected)
        np.testing.assert_array_equal(found[1], counts)


@given(codes_arrays, st.data())
def test_longest_prefix_against_brute_force(codes, data):
    shape = (data.draw(st.integers(0, 10)), codes.shape[1])
    queries = data.draw(hnp.arrays(np.int64, shape, elements=st.integers(0, 5)))
    expected = [max((int(np.cumprod(row == query).sum()) for row in codes), default=0) for query in queries]
    assert PrefixTree(codes).longest_prefix(queries).tolist() == expected


def test_codes_as_large_as_int32():
    tree = PrefixTree([[2**31 - 1, 0], [5, 2**31 - 1]])
    assert tree.items((5, 2**31 - 1)).tolist() == [1]
    assert tree.longest_prefix([[2**31 - 1, 1]]).tolist() == [1]


def test_arrays_cannot_be_changed():
    tree = PrefixTree([[1], [0]])
    with pytest.raises(ValueError, match="read-only"):
        tree.items((1,))[0] = 3


def test_what_does_not_fit_is_named():
    tree = PrefixTree([[1, 2], [0, 1]])
    with pytest.raises(InputError, match="prefix: found 3 codes; expected at most 2"):
        tree.items((1, 2, 3))
    with pytest.raises(InputError, match="found 1 levels; expected 2 levels"):
        tree.longest_prefix([[1]])
    for length in (0, 3):
        with pytest.raises(InputError, match=r"expected a length in \[1, 2\]"):
            tree.prefixes(length)


def test_the_length_is_the_number_of_items():
    assert len(PrefixTree([[0], [0], [4]])) == 3

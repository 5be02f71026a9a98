import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafcode.catalog import Attributes
from leafcode.errors import InputError


@st.composite
def catalogues(draw):
    """Columns of two kinds with unknown values, groups, and weights."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    items = draw(st.integers(1, 8))

    def column(values):
        drawn = rng.integers(len(values) + 1, size=items).tolist()
        return [values[place] if place < len(values) else None for place in drawn]

    columns = {
        "price": column([0.5, 1.0, 1.5, 7.0]),
        "brand": column("abc"),
        "size": column(range(-3, 4)),
    }
    return columns, rng.integers(-1, 3, items), {"brand": draw(st.sampled_from([0.5, 3.0]))}


def rank(column, groups, i):
    same = [v for v, g in zip(column, groups, strict=True) if v is not None and g == groups[i]]
    return (sum(v < column[i] for v in same) + 0.5 * sum(v == column[i] for v in same)) / len(same)


def agreement(columns, groups, weights, bandwidth, i, j):
    """The weighted mean over the attributes that both items have, one by one."""
    parts = []
    for name, column in columns.items():
        if column[i] is None or column[j] is None:
            continue
        if isinstance(column[i], str):
            value = float(column[i] == column[j])
        else:
            value = max(0, 1 - abs(rank(column, groups, i) - rank(column, groups, j)) / bandwidth)
        parts.append((weights.get(name, 1.0), value))
    total = sum(weight for weight, _ in parts)
    return sum(weight * value for weight, value in parts) / total if parts else math.nan


@given(catalogues(), st.sampled_from([0.2, 0.5, 1.0]))
def test_every_pair_against_plain_python(catalogue, bandwidth):
    columns, groups, weights = catalogue
    attributes = Attributes.from_columns(columns, groups=groups, weights=weights, bandwidth=bandwidth)
    items = np.arange(len(groups))
    expected = [[agreement(columns, groups, weights, bandwidth, i, j) for j in items] for i in items]
    found = attributes.matrix(items)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(attributes.matrix(items[:1], items[::-1]), found[:1, ::-1])
    known = ~np.isnan(found.diagonal())
    assert (found.diagonal()[known] == 1).all()


def test_prices_are_ranked_within_their_category():
    price, category = [1.0, 2.0, 100.0, 200.0], np.array([0, 0, 1, 1])
    everywhere = Attributes.from_columns({"price": price}, bandwidth=1.0).matrix(np.arange(4))
    within = Attributes.from_columns({"price": price}, groups=category, bandwidth=1.0).matrix(np.arange(4))
    assert everywhere[0].tolist() == [1.0, 0.75, 0.5, 0.25]
    assert within[0].tolist() == [1.0, 0.5, 1.0, 0.5]


def test_kinds_of_columns():
    columns = {
        "array": np.array([1.5, np.nan, 1.5]),
        "text": np.array(["a", " a ", ""]),
        "arrow": pa.chunked_array([["x"], ["x", None]]),
        "dictionary": pa.array(["x", "y", None]).dictionary_encode(),
        "flag": [True, False, None],
        "nothing": [None, None, None],
    }
    attributes = Attributes.from_columns(columns)
    assert attributes.names == ("text", "arrow", "dictionary", "flag", "nothing", "array")
    assert len(attributes) == 3
    assert attributes.matrix(np.arange(3)).tolist()[0] == [1.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({}, {}, "columns: found no attribute"),
        ({"a": [1.0], "b": ["x", "y"]}, {}, "column 'b': found 2 rows; expected 1, as column 'a' has"),
        ({"a": ["x", 1.0]}, {}, "column 'a': found mixed values"),
        ({"a": [["x"]]}, {}, "column 'a': found values of type list"),
        ({"a": [1.0, math.inf]}, {}, "column 'a': row 2: found an infinite number"),
        ({"a": [1.0]}, {"weights": {"b": 1.0}}, "weights: found {'b': 1.0}; expected positive numbers for"),
        ({"a": [1.0]}, {"weights": {"a": 0.0}}, "weights: found"),
        ({"a": [1.0]}, {"weights": {"a": math.nan}}, "weights: found"),
        ({"a": [1.0]}, {"bandwidth": 0.0}, "bandwidth: found 0.0"),
        ({"a": [1.0]}, {"groups": np.array([0, 1])}, r"groups: found int64 \(2,\)"),
    ],
)
def test_bad_columns(columns, options, message):
    with pytest.raises(InputError, match=message):
        Attributes.from_columns(columns, **options)


def test_bad_positions():
    attributes = Attributes.from_columns({"a": ["x", "y"]})
    with pytest.raises(InputError, match="items: found positions from 0 to 2"):
        attributes.matrix(np.array([0, 2]))
    with pytest.raises(InputError, match="others: found float64"):
        attributes.matrix(np.array([0]), np.array([0.0]))
    assert attributes.matrix(np.array([], int)).shape == (0, 0)

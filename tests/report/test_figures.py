import math

import pytest

from leafcode.errors import InputError
from leafcode.report.figures import (
    by_index,
    check_figures,
    decimal,
    listing,
    number,
    percent,
    points,
    section,
)


@pytest.mark.parametrize("undefined", [None, math.nan, math.inf])
def test_what_is_undefined_is_none_and_a_dash(undefined):
    metrics = {"hp_at_10": undefined, "ami": {"1": undefined}}
    assert number(metrics, "hp_at_10") is None
    assert by_index(metrics, "ami") == {1: None}
    assert percent(number(metrics, "hp_at_10")) == decimal(number(metrics, "ami", "1")) == "–"


def test_a_missing_key_is_undefined_at_any_depth():
    assert number({}, "ceiling", "knn", "1") is None
    assert number({"ceiling": None}, "ceiling", "knn", "1") is None
    assert section({"baseline": {"rq_kmeans": None}}, "baseline", "rq_kmeans") == {}


def test_indices_are_in_numeric_order():
    assert list(by_index({"a": {"10": 0.1, "2": 0.2, "1": 0.3}}, "a")) == [1, 2, 10]


@pytest.mark.parametrize("wrong", ["0.5", True, [0.5], {"1": "x"}])
def test_a_figure_that_is_no_number_is_named(wrong):
    with pytest.raises(InputError, match=r"metrics: prefix_accuracy\.1"):
        check_figures({"prefix_accuracy": {"1": wrong}}, "metrics")


def test_zero_is_not_a_dash_and_has_no_sign_of_its_own():
    assert (percent(0.0), points(0.0004), points(-0.0004)) == ("0.0%", "±0.0", "±0.0")


def test_an_empty_listing_is_empty():
    assert listing([]) == ""

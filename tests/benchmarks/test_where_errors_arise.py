import numpy as np
from tests.benchmarks.test_catalogues import OPTIONS, data  # noqa: F401 (a fixture)

from real_catalogues import load
from where_errors_arise import rows, shared_codes


def test_the_longest_prefix_that_anybody_has():
    rng = np.random.default_rng(0)
    train, test = rng.integers(0, 5, (40, 3)), rng.integers(0, 5, (60, 3))
    expected = [max(sum(np.cumprod(code == other)) for other in train) for code in test]
    assert shared_codes(train, test, (5, 5, 5)).tolist() == expected


def test_all_items_are_the_sum_of_those_that_share_so_many_codes(data):  # noqa: F811
    catalog = load(data, "shop", progress=False)
    *some, everything = rows("shop", catalog, OPTIONS, 0)
    assert everything["codes shared"] == "all items"
    assert everything["items"] == "100.0%"
    share = {
        name: float(value[:-1]) / 100 for row in some for name, value in [(row["codes shared"], row["items"])]
    }
    assert abs(sum(share.values()) - 1) < 0.01
    for way in ("tree part", "first code", "codes"):
        of = [float(row[f"right by the {way}"][:-1]) * share[row["codes shared"]] for row in some]
        assert abs(sum(of) - float(everything[f"right by the {way}"][:-1])) < 0.5

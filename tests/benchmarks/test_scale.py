"""Formulas give back the costs that points were made with; the committed pages are of the committed files."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import scale
import scale_page
import speed_page
from scale_cost import COSTS, TERMS, Point, fit
from scale_plan import DIM, breaks, plan

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "benchmarks" / "results"


def made_of(name, coefficients, sizes, *, unseen=None):
    """Points of a cost with known coefficients."""
    terms = [TERMS[term] for term in COSTS[name].terms]
    return [
        Point(
            name,
            n,
            c,
            sum(factor * term(n, c) for factor, term in zip(coefficients, terms, strict=True)),
            (n, c) == unseen,
        )
        for n, c in sizes
    ]


@pytest.mark.parametrize("name", COSTS)
def test_known_coefficients_are_found(name):
    known = [4e-5, 3e-3, 2e-6][-len(COSTS[name].terms) :]
    sizes = [(10**4, 10**3), (10**5, 10**3), (10**6, 10**3), (10**4, 10**5)]
    formula = fit(COSTS[name], made_of(name, known, sizes))
    np.testing.assert_allclose(formula.coefficients, known, rtol=1e-6)
    assert formula.worst < 1e-6
    beyond = made_of(name, known, [(10**9, 10**4)])
    assert formula(10**9, 10**4) == pytest.approx(beyond[0].value)


def test_a_point_kept_for_checking_has_no_part_in_the_fit():
    points = made_of("write", [0.5, 1e-6], [(10**4, 1), (10**6, 1), (10**7, 1)])
    formula = fit(COSTS["write"], [*points, Point("write", 3 * 10**6, 1, 7.0, unseen=True)])
    np.testing.assert_allclose(formula.coefficients, [0.5, 1e-6])
    assert formula.off(formula.points[-1]) == pytest.approx(-0.5)


def test_no_coefficient_below_zero_and_none_from_too_little():
    falling = [Point("write", n, 1, seconds) for n, seconds in ((10**4, 2.0), (10**6, 1.0))]
    assert fit(COSTS["write"], falling).coefficients[1] == 0
    assert fit(COSTS["write"], falling[:1]) is None
    assert fit(COSTS["write"], [falling[0]] * 3) is None
    assert fit(COSTS["write"], []) is None


def test_the_plan_is_arithmetic():
    points = [
        *made_of("embed", [1 / 200], [(512, 0)]),  # on two cores: 100 texts a second of a core
        *made_of("encode memory", [2**30, 100.0], [(10**5, 1), (10**6, 1)]),
    ]
    formulas = scale_page.formulas_of(points)
    rows = {row["what"]: row["1,000,000,000 items"] for row in plan(formulas, cores=2)}
    assert rows["vectors, float16, on disk"] == "768 GB" == f"{2 * DIM} GB"
    assert rows["`embed`, hours of a core"] == f"{10**9 / 100 / 3600:,.0f}"
    assert rows["`embed`, machines for a day"] == str(math.ceil(10**9 / 100 / 86_400 / 16))
    assert rows["registry, memory of that process"] == "101 GB"
    assert rows["`encode`, hours of a core"] == "–"
    first, second, *_ = breaks(formulas, (1024, 256, 64))
    assert first["from"] == "16,777,216 items"
    assert second["from"] == f"{63 * 2**30 / 100:,.0f} items"


@pytest.mark.slow
def test_points_from_measuring_to_the_page(tmp_path):
    vectors = scale.make_vectors(tmp_path / "vectors.npy", 2_000)
    model, points = scale.training(vectors, scale.LEAVES, sizes=(16, 8, 4))
    for items in (1_000, 2_000):
        scale.write_items(tmp_path / "items.parquet", items, scale.LEAVES)
        points += scale.growing(tmp_path / "items.parquet", vectors[:items], model, 10**6)
    formulas = scale_page.formulas_of(points)
    assert {"read", "digest", "split", "sampler", "first batch", "assign", "write"} <= formulas.keys()
    kept = {
        "machine": json.loads((COMMITTED / "scale.json").read_text())["machine"],
        "sizes": [16, 8, 4],
        "points": [vars(one) for one in points],
    }
    assert "Measured: 1,000 to 2,000 items" in scale_page.page(kept)


def test_the_committed_pages_are_those_of_the_committed_files():
    for name, module in (("scale", scale_page), ("speed", speed_page)):
        kept = json.loads((COMMITTED / f"{name}.json").read_text(encoding="utf-8"))
        assert (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") == module.page(kept)

import math
from dataclasses import replace

import pytest
from tests.report.reports import CATALOGUE, SETTINGS, figures, full_report

from leafcode.report import ReportData
from leafcode.report.comparison import chance_margin
from leafcode.report.verdict import judge


def verdict_on(run, contrast_weight=0.1, **baselines):
    settings = replace(SETTINGS, contrast_weight=contrast_weight)
    return judge(ReportData("t", CATALOGUE, settings, {**run, "baseline": baselines}))


def point(verdict, term):
    return dict(verdict.points)[term].replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("lambda_0", "rq_kmeans", "label", "tone"),
    [
        ((0.60, 0.45, 0.20), (0.60, 0.45, 0.20), "Clear gain", "good"),
        ((0.60, 0.55, 0.20), (0.60, 0.55, 0.20), "Clear gain", "good"),
        ((0.60, 0.45, 0.15), (0.60, 0.45, 0.20), "Gain at a price", "fair"),
        ((0.60, 0.45, 0.20), (0.72, 0.55, 0.20), "Partial gain", "fair"),
        ((0.72, 0.55, 0.20), (0.71, 0.56, 0.20), "No clear gain", "fair"),
        ((0.60, 0.65, 0.20), (0.60, 0.45, 0.20), "Mixed", "fair"),
        ((0.60, 0.45, 0.20), (0.80, 0.65, 0.20), "Mixed", "fair"),
        ((0.80, 0.65, 0.20), (0.72, 0.55, 0.20), "Loss", "poor"),
        ((0.80, 0.65, 0.20), (0.85, 0.65, 0.20), "Loss", "poor"),
    ],
)
def test_the_verdict_follows_from_the_figures(lambda_0, rq_kmeans, label, tone):
    verdict = verdict_on(figures(), lambda_0=figures(*lambda_0), rq_kmeans=figures(*rq_kmeans))
    assert (verdict.label, verdict.tone) == (label, tone)


@pytest.mark.parametrize(
    ("error", "clause"),
    [(0.25, "keep more of the content"), (0.2, "equally well"), (0.19, "small price"), (0.17, "high price")],
)
def test_the_headline_names_the_price_against_the_baseline_that_keeps_most(error, clause):
    verdict = verdict_on(figures(), lambda_0=figures(0.6, 0.4, 0.5), rq_kmeans=figures(0.6, 0.4, error))
    assert clause in verdict.headline


def test_gains_costs_and_headroom_in_words():
    verdict = judge(full_report())
    assert "+6.0 and +6.0 points against codes trained without the tree" in point(verdict, "Categories")
    assert "+7.0 and +5.0 points against RQ-KMeans" in point(verdict, "Categories")
    assert "0.5% more than codes trained without the tree" in point(verdict, "Content")
    assert "allows 80.0% and 70.0%; the codes reach 90% and 79% of that" in point(verdict, "Headroom")
    # (0.72 - 0.66) / (0.80 - 0.66) and (0.55 - 0.49) / (0.70 - 0.49)
    assert "the tree closes 43% at depth 1 and 29% at depth 2" in point(verdict, "Headroom")
    assert "25.0% of items share their full code" in point(verdict, "IDs")
    assert "at least 75.0% of the codes are in use" in point(verdict, "IDs")


def test_without_baselines_nothing_is_claimed():
    verdict = verdict_on(figures())
    assert verdict.label == "Not compared"
    assert "72.0%" in verdict.headline
    assert all(tile.change == "" for tile in verdict.tiles)


def test_a_run_without_the_tree_is_compared_with_rq_kmeans_alone():
    verdict = verdict_on(figures(), contrast_weight=0, lambda_0=figures(), rq_kmeans=figures(0.6))
    assert verdict.label == "Baseline run"
    assert "without the tree" not in point(verdict, "Categories")
    assert "vs RQ-KMeans" in verdict.tiles[0].change


def test_without_categories_the_verdict_is_on_content():
    run = {**figures(), "prefix_accuracy": {}}
    data = ReportData("t", replace(CATALOGUE, labelled=0), SETTINGS, run)
    verdict = judge(data)
    assert verdict.label == "Content only"
    assert verdict.headline.startswith("No item has a category")
    assert "Categories" not in dict(verdict.points)


def test_undefined_figures_are_never_called_zero():
    run = {"reconstruction": None, "prefix_accuracy": {"1": math.nan}, "collision_rate": None}
    verdict = judge(ReportData("t", CATALOGUE, SETTINGS, run))
    assert verdict.label == "Not measured"
    assert verdict.tiles == []


def test_a_difference_within_chance_is_no_gain():
    # 1,200 held-out items: about 3.6 points at 72%.
    small = verdict_on(figures(0.72, 0.55), lambda_0=figures(0.70, 0.53))
    assert small.label == "No clear gain"
    assert "3.6" in point(verdict_on(figures(0.72, 0.72)), "Certainty")


def test_the_margin_is_that_of_two_proportions():
    z, p, n = 1.959964, 0.3, 5000
    assert chance_margin(p, n) == pytest.approx(z * math.sqrt(p * (1 - p) / n + p * (1 - p) / n), rel=1e-4)


def test_many_depths_are_told_by_the_first_two_and_the_last():
    run = {"prefix_accuracy": {str(depth): 1 - depth / 10 for depth in range(1, 7)}}
    verdict = judge(ReportData("t", replace(CATALOGUE, depth=6, depth_names=("chapter",)), SETTINGS, run))
    assert [tile.label for tile in verdict.tiles] == [
        "Right chapter",
        "Right category at depth 2",
        "Right category at depth 6",
    ]


def test_poorly_used_levels_are_named():
    verdict = judge(ReportData("t", CATALOGUE, SETTINGS, {**figures(), "utilization": {"1": 1.0, "2": 0.2}}))
    assert "20% at level 2" in point(verdict, "IDs")


def test_no_held_out_items_are_owned_up_to():
    data = ReportData("t", replace(CATALOGUE, held_out=0), SETTINGS, figures())
    assert "No item was held out" in point(judge(data), "Certainty")

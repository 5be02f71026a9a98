import re

import pytest
from tests.report.comparisons import baselines, comparison, run, setting, shifted

from leafcode.report.compare_verdict import judge_comparison


def texts(verdict):
    return dict(verdict.points)


def test_a_clear_gain_within_the_limit_is_worth_it():
    verdict = judge_comparison(comparison(shifted("tree", 0.1, 0.204, settings={"lambda": 1.25})))
    assert (verdict.tone, verdict.label) == ("good", "Worth it")
    assert re.search(r"leafcode \(λ 1.25\) gives 25.0% fewer .* and 2.0% more content lost", verdict.headline)
    assert "λ = 1.25, as leafcode fit finds it" in texts(verdict)["λ"]
    assert "33.3%" in texts(verdict)["Gain"]
    assert "20.0%" in texts(verdict)["Gain"]
    assert verdict.tiles[0].value == "−25.0%"


def test_a_gain_whose_interval_includes_zero_is_not():
    noisy = setting("tree", [run(0.9, 0.6), run(0.6, 0.4), run(0.75, 0.6)])
    verdict = judge_comparison(comparison(noisy))
    assert verdict.label == "Not worth it here"
    assert "includes 0" in verdict.headline


def test_no_gain_at_all_is_not():
    verdict = judge_comparison(comparison(shifted("tree", -0.05, 0.2)))
    assert (verdict.tone, verdict.label) == ("poor", "Not worth it here")
    assert "12.5% more wrong categories" in verdict.headline


def test_a_gain_beyond_the_limit_is_not_and_says_why():
    data = comparison(shifted("tree", 0.1, 0.22))
    verdict = judge_comparison(data)
    assert verdict.label == "Not worth it here"
    assert "at too high a price" in verdict.headline
    assert "10.0% more content lost; the limit is 5.0%" in verdict.headline
    assert judge_comparison(comparison(shifted("tree", 0.1, 0.22), limit=1.2)).label == "Worth it"


def test_a_cheaper_strength_is_found_where_the_default_costs_too_much():
    default = shifted("tree", 0.15, 0.23, settings={"lambda": 4.0})
    small = shifted("tree", 0.1, 0.205, strength=0.5, settings={"lambda": 0.5})
    verdict = judge_comparison(comparison(default, small))
    assert verdict.label == "Worth it"
    assert "leafcode (λ 0.5)" in verdict.headline
    assert "--contrast-weight 0.5" in texts(verdict)["λ"]
    assert "At its default (λ 4)" in texts(verdict)["leafcode"]


def test_one_seed_proves_nothing():
    verdict = judge_comparison(comparison(shifted("tree", 0.1, 0.2, seeds=1), seeds=1))
    assert verdict.label == "One seed only"
    assert "cannot tell a gain from chance" in verdict.headline


def test_a_rival_that_is_as_good_is_named_with_its_time():
    tree = shifted("tree", 0.1, 0.2)
    lda = setting(
        "lda", [run(0.81, 0.61, seconds=2.0), run(0.79, 0.59, seconds=2.0), run(0.795, 0.6, seconds=2.0)]
    )
    verdict = judge_comparison(comparison(tree, lda))
    assert "leafcode gives" in verdict.headline
    assert texts(verdict)["Rivals"].startswith("As good, as far as these seeds can tell: LDA with ")
    assert "2 s of training instead of 10" in texts(verdict)["Rivals"]


def test_a_rival_that_is_behind_is_not_called_as_good():
    verdict = judge_comparison(comparison(shifted("tree", 0.1, 0.2), shifted("lda", 0.05, 0.2)))
    assert texts(verdict)["Rivals"].startswith("Worth it too, but behind: LDA")


def test_a_rival_that_wins_is_the_headline_and_ours_is_told_below():
    verdict = judge_comparison(comparison(shifted("tree", 0.05, 0.2), shifted("lda", 0.1, 0.2)))
    assert "LDA gives" in verdict.headline
    assert "12.5% fewer wrong categories" in texts(verdict)["leafcode"]
    assert "λ" not in texts(verdict)


@pytest.mark.parametrize("settings", [[], baselines(), [shifted("tree", 0.1, 0.2)]])
def test_without_a_baseline_or_a_rival_nothing_is_compared(settings):
    assert judge_comparison(comparison(settings=settings)).label == "Not compared"

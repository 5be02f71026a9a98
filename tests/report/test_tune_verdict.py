import dataclasses

import pytest
from tests.report.tunings import TRIALS, WITHOUT_TREE, point, tuning

from leafcode.report.tune_verdict import judge_tuning


def said(data):
    verdict = judge_tuning(data)
    return verdict.tone, verdict.label, verdict.headline, dict(verdict.points)


def test_the_headline_is_about_items_that_no_trial_saw():
    tone, label, headline, points = said(tuning())
    assert (tone, label) == ("good", "Take λ = 1.3")
    assert "20.0% fewer" in headline
    assert "1.5% more content" in headline
    assert "180 items" in points["Held-out items"]
    assert "25.0% fewer" in points["Held-out items"]
    assert "1.010 times" in points["Held-out items"]


def test_auto_is_told_from_the_same_items():
    assert "λ = 0.8: its codes name the wrong category for 17.5% fewer" in said(tuning())[3]["auto"]
    points = said(tuning(checks=()))[3]
    assert "λ = 0.7" in points["auto"]
    assert points["auto"].endswith("on the items of the trials.")


def test_without_held_out_items_the_headline_is_about_the_trials():
    _, _, headline, points = said(tuning(checks=()))
    assert "25.0% fewer" in headline
    assert "choice was made by" in points["Held-out items"]


def test_a_limit_that_the_held_out_items_exceed_is_told():
    tone, label, _, points = said(tuning(checks=[WITHOUT_TREE, point("trial 0", 1.04, 0.3, 1.3)]))
    assert (tone, label) == ("fair", "Take λ = 1.3")
    assert "cost 1.040 times" in points["Limit"]


def test_a_gain_that_is_not_confirmed():
    tone, label, headline, _ = said(tuning(checks=[WITHOUT_TREE, point("trial 0", 1.01, 0.41, 1.3)]))
    assert (tone, label) == ("poor", "Not worth it here")
    assert "more items than without the tree" in headline
    assert "not confirmed" in headline


def test_where_the_tree_had_nothing_to_make_good():
    auto = dataclasses.replace(point("auto", 1.03, 0.01), reduction=float("nan"))
    points = said(tuning(recommended=None, command="", auto=auto, checks=()))[3]
    assert "1.0% of the items, where those without the tree make no mistake" in points["auto"]


@pytest.mark.parametrize(
    ("changes", "label", "told"),
    [
        ({"trials": TRIALS[1:], "limit": 1.02}, "None within the limit", "the nearest has 1.050 times"),
        ({"trials": [point("trial 0", 1.0, 0.4)]}, "Not worth it here", "None of the 1 trial within"),
        ({"trials": [], "front": []}, "No result", "No trial"),
    ],
)
def test_nothing_to_recommend_is_said_plainly(changes, label, told):
    _, found, headline, points = said(tuning(recommended=None, command="", **changes))
    assert found == label
    assert told in headline
    assert ("Limit" in points) == (label == "None within the limit")


def test_trials_are_counted():
    points = said(tuning(failed=["not finite"]))[3]
    assert points["Trials"].startswith("3 trials of 6 complete, 2 on the front, 2 stopped early")
    assert points["Trials"].endswith("1 failed.")

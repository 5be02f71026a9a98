import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pipeline.outcomes import WITHOUT_TREE, outcome, trial, tuned

from leafcode.pipeline.tune_result import AUTO
from leafcode.pipeline.tune_result import WITHOUT_TREE as WITHOUT_TREE_NAME

SHARES = st.sampled_from([0.1, 0.2, 0.25, 0.29, 0.3, 0.35])
RATIOS = st.sampled_from([0.98, 1.0, 1.01, 1.05, 1.1])


@given(st.lists(st.tuples(RATIOS, SHARES), max_size=8))
def test_the_recommended_trial_has_the_lowest_error_within_the_limit(objectives):
    trials = [trial(number, *pair) for number, pair in enumerate(objectives)]
    found = tuned(trials)
    within = [pair for pair in objectives if pair[0] <= 1.02 and pair[1] < WITHOUT_TREE.error - 1e-9]
    if not within:
        assert found.recommended is None
    else:
        lowest = min(error for _, error in within)
        cheapest = min(ratio for ratio, error in within if error == lowest)
        best = objectives[found.recommended.number]
        assert best == pytest.approx((cheapest, lowest))
        assert found.recommended in found.front
    assert [one.outcome.reconstruction for one in found.front] == sorted(
        one.outcome.reconstruction for one in found.front
    )


def test_the_recommended_trial_is_checked_between_its_neighbours():
    found = tuned(
        [trial(n, r, e) for n, (r, e) in enumerate([(1.2, 0.1), (1.0, 0.25), (1.01, 0.2), (0.99, 0.28)])]
    )
    assert found.recommended.number == 2
    assert list(found.to_check()) == ["trial 1", "trial 2", "trial 0"]


def test_without_a_recommendation_the_cheapest_of_the_front_is_checked():
    found = tuned([trial(0, 1.2, 0.1), trial(1, 1.1, 0.2), trial(2, state="pruned")])
    assert found.recommended is None
    assert list(found.to_check()) == ["trial 1"]
    assert tuned([trial(0, state="pruned")]).to_check() == {}


def test_the_table_has_a_row_per_trial_and_nulls_where_nothing_is_known():
    trials = [trial(0, 1.01, 0.2), trial(2, state="pruned"), trial(3, state="failed", message="not finite")]
    rows = tuned(trials).table().to_pylist()
    assert [(row["trial"], row["state"], row["on_front"], row["recommended"]) for row in rows] == [
        (0, "complete", True, True),
        (2, "pruned", False, False),
        (3, "failed", False, False),
    ]
    assert rows[0]["reconstruction_ratio"] == pytest.approx(1.01)
    assert (rows[0]["error"], rows[0]["prefix_accuracy_2"]) == (pytest.approx(0.2), pytest.approx(0.8))
    assert (rows[1]["error"], rows[1]["start_error"]) == (None, pytest.approx(0.5))
    assert (rows[2]["start_error"], rows[2]["message"]) == (None, "not finite")


def test_an_empty_study_has_an_empty_table_of_the_same_columns():
    empty, full = tuned([]).table(), tuned([trial(0, 1.0, 0.2)]).table()
    assert (empty.num_rows, empty.schema) == (0, full.schema)


def test_points_are_measured_against_lambda_0_on_the_same_items():
    checks = {
        WITHOUT_TREE_NAME: outcome(2.0, 0.4),
        AUTO: outcome(2.2, 0.3, 0.9),
        "trial 0": outcome(1.9, 0.2),
    }
    without, auto, best = tuned([trial(0, 1.0, 0.2)], checks=checks).checked_points()
    assert (without.ratio, without.reduction) == (1.0, 0.0)
    assert (auto.ratio, auto.reduction, auto.weight) == (pytest.approx(1.1), pytest.approx(0.25), 0.9)
    assert (best.ratio, best.reduction) == (pytest.approx(0.95), pytest.approx(0.5))
    assert best.parameters == {"λ": 1.0, "share of code 2": 0.25, "temperature": 0.1}
    assert not math.isnan(best.error)

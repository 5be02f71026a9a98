import math

import numpy as np
import pytest
from tests.report.comparisons import baselines, comparison, run, setting

from leafcode.evaluation import mean_interval


def test_a_gain_is_told_against_the_better_baseline_of_each_seed():
    a = setting("rq_kmeans", [run(0.6, 0.4, 0.2), run(0.8, 0.4, 0.3)])
    b = setting("without_tree", [run(0.7, 0.2, 0.4), run(0.7, 0.5, 0.1)])
    ours = setting("tree", [run(0.85, 0.6, 0.3), run(0.9, 0.75, 0.2)])
    data = comparison(settings=[a, b, ours], seeds=2)
    assert data.ratio(ours) == mean_interval([0.3 / 0.2, 0.2 / 0.1])
    assert data.reduction(ours, depth=1).mean == pytest.approx(np.mean([1 - 0.15 / 0.3, 1 - 0.1 / 0.2]))
    assert data.reduction(ours, depth=2).mean == pytest.approx(np.mean([1 - 0.4 / 0.6, 1 - 0.25 / 0.5]))
    # Over both depths: the baseline whose mean error is smaller, that is a in the first seed.
    means = [1 - (0.15 + 0.4) / (0.4 + 0.6), 1 - (0.1 + 0.25) / (0.2 + 0.6)]
    assert data.reduction(ours).mean == pytest.approx(np.mean(means))


def test_the_better_baseline_gains_nothing_over_itself():
    data = comparison()
    kmeans, without = data.baselines
    assert data.reduction(kmeans)[:3] == (0.0, 0.0, 0.0)
    assert data.ratio(without)[:3] == (1.0, 1.0, 1.0)
    assert data.ratio(kmeans).mean == pytest.approx(1.05)


def test_only_seeds_that_all_have_are_paired():
    kmeans, without = baselines()
    del without.runs[2]
    ours = setting("tree", [run(0.8, 0.6)])
    data = comparison(settings=[kmeans, without, ours])
    assert data.reduction(ours).seeds == 1
    assert data.reduction(kmeans, [without]).seeds == 2


def test_undefined_figures_stay_undefined():
    ours = setting("tree", [run(0.8, 0.6) | {"reconstruction": None, "prefix_accuracy": {"1": None}}])
    data = comparison(ours)
    assert math.isnan(data.ratio(ours).mean)
    assert math.isnan(data.reduction(ours).mean)
    assert math.isnan(data.ratio(ours, []).mean)
    assert data.depths == [1, 2]


def test_the_dial_is_the_first_of_the_settings():
    ours = setting("tree", [run(0.8, 0.6, settings={"lambda": w, "best_step": 9.0}) for w in (1.0, 2.0)])
    assert (ours.dial[0], ours.dial[1].mean) == ("λ", 1.5)
    assert setting("tree", [run(0.8, 0.6)]).dial is None
    assert setting("without_tree", [run(0.8, 0.6, settings={"best_step": 9.0})]).dial is None

import io

import pytest
from tests.pipeline.outcomes import outcome, tuned
from tqdm import tqdm

from leafcode.errors import TrainingError
from leafcode.pipeline import FitOptions
from leafcode.pipeline.tune_runs import PRUNING_MARGIN, Runs
from leafcode.pipeline.tune_study import open_study
from leafcode.training import TrainingConfig


class Planned:
    """A split on which training is not done but planned: pairs of first and last outcome."""

    def __init__(self, *plan):
        self.plan, self.trained = list(plan), []

    def run(self, options, training, device, at_start=None):
        self.trained.append(training)
        start, end = self.plan.pop(0)
        if at_start is not None and start is not None:
            at_start(start)
        if isinstance(end, Exception):
            raise end
        return end


@pytest.fixture
def study(tmp_path):
    with open_study(tmp_path / "study.db", {}, levels=3, seed=0) as study:
        yield study


def run_all(study, split):
    runs = Runs(study, FitOptions(), TrainingConfig(), "cpu", tqdm(disable=True, file=io.StringIO()))
    while split.plan:
        runs.trial(split, tuned(study.trials()))
    return study.trials()


def test_a_trial_whose_first_codes_are_clearly_worse_than_another_s_ends_there(study):
    near = 1 + PRUNING_MARGIN / 2
    split = Planned(
        (outcome(1.1, 0.4), outcome(1.0, 0.2)),
        (outcome(1.2, 0.5), outcome(0.1, 0.1)),  # worse in both
        (outcome(1.1 * near, 0.4 * near), outcome(1.0, 0.3)),  # worse by less than the margin
        (outcome(1.5, 0.3), outcome(1.3, 0.1)),  # worse in one
        (outcome(1.45, 0.45), outcome(0.1, 0.1)),  # worse than the first only
    )
    trials = run_all(study, split)
    assert [trial.state for trial in trials] == ["complete", "pruned", "complete", "complete", "pruned"]
    assert [trial.outcome is None for trial in trials] == [False, True, False, False, True]
    assert trials[1].start == outcome(1.2, 0.5)


def test_a_pruned_trial_prunes_no_other(study):
    split = Planned(
        (outcome(1.1, 0.4), outcome(1.0, 0.2)),
        (outcome(1.2, 0.5), None),
        (outcome(1.3, 0.39), outcome(1.0, 0.2)),
    )
    assert [trial.state for trial in run_all(study, split)] == ["complete", "pruned", "complete"]


def test_a_trial_is_trained_with_its_setting_and_all_else_as_given(study):
    split = Planned((outcome(1.1, 0.4), outcome(1.0, 0.2)))
    (trial,) = run_all(study, split)
    assert split.trained == [trial.setting.apply(TrainingConfig())]


def test_the_first_trial_is_what_auto_stands_for(study):
    (trial,) = run_all(study, Planned((outcome(1.1, 0.4), outcome(1.0, 0.2))))
    assert trial.setting == tuned([]).auto_setting


def test_training_that_fails_is_told_and_the_next_trial_is_another(study):
    split = Planned((None, TrainingError("The loss is not finite.")), (outcome(1.1, 0.4), outcome(1.0, 0.2)))
    failed, complete = run_all(study, split)
    assert failed.state == "failed"
    assert failed.message == f"{' '.join(failed.setting.words())}: The loss is not finite."
    assert complete.setting != failed.setting


def test_outcomes_beside_the_trials_are_computed_once(study):
    split = Planned((None, outcome(1.0, 0.2)))
    runs = Runs(study, FitOptions(), TrainingConfig(), "cpu", tqdm(disable=True, file=io.StringIO()))
    assert [runs.once("auto", split, TrainingConfig()) for _ in range(2)] == [outcome(1.0, 0.2)] * 2
    assert len(split.trained) == 1

"""Trials and outcomes made up for the tests of a tuning."""

from leafcode.pipeline.tune_result import Tuned
from leafcode.pipeline.tune_study import Trial
from leafcode.pipeline.tune_trial import Outcome, Setting
from leafcode.training import TrainingConfig

WITHOUT_TREE = Outcome(0.2, (0.8, 0.6), 0.1, 0.0)


def outcome(ratio, error, weight=1.0):
    """An outcome with these objectives beside `WITHOUT_TREE`."""
    return Outcome(0.2 * ratio, (1 - error, 1 - error), 0.2, weight)


def trial(number, ratio=None, error=None, state="complete", message=""):
    """A trial that ended with these objectives, or without any."""
    end = None if ratio is None else outcome(ratio, error, float(number))
    start = None if state == "failed" else outcome(1.5, 0.5)
    return Trial(number, state, Setting(float(number), 0.25, 0.1), start, end, 2.0, message)


def tuned(trials, limit=1.02, checks=None):
    """What follows from trials beside `WITHOUT_TREE`."""
    auto = outcome(1.01, 0.28, 0.7)
    return Tuned(trials, TrainingConfig(), WITHOUT_TREE, auto, limit, checks or {})

"""The runs of a tuning: trials, and the settings that are measured beside them."""

from __future__ import annotations

import dataclasses
import time

from tqdm import tqdm

from leafcode.errors import TrainingError
from leafcode.evaluation import clearly_dominated
from leafcode.pipeline.fit import FitOptions
from leafcode.pipeline.tune_result import Tuned
from leafcode.pipeline.tune_study import Study, Trial
from leafcode.pipeline.tune_trial import Outcome, Split
from leafcode.training import TrainingConfig

PRUNING_MARGIN = 0.02
"""A trial ends early if the first codes of a complete one are better by this share in both objectives."""


class Runs:
    """Trains and measures, and keeps in the study what came of it.

    Args:
        study: Where outcomes are kept.
        options: Shape of the model.
        training: What all runs have in common.
        device: Where to train.
        bar: Says what is running.
    """

    def __init__(
        self, study: Study, options: FitOptions, training: TrainingConfig, device: str, bar: tqdm[None]
    ) -> None:
        self._study, self._options, self._training = study, options, training
        self._device, self._bar = device, bar

    def once(self, name: str, split: Split, training: TrainingConfig) -> Outcome:
        """The outcome of some settings; trained the first time, read from the study afterwards."""

        def run() -> dict[str, object]:
            self._bar.set_postfix_str(name)
            return split.run(self._options, training, self._device).to_json()

        return Outcome.from_json(self._study.once(name, run))

    def trial(self, split: Split, tuned: Tuned) -> None:
        """Run the next trial, which ends early if its first codes are clearly worse than others' were.

        The first codes are those that k-means turns towards the tree before the last phase of training, which
        improves both objectives in much the same way for all settings.
        A trial whose training fails is written down as such, with the reason.

        Args:
            split: What trials are trained and measured on.
            tuned: The trials so far. The first one tries what ``auto`` stands for.
        """
        import optuna

        number, setting = self._study.propose(tuned.auto_setting)
        self._bar.set_postfix_str(f"λ = {setting.contrast_weight:g}")
        rivals = [_first(one.start) for one in tuned.complete if one.start is not None]
        begun = time.monotonic()
        trial = Trial(number, "failed", setting, None, None, 0.0)

        def judge(start: Outcome) -> None:
            nonlocal trial
            trial = dataclasses.replace(trial, start=start)
            if clearly_dominated(_first(start), rivals, PRUNING_MARGIN):
                raise optuna.TrialPruned

        try:
            outcome = split.run(self._options, setting.apply(self._training), self._device, judge)
            trial = dataclasses.replace(trial, state="complete", outcome=outcome)
        except optuna.TrialPruned:
            trial = dataclasses.replace(trial, state="pruned")
        except TrainingError as error:
            trial = dataclasses.replace(trial, message=f"{' '.join(setting.words())}: {error}")
        trial = dataclasses.replace(trial, seconds=time.monotonic() - begun)
        objectives = None if trial.outcome is None else trial.outcome.objectives(tuned.without_tree)
        self._study.end(trial, objectives)


def _first(start: Outcome) -> tuple[float, float]:
    """Both objectives of first codes; a common factor changes no comparison."""
    return start.reconstruction, start.error

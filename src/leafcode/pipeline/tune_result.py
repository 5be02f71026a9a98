"""What a tuning found: its trials, the front of gain against cost, and the setting to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import pyarrow as pa

from leafcode.evaluation import mean_error_reduction, non_dominated, to_json
from leafcode.pipeline.tune_study import Trial
from leafcode.pipeline.tune_trial import Outcome, Setting
from leafcode.report.tune_data import TunedPoint
from leafcode.training import TrainingConfig

WITHOUT_TREE, AUTO = "λ = 0", "auto"


@dataclass(frozen=True)
class Tuned:
    """The trials of a study, and what follows from them.

    Attributes:
        trials: Those that have ended.
        training: What all runs have in common; with the weight that it found, the setting of ``auto``.
        without_tree: Outcome of lambda = 0 on the items that trials are measured on.
        auto: Outcome of lambda = ``auto`` on them.
        limit: How many times the reconstruction error of lambda = 0 the recommended setting may have.
        checks: Outcomes on the held-out items, by the name of a setting: `WITHOUT_TREE`, `AUTO`, or that of a
            trial; empty before the end, or if nothing is held out.
    """

    trials: Sequence[Trial]
    training: TrainingConfig
    without_tree: Outcome
    auto: Outcome
    limit: float
    checks: Mapping[str, Outcome] = field(default_factory=dict)

    @property
    def complete(self) -> list[Trial]:
        """The trials with an outcome."""
        return [trial for trial in self.trials if trial.outcome is not None]

    @property
    def front(self) -> list[Trial]:
        """Complete trials that no other one beats in both objectives, by rising reconstruction error."""
        complete = self.complete
        ahead = non_dominated(np.reshape([self._objectives(trial) for trial in complete], (-1, 2)))
        return sorted((complete[place] for place in np.flatnonzero(ahead)), key=self._objectives)

    @property
    def recommended(self) -> Trial | None:
        """The trial of the lowest error within the limit, if its error is lower than that of lambda = 0."""
        within = [trial for trial in self.front if self._objectives(trial)[0] <= self.limit]
        # Along the front the error falls while the reconstruction error rises.
        if not within or self._objectives(within[-1])[1] >= self.without_tree.error:
            return None
        return within[-1]

    @property
    def auto_setting(self) -> Setting:
        """What ``auto`` stands for."""
        shares = self.training.level_weights
        second = shares[1] if len(shares) > 1 else None
        return Setting(self.auto.contrast_weight, second, self.training.temperature)

    def to_check(self) -> dict[str, Setting]:
        """Settings to measure on the held-out items: the recommended one and its neighbours on the front.

        Where none is recommended, the setting of the front that costs least.
        """
        front, best = self.front, self.recommended
        if best is None:
            near = front[:1]
        else:
            place = front.index(best)
            near = front[max(place - 1, 0) : place + 2]
        return {trial_name(trial): trial.setting for trial in near}

    def points(self, trials: Sequence[Trial]) -> list[TunedPoint]:
        """Complete trials as the page shows them."""
        return [
            self._point(trial_name(trial), trial.outcome, trial.setting) for trial in trials if trial.outcome
        ]

    def reference_points(self) -> tuple[TunedPoint, TunedPoint]:
        """Lambda = 0 and ``auto``, on the items that trials are measured on."""
        auto = self._point(AUTO, self.auto, self.auto_setting)
        return self._point(WITHOUT_TREE, self.without_tree), auto

    def checked_points(self) -> list[TunedPoint]:
        """The settings that were measured on the held-out items."""
        settings = {AUTO: self.auto_setting, **{trial_name(one): one.setting for one in self.trials}}
        return [
            self._point(name, outcome, settings.get(name), self.checks[WITHOUT_TREE])
            for name, outcome in self.checks.items()
        ]

    def _point(
        self, name: str, outcome: Outcome, setting: Setting | None = None, without_tree: Outcome | None = None
    ) -> TunedPoint:
        """An outcome beside that of lambda = 0 on the same items."""
        base = without_tree or self.without_tree
        parameters = {"λ": outcome.contrast_weight}
        if setting is not None:
            if setting.second_share is not None:
                parameters["share of code 2"] = setting.second_share
            parameters["temperature"] = setting.temperature
        ratio, error = outcome.objectives(base)
        reduction = mean_error_reduction(outcome.accuracy, base.accuracy)
        return TunedPoint(name, parameters, ratio, error, reduction, outcome.collision_rate, outcome.accuracy)

    def table(self) -> pa.Table:
        """A row per trial: setting, objectives, measures, and where it stands; null where undefined."""
        depths = [f"prefix_accuracy_{depth}" for depth in range(1, len(self.without_tree.accuracy) + 1)]
        figures = ("reconstruction_ratio", "error", "reconstruction", "collision_rate", *depths)
        schema = pa.schema(
            [
                ("trial", pa.int64()),
                ("state", pa.string()),
                *((name, pa.float64()) for name in ("contrast_weight", "second_share", "temperature")),
                *((name, pa.float64()) for name in figures),
                ("on_front", pa.bool_()),
                ("recommended", pa.bool_()),
                *((name, pa.float64()) for name in ("start_reconstruction", "start_error", "seconds")),
                ("message", pa.string()),
            ]
        )
        front, best = {trial.number for trial in self.front}, self.recommended
        rows = []
        for trial in self.trials:
            row = {"trial": trial.number, "state": trial.state, **asdict(trial.setting)}
            if trial.outcome is not None:
                end = trial.outcome
                values = (*self._objectives(trial), end.reconstruction, end.collision_rate, *end.accuracy)
                row |= dict(zip(figures, values, strict=True))
            if trial.start is not None:
                row |= {"start_reconstruction": trial.start.reconstruction, "start_error": trial.start.error}
            row |= {"on_front": trial.number in front, "recommended": trial is best}
            rows.append(to_json(row | {"seconds": trial.seconds, "message": trial.message}))
        return pa.Table.from_pylist(rows, schema)

    def _objectives(self, trial: Trial) -> tuple[float, float]:
        if trial.outcome is None:
            raise ValueError(f"trial {trial.number} has no outcome")
        return trial.outcome.objectives(self.without_tree)


def trial_name(trial: Trial) -> str:
    """What a trial is called."""
    return f"trial {trial.number}"

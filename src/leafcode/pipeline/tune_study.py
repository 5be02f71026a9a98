"""The study of `leafcode tune`: trials that Optuna proposes, in an SQLite file from which it can go on."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from scipy.stats import qmc

from leafcode.errors import InputError
from leafcode.pipeline.resuming import check_same
from leafcode.pipeline.tune_trial import Outcome, Setting

if TYPE_CHECKING:
    import optuna

WEIGHTS, SHARES, TEMPERATURES = (0.05, 8.0), (0.0, 3.0), (0.03, 0.3)
"""Where lambda, the share of level 2 and the temperature are searched; the first and the last by their
logarithms."""

_SPREAD_TRIALS = 8
"""Trials after the first that are spread over the space, before there is enough to learn from."""

_NAME = "leafcode tune"
_IDENTITY = "identity"

State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True)
class Trial:
    """A trial that has ended.

    Attributes:
        number: Counted from 0 in the study; a trial that was interrupted leaves a gap.
        state: ``complete``; ``pruned`` before its codes were trained; ``failed`` in training.
        setting: What was tried.
        start: Outcome of its first codes; None if training failed before.
        outcome: Outcome in the end; None unless it is complete.
        seconds: How long it took.
        message: Why it failed; empty otherwise.
    """

    number: int
    state: State
    setting: Setting
    start: Outcome | None
    outcome: Outcome | None
    seconds: float
    message: str = ""


def need_optuna() -> None:
    """Raise InputError, saying how to install it, where Optuna is missing."""
    if importlib.util.find_spec("optuna") is None:
        hint = "Install it with: pip install 'leafcode[tune]'"
        raise InputError("leafcode tune", "no Optuna", "the package optuna", hint)


class Study:
    """Trials on disk; open one with `open_study`.

    Args:
        study: Optuna's.
        levels: Number of code levels.
        seed: Trial k is proposed from this seed, k and the trials before it, so that a study that was
            stopped proposes what it would have proposed.
    """

    def __init__(self, study: optuna.Study, levels: int, seed: int) -> None:
        self._study, self._levels, self._seed = study, levels, seed
        self._open: optuna.Trial

    def trials(self) -> list[Trial]:
        """The trials that have ended, in order."""
        return [trial for one in self._study.trials if (trial := _read(one)) is not None]

    def propose(self, first: Setting) -> tuple[int, Setting]:
        """Number and setting of the next trial, which `end` has to end.

        Args:
            first: What the first trial of the study is to try, as near as the space allows.
        """
        import optuna

        ended = len(self.trials())
        seed = int(np.random.SeedSequence([self._seed, ended]).generate_state(1)[0])
        self._study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=_SPREAD_TRIALS)
        if ended == 0:
            self._study.enqueue_trial(_nearest(first))
        elif ended <= _SPREAD_TRIALS:
            self._study.enqueue_trial(_spread(ended - 1, self._seed))
        self._open = self._study.ask()
        self._open.suggest_float("contrast_weight", *WEIGHTS, log=True)
        if self._levels > 1:
            self._open.suggest_float("second_share", *SHARES)
        self._open.suggest_float("temperature", *TEMPERATURES, log=True)
        return self._open.number, _setting(self._open.params)

    def end(self, trial: Trial, objectives: tuple[float, float] | None) -> None:
        """Write down how the trial that was proposed last ended; its objectives if it is complete."""
        import optuna

        states = optuna.trial.TrialState
        notes = {"start": trial.start, "outcome": trial.outcome}
        for name, outcome in notes.items():
            self._open.set_user_attr(name, outcome and outcome.to_json())
        self._open.set_user_attr("seconds", trial.seconds)
        self._open.set_user_attr("message", trial.message)
        # Last, in one transaction: until then the trial counts as interrupted.
        if objectives is not None:
            self._study.tell(self._open, objectives)
        else:
            self._study.tell(self._open, state=states.PRUNED if trial.state == "pruned" else states.FAIL)

    def once(self, name: str, compute: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """A JSON object that is computed the first time and read afterwards."""
        if name not in self._study.user_attrs:
            self._study.set_user_attr(name, dict(compute()))
        kept: Mapping[str, Any] = self._study.user_attrs[name]
        return kept


@contextlib.contextmanager
def open_study(path: Path, identity: Mapping[str, Any], *, levels: int, seed: int) -> Iterator[Study]:
    """A study in an SQLite file, new where there is no such file.

    Args:
        path: The file.
        identity: Settings and catalogue that all trials of a study have in common, of JSON types.
        levels: Number of code levels.
        seed: Of the proposals.

    Raises:
        InputError: Optuna is not installed, the file is no study, or one with another identity.
    """
    need_optuna()
    import optuna
    from sqlalchemy.engine import URL
    from sqlalchemy.exc import SQLAlchemyError

    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        url = URL.create("sqlite", database=str(path.resolve())).render_as_string()
        try:
            storage = optuna.storages.RDBStorage(url)
            study = optuna.create_study(
                storage=storage, study_name=_NAME, directions=["minimize"] * 2, load_if_exists=True
            )
        except (SQLAlchemyError, RuntimeError) as error:
            raise InputError(
                str(path), f"no study that can be read ({error})", "a file written by leafcode tune"
            ) from error
        try:
            if _IDENTITY not in study.user_attrs:
                study.set_user_attr(_IDENTITY, dict(identity))
            check_same(str(path), study.user_attrs[_IDENTITY], identity)
            _close_interrupted(study)
            yield Study(study, levels, seed)
        finally:
            storage.remove_session()
            storage.engine.dispose()
    finally:
        optuna.logging.set_verbosity(verbosity)


def _close_interrupted(study: optuna.Study) -> None:
    """End the trials that a stopped process left open; those in their places will be proposed the same."""
    import optuna

    states = optuna.trial.TrialState
    for _ in study.get_trials(states=(states.WAITING,)):
        study.ask()
    for trial in study.get_trials(states=(states.RUNNING,)):
        study.tell(trial.number, state=states.FAIL)


def _nearest(setting: Setting) -> dict[str, float]:
    """Parameters of the setting, moved into the space."""
    return {
        "contrast_weight": min(max(setting.contrast_weight, WEIGHTS[0]), WEIGHTS[1]),
        "second_share": min(max(setting.second_share or 0.0, SHARES[0]), SHARES[1]),
        "temperature": min(max(setting.temperature, TEMPERATURES[0]), TEMPERATURES[1]),
    }


def _spread(place: int, seed: int) -> dict[str, float]:
    """Parameters of one of the first trials, which cover the space evenly (Halton 1960, scrambled)."""
    weight, share, temperature = qmc.Halton(d=3, seed=seed).random(place + 1)[place].tolist()
    return {
        "contrast_weight": WEIGHTS[0] * (WEIGHTS[1] / WEIGHTS[0]) ** weight,
        "second_share": SHARES[0] + (SHARES[1] - SHARES[0]) * share,
        "temperature": TEMPERATURES[0] * (TEMPERATURES[1] / TEMPERATURES[0]) ** temperature,
    }


def _read(trial: optuna.trial.FrozenTrial) -> Trial | None:
    """What `Study.end` wrote; None for a trial that was interrupted or has only begun."""
    found = trial.user_attrs
    state = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}.get(trial.state.name)
    if state is None or (state == "failed" and not found.get("message")):
        return None
    return Trial(
        number=trial.number,
        state=cast("State", state),
        setting=_setting(trial.params),
        start=found["start"] and Outcome.from_json(found["start"]),
        outcome=found["outcome"] and Outcome.from_json(found["outcome"]),
        seconds=found["seconds"],
        message=found["message"],
    )


def _setting(parameters: Mapping[str, float]) -> Setting:
    """The setting of a proposal, rounded to what a command line shows of it."""
    rounded = {name: float(f"{value:.3g}") for name, value in parameters.items()}
    return Setting(rounded["contrast_weight"], rounded.get("second_share"), rounded["temperature"])

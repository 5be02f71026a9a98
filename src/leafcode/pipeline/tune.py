"""Search how much of the tree to put into the codes: a front of gain against cost, and a setting to take."""

from __future__ import annotations

import dataclasses
import math
import shlex
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from tqdm import tqdm

from leafcode.catalog import Catalog
from leafcode.errors import InputError, check_settings
from leafcode.files import held, replacing
from leafcode.pipeline.fit import FitOptions
from leafcode.pipeline.items import catalog_embeddings, catalogue_summary, hold_out
from leafcode.pipeline.resuming import CATALOGUE, check_choice
from leafcode.pipeline.source import CatalogSource, catalog_title, check_unread, content_digest
from leafcode.pipeline.tune_result import AUTO, WITHOUT_TREE, Tuned
from leafcode.pipeline.tune_runs import PRUNING_MARGIN, Runs
from leafcode.pipeline.tune_study import SHARES, TEMPERATURES, WEIGHTS, need_optuna, open_study
from leafcode.pipeline.tune_trial import Split
from leafcode.report.tune_data import TuneData
from leafcode.report.tune_page import write_tuning
from leafcode.training import TrainingConfig

_STUDY, _TABLE, _PAGE = "study.db", "front.parquet", "tuned.html"


@dataclass(frozen=True)
class TuneOptions:
    """Everything `tune` can be told, beside the catalogue.

    Attributes:
        fit: What all trials have in common; its lambda is not used, its level weights and temperature are
            those of the runs with ``auto``.
        trials: Trials that the study is to have in the end.
        seconds: Begin no trial when this long has passed since the call; None for no such limit.
        reconstruction_limit: How many times the reconstruction error of lambda = 0 the recommended setting
            may have.
        validation: Share of the items not held out that trials are measured on.

    Raises:
        InputError: Naming every option that is out of range.
    """

    fit: FitOptions = field(default_factory=FitOptions)
    trials: int = 24
    seconds: float | None = None
    reconstruction_limit: float = 1.02
    validation: float = 0.2

    def __post_init__(self) -> None:
        checks = {
            "trials": (self.trials >= 1, "at least 1"),
            "seconds": (self.seconds is None or self.seconds > 0, "above 0"),
            "reconstruction_limit": (0 < self.reconstruction_limit < math.inf, "above 0, and finite"),
            "validation": (0 < self.validation < 1, "a share in (0, 1)"),
        }
        check_settings("tune", self, checks)

    @property
    def training(self) -> TrainingConfig:
        """Settings of training that all trials have in common."""
        shares = self.fit.training.level_weights[: len(self.fit.sizes)]
        return dataclasses.replace(self.fit.training, level_weights=shares)


def tune(
    catalog: Catalog,
    out: str | Path,
    options: TuneOptions | None = None,
    *,
    source: CatalogSource | None = None,
    command: str = "leafcode fit",
    resume: bool = False,
    overwrite: bool = False,
    device: str = "cpu",
    progress: bool = True,
) -> TuneData:
    """Try settings of the tree's weight in training, and recommend one.

    Trials are trained on a part of the items that are not held out and measured on the rest of them, in two
    objectives: the reconstruction error as a multiple of that of lambda = 0, and the share of wrong
    categories, 1 - prefix accuracy averaged over the depths. Optuna's multi-objective TPE proposes what to
    try. The held-out items are used at the end alone, to measure what was chosen.

    Args:
        catalog: Items with embeddings and categories.
        out: Folder for study.db, front.parquet and tuned.html.
        options: None for the defaults.
        source: Where the catalogue came from.
        command: How the command line that trains on this catalogue begins; the page completes it.
        resume: Go on with the study in the folder.
        overwrite: Replace it.
        device: Torch device to train on.
        progress: Show a progress bar.

    Returns:
        What the page shows: trials, front, recommended setting.

    Raises:
        InputError: The catalogue has no embeddings or no categories, Optuna is not installed, or the study
            to go on with has other settings or another catalogue.
        TrainingError: Too few items have a category.
    """
    options = options or TuneOptions()
    check_unread(catalog, source)
    need_optuna()
    folder, training = Path(out), options.training
    held_out = hold_out(catalog, options.fit.holdout, options.fit.split_seed)
    rest = catalog.subset(~held_out)
    split = Split(rest, hold_out(rest, options.validation, options.fit.split_seed, salt="tune"))
    final = Split(catalog, held_out)
    for part in (split, final) if held_out.any() else (split,):
        part.check("catalog")
    # Whatever is wrong with the items or the settings is wrong with this too, before anything is written.
    split.trainer(options.fit, dataclasses.replace(training, contrast_weight=1.0), device)

    identity = _identity(catalog, options, source)
    deadline = math.inf if options.seconds is None else time.monotonic() + options.seconds
    blank = _page(catalog, held_out, options, catalog_title(source.items if source else None, folder))
    with (
        held(folder / _STUDY, partial(_make_ready, folder, resume, overwrite)),
        open_study(folder / _STUDY, identity, levels=len(options.fit.sizes), seed=training.seed) as study,
        tqdm(total=options.trials, desc="tune", unit="trial", disable=not progress) as bar,
    ):
        runs = Runs(study, options.fit, training, device, bar)
        references = {
            WITHOUT_TREE: dataclasses.replace(training, contrast_weight=0.0),
            AUTO: dataclasses.replace(training, contrast_weight="auto"),
        }
        without_tree, auto = (
            runs.once(f"{name} on the items of the trials", split, settings)
            for name, settings in references.items()
        )
        if without_tree.reconstruction == 0:
            found = "codes that lose no content without the tree"
            raise InputError("catalog", found, "fewer codes than items")
        tuned = Tuned(study.trials(), training, without_tree, auto, options.reconstruction_limit)
        _write(folder, tuned, blank, command)
        bar.update(len(tuned.trials))
        while len(tuned.trials) < options.trials and time.monotonic() < deadline:
            runs.trial(split, tuned)
            tuned = dataclasses.replace(tuned, trials=study.trials())
            # What is there so far can be looked at, and is left by a study that is stopped.
            _write(folder, tuned, blank, command)
            bar.update()
        if held_out.any():
            worth = {**references, **{name: one.apply(training) for name, one in tuned.to_check().items()}}
            checks = {
                name: runs.once(f"{name} on the held-out items", final, settings)
                for name, settings in worth.items()
            }
            tuned = dataclasses.replace(tuned, checks=checks)
        return _write(folder, tuned, blank, command)


def _make_ready(folder: Path, resume: bool, overwrite: bool) -> None:
    check_choice("tune", resume, overwrite)
    study = folder / _STUDY
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
        if others and not study.exists():
            found = f"a folder of other files ({others[0]})"
            raise InputError(str(folder), found, "a new or empty folder, or that of a study")
        if study.exists() and not (resume or overwrite):
            hint = "Go on with --resume, or start over with --overwrite."
            raise InputError(str(study), "an earlier study", "a new folder", hint)
        # The study last: by it a folder whose removal was stopped is still known.
        for name in (_PAGE, _TABLE, _STUDY) if overwrite else ():
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            str(folder), f"a folder that cannot be used ({error})", "a folder to write to"
        ) from error


def _identity(catalog: Catalog, options: TuneOptions, source: CatalogSource | None) -> dict[str, Any]:
    """What all trials of a study have in common."""
    model = options.fit.model(catalog_embeddings(catalog).shape[1])
    parts = {"model": dataclasses.asdict(model), "training": dataclasses.asdict(options.training)}
    named = {f"{part} {name}": value for part, values in parts.items() for name, value in values.items()}
    return {
        **named,
        "holdout": options.fit.holdout,
        "split seed": options.fit.split_seed,
        "validation": options.validation,
        CATALOGUE: content_digest(catalog, source),
    }


def _page(
    catalog: Catalog, held_out: npt.NDArray[np.bool_], options: TuneOptions, title: str
) -> partial[TuneData]:
    """The page but for what was found."""
    fit, ranges = options.fit, {"λ": WEIGHTS, "Share of code 2": SHARES, "Temperature": TEMPERATURES}
    training = fit.training
    steps = (training.tree_steps, training.content_steps, training.steps)
    summary = catalogue_summary(catalog, int(held_out.sum()))
    settings = {
        "Codes per level": " × ".join(map(str, fit.sizes)),
        "Tree, content and code steps": "{}, {} and {}".format(*steps),
        "Seed": str(training.seed),
        "Items held out from all trials": f"a share of {fit.holdout:g}, split seed {fit.split_seed}",
        "Items that trials are measured on": f"a share of {options.validation:g} of the others",
        "Stopped early": f"first codes {PRUNING_MARGIN:.0%} worse than another trial’s in both objectives",
        **{name: f"from {low:g} to {high:g}" for name, (low, high) in ranges.items()},
    }
    return partial(TuneData, title=title, catalogue=summary, settings=settings)


def _write(folder: Path, tuned: Tuned, blank: partial[TuneData], command: str) -> TuneData:
    """Table and page of what was found."""
    without_tree, auto = tuned.reference_points()
    best = tuned.recommended
    page = blank(
        limit=tuned.limit,
        without_tree=without_tree,
        auto=auto,
        trials=tuned.points(tuned.complete),
        front=tuned.points(tuned.front),
        recommended=None if best is None else tuned.points([best])[0],
        command="" if best is None else f"{command} {shlex.join(best.setting.words())}",
        checks=tuned.checked_points(),
        pruned=sum(trial.state == "pruned" for trial in tuned.trials),
        failed=[trial.message for trial in tuned.trials if trial.state == "failed"],
    )
    with replacing(folder / _TABLE) as beside:
        pq.write_table(tuned.table(), beside)
    write_tuning(folder / _PAGE, page)
    return page

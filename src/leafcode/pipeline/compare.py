"""Train methods side by side over several seeds, measure them on held-out items, and judge."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from leafcode.catalog import Catalog, split_by_leaf
from leafcode.errors import InputError
from leafcode.files import write_text
from leafcode.methods import METHODS
from leafcode.pipeline.cell_work import CellWork, run_cell, write_arrays
from leafcode.pipeline.cells import Cell, plan_cells
from leafcode.pipeline.compare_results import results_table, settings_of
from leafcode.pipeline.comparison_folder import ComparisonFolder
from leafcode.pipeline.fit import FitOptions
from leafcode.pipeline.items import catalog_embeddings, catalogue_summary, hold_out
from leafcode.pipeline.resuming import CATALOGUE
from leafcode.pipeline.source import CatalogSource, catalog_title, check_unread, content_digest
from leafcode.pipeline.workers import Failure, available_cores, run_jobs
from leafcode.report.compare_data import BASELINES, CompareData
from leafcode.report.compare_page import render_comparison
from leafcode.report.compare_verdict import judge_comparison
from leafcode.report.verdict import Verdict
from leafcode.serving.storage import write_table
from leafcode.training import TrainingConfig

Split = Literal["items", "leaves"]

_TOLD = 3
"""Cells that are named for each reason of failure."""

COST_LIMIT = 1.05
"""Reconstruction error, as a multiple of the better baseline's, up to which a gain counts as worth it."""


@dataclass(frozen=True)
class CompareOptions:
    """Everything `compare` can be told, beside the catalogue.

    Attributes:
        methods: Names in `leafcode.methods.METHODS`, empty for all; those without the tree always take part.
        seeds: Number of seeds, counted from 0.
        split: ``"items"`` holds out items by their content, ``"leaves"`` whole categories.
        holdout: Share held out.
        sizes: Number of codes of each level, coarse to fine.
        training: Settings of every method that trains a network; each cell has a seed of its own.
        front_seeds: With so many seeds, the first ones, also train every method with other weights of the
            tree than its default.
        jobs: Cells trained at once; None for one per core on a CPU, and one on a GPU.
        reconstruction_limit: Up to which ratio of reconstruction errors the verdict calls a gain worth it.

    Raises:
        InputError: A setting is out of range.
    """

    methods: tuple[str, ...] = ()
    seeds: int = 3
    split: Split = "items"
    holdout: float = 0.2
    sizes: tuple[int, ...] = FitOptions.sizes
    training: TrainingConfig = field(default_factory=TrainingConfig)
    front_seeds: int = 1
    jobs: int | None = None
    reconstruction_limit: float = COST_LIMIT

    def __post_init__(self) -> None:
        for name in self.methods:
            if name not in METHODS:
                near = difflib.get_close_matches(name, METHODS, 1, 0.0)[0]
                raise InputError(
                    "methods", repr(name), f"one of {', '.join(METHODS)}", f"Did you mean {near!r}?"
                )
        if self.seeds < 1:
            raise InputError("seeds", str(self.seeds), "at least 1")
        if self.split not in get_args(Split):
            raise InputError("split", repr(self.split), " or ".join(map(repr, get_args(Split))))
        if not 0.0 < self.holdout < 1.0:
            raise InputError("holdout", str(self.holdout), "a share in (0, 1): methods are measured on it")
        if self.jobs is not None and self.jobs < 1:
            raise InputError("jobs", str(self.jobs), "at least 1")
        if self.front_seeds < 0:
            raise InputError("front seeds", str(self.front_seeds), "at least 0")
        if not 0 < self.reconstruction_limit < math.inf:
            raise InputError("reconstruction limit", str(self.reconstruction_limit), "a ratio, such as 1.05")
        self.budget  # noqa: B018 (checks the level sizes)

    @property
    def budget(self) -> FitOptions:
        """The same codes and training as `fit` knows them."""
        return FitOptions(sizes=self.sizes, holdout=self.holdout, training=self.training)

    def processes(self, device: str) -> int:
        """How many cells train at once on a device."""
        if self.jobs is not None:
            return self.jobs
        return available_cores() if device == "cpu" else 1

    @property
    def chosen(self) -> tuple[str, ...]:
        """Names of the methods that take part, in the order of tables."""
        wanted = {*(self.methods or METHODS), *BASELINES}
        return tuple(name for name in METHODS if name in wanted)


@dataclass(frozen=True)
class Comparison:
    """What `compare` returns.

    Attributes:
        folder: Where it is kept.
        data: The figures of every method and seed that ended well.
        verdict: What they amount to.
        failures: Cells that have no figures, and why.
    """

    folder: ComparisonFolder
    data: CompareData
    verdict: Verdict
    failures: dict[Cell, Failure]


def compare(
    catalog: Catalog,
    out: str | Path,
    options: CompareOptions | None = None,
    *,
    source: CatalogSource | None = None,
    resume: bool = False,
    overwrite: bool = False,
    device: str = "cpu",
    progress: bool = True,
) -> Comparison:
    """Train methods side by side over several seeds, and judge what the tree gains and costs here.

    Every cell (a method, a weight of the tree, a seed) is a training of its own and leaves a file, so that
    a comparison that was stopped goes on, or grows by seeds and methods, with `resume`. Cells train in
    processes of their own unless there is but one at a time; a script that calls this needs the usual
    ``if __name__ == "__main__":``.

    Args:
        catalog: Items with embeddings and categories.
        out: Folder for the results; see `ComparisonFolder`.
        options: Settings; None for the defaults.
        source: Where the catalogue came from.
        resume: Go on with the comparison in the folder.
        overwrite: Replace the comparison in the folder.
        device: Torch device to train on.
        progress: Show a progress bar over the cells.

    Returns:
        The comparison; cells that failed are in it by their reasons, and the rest is judged without them.

    Raises:
        InputError: No embeddings or categories, ids or embeddings that cannot be used (see `Catalog.check`),
            nothing held out or nothing left to train on, or the folder cannot be used or belongs to other
            settings or another catalogue. Nothing was touched then.
    """
    options = options or CompareOptions()
    check_unread(catalog, source)
    masks = {seed: held_out_items(catalog, options, seed) for seed in range(options.seeds)}
    shape = options.budget.model(catalog_embeddings(catalog).shape[1])
    training = {k: v for k, v in dataclasses.asdict(options.training).items() if k != "seed"}
    begun_with = {
        **{f"model {name}": value for name, value in dataclasses.asdict(shape).items()},
        **{f"training {name}": value for name, value in training.items()},
        "split": options.split,
        "holdout": options.holdout,
        CATALOGUE: content_digest(catalog, source),
    }
    folder = ComparisonFolder(Path(out))
    with folder.opened(begun_with, resume=resume, overwrite=overwrite):
        methods = {name: METHODS[name] for name in options.chosen}
        cells = plan_cells(methods, list(masks), front_seeds=options.front_seeds)
        work = CellWork(folder.work, folder.cells, shape, options.training, device)
        failures = _train(folder, work, catalog, masks, cells, options.processes(device), progress)
        records = {cell: folder.read_cell(cell) for cell in cells if cell not in failures}

        held_out = round(float(np.mean([mask.sum() for mask in masks.values()])))
        data = CompareData(
            title=catalog_title(source.items if source else None, folder.path),
            catalogue=catalogue_summary(catalog, held_out),
            seeds=list(masks),
            split=options.split,
            level_sizes=shape.sizes,
            settings=settings_of(records, methods),
            limit=options.reconstruction_limit,
            failures=told_failures(failures),
            more=_more(options, source, device, training),
        )
        verdict = judge_comparison(data)
        write_table(folder.results, results_table(records))
        write_text(folder.page, render_comparison(data))
        folder.write_summary(begun_with, _outcome(data, verdict))
        return Comparison(folder, data, verdict, failures)


def told_failures(failures: Mapping[Cell, Failure]) -> list[str]:
    """What went wrong, a sentence for each reason with the first of the cells that it stopped.

    Example:
        >>> failure = Failure("too few items")
        >>> told_failures({Cell("tree", None, seed): failure for seed in range(5)})
        ['tree, seed 0; tree, seed 1; tree, seed 2 and 2 more: too few items']
    """
    cells: dict[str, list[str]] = {}
    for cell, failure in failures.items():
        cells.setdefault(failure.message, []).append(str(cell))
    return [
        "; ".join(names[:_TOLD])
        + (f" and {len(names) - _TOLD} more" if names[_TOLD:] else "")
        + f": {reason}"
        for reason, names in cells.items()
    ]


def held_out_items(catalog: Catalog, options: CompareOptions, seed: int) -> npt.NDArray[np.bool_]:
    """Mask (n,) of the items, or of those of the categories, that a seed holds out.

    Raises:
        InputError: No item has a category, or nothing is held out, or everything.
    """
    if catalog.taxonomy is None or not catalog.labelled.any():
        raise InputError(
            "catalog",
            "no categories",
            "items with categories, to compare how methods use them",
            "See --path.",
        )
    if options.split == "leaves":
        nodes = catalog.nodes if catalog.places is None else catalog.places
        mask = split_by_leaf(nodes, catalog.taxonomy, options.holdout, seed)
    else:
        mask = hold_out(catalog, options.holdout, seed)
    if not mask.any() or mask.all():
        found = f"{mask.sum()} of {len(mask)} items held out with seed {seed}"
        raise InputError("holdout", found, "some items held out and some to train on")
    return mask


def _train(
    folder: ComparisonFolder,
    work: CellWork,
    catalog: Catalog,
    masks: Mapping[int, npt.NDArray[np.bool_]],
    cells: Sequence[Cell],
    jobs: int,
    progress: bool,
) -> dict[Cell, Failure]:
    """Train the cells that have no file yet."""
    missing = [cell for cell in cells if not folder.cell(cell).exists()]
    failures: dict[Cell, Failure] = {}
    if not missing:
        return failures
    running: list[Cell] = []
    bar = tqdm(
        total=len(cells), initial=len(cells) - len(missing), desc="compare", unit="cell", disable=not progress
    )
    try:
        write_arrays(folder.work, catalog, masks)
        with bar, contextlib.closing(run_jobs(partial(run_cell, work), missing, jobs)) as steps:
            for step in steps:
                if not step.ended:
                    running.append(step.job)
                else:
                    running.remove(step.job)
                    bar.update()
                    folder.trace(step.job).unlink(missing_ok=True)
                if step.failure is not None:
                    failures[step.job] = step.failure
                    if step.failure.details:
                        write_text(folder.trace(step.job), step.failure.details)
                bar.set_postfix_str("; ".join(map(str, running)))
    finally:
        folder.clear_work()
    return failures


def _more(
    options: CompareOptions, source: CatalogSource | None, device: str, training: Mapping[str, Any]
) -> dict[str, Any]:
    model = source.model if source and source.embeds_texts else None
    named = {"Embedding model": model} if model else {}
    return {
        **named,
        "Held out": f"{options.holdout:g} of the {'categories' if options.split == 'leaves' else 'items'}",
        "Device": device,
        **{name.replace("_", " ").capitalize(): value for name, value in training.items()},
    }


def _outcome(data: CompareData, verdict: Verdict) -> dict[str, Any]:
    """The verdict and its figures for comparison.json; results.parquet has all the rest."""
    return {
        "verdict": {
            "label": verdict.label,
            "headline": verdict.headline,
            "points": dict(verdict.points),
        },
        "seeds": list(data.seeds),
        "reconstruction_limit": data.limit,
        "settings": [
            {
                "method": setting.method,
                "strength": setting.strength,
                "reconstruction_ratio": data.ratio(setting)._asdict(),
                "error_reduction": data.reduction(setting)._asdict(),
                "error_reduction_at": {
                    depth: data.reduction(setting, depth=depth)._asdict() for depth in data.depths
                },
            }
            for setting in data.settings
        ],
        "failures": list(data.failures),
    }

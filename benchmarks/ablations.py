"""One setting at a time away from the defaults: what each of them is worth.

Usage:
    python benchmarks/ablations.py DATA [--catalogues usda_foods naics_2017] [--factors temperature grades]
        [--seeds 3] [--jobs 2]

Every setting in `FACTORS` is trained on the same items, with the same seeds and measures as in catalogues.py,
and compared with the default seed by seed; λ is fixed but where it is the setting. It goes seed by seed; what
is trained is kept, and the same command goes on. The figures are in benchmarks/results/ablations.parquet.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from figures import keep_table, machine
from leafcode.cli.options import pick_device
from leafcode.errors import InputError, LeafcodeError
from leafcode.files import write_text
from leafcode.methods import METHODS, Task, TrainedMethod
from leafcode.methods.network import need_taxonomy, train_with_term
from leafcode.pipeline import CompareOptions
from leafcode.pipeline.cell_work import CellWork, train_and_measure, write_arrays
from leafcode.pipeline.items import catalog_embeddings, hold_out
from leafcode.pipeline.workers import run_jobs
from leafcode.quantizers import RQVAEConfig
from leafcode.serving.storage import read_json, read_table, write_json
from leafcode.training import ContrastTerm, TrainingConfig
from options import RESULTS, WORK, benchmark_parser
from real_catalogues import load

CATALOGUES = ("usda_foods", "naics_2017")
MEASURES = ("reconstruction", "prefix_accuracy", "hp_at_10", "precision_at_10", "collision_rate")
SCHEMA = pa.schema(
    [
        ("factor", pa.string()),
        ("setting", pa.string()),
        ("seed", pa.int64()),
        ("catalogue", pa.string()),
        ("measure", pa.string()),
        ("depth", pa.int64()),
        ("value", pa.float64()),
    ]
)
"""Columns of ablations.parquet; depth is null where a measure has none, value where it is undefined."""


@dataclass(frozen=True)
class Setting:
    """The defaults but for a change.

    Attributes:
        factor: What is changed.
        name: To what.
        training: Fields of `TrainingConfig`.
        shape: Fields of `RQVAEConfig`.
        term: Arguments of a `ContrastTerm` that trains the codes jointly, instead of leafcode's own use of
            the tree; None for that.
    """

    factor: str
    name: str
    training: Mapping[str, Any] = field(default_factory=dict)
    shape: Mapping[str, Any] = field(default_factory=dict)
    term: Mapping[str, Any] | None = None

    @property
    def key(self) -> str:
        """Name of a file."""
        return "".join(c if c.isalnum() or c in "._-" else "_" for c in f"{self.factor}={self.name}")

    def task(self, base: Task) -> Task:
        """The task with the change."""
        return dataclasses.replace(
            base,
            training=dataclasses.replace(base.training, **self.training),
            shape=dataclasses.replace(base.shape, **self.shape),
        )

    def train(self, base: Task) -> TrainedMethod:
        """Train on a task with the change."""
        task = self.task(base)
        if self.term is None:
            return METHODS["tree"].train(task)
        term = ContrastTerm(task.nodes, need_taxonomy(task, self.factor), task.training, **self.term)
        return train_with_term(task, term, self.name)


DEFAULT = Setting("default", "default")


@dataclass(frozen=True)
class Factor:
    """Fields of the settings that stand for one thing, and the values to try."""

    name: str
    of: Literal["training", "shape"]
    values: Mapping[str, Mapping[str, Any]]

    def default(self, training: TrainingConfig, shape: RQVAEConfig) -> str:
        """Name of the value that is the default."""
        base = training if self.of == "training" else shape
        for name, fields in self.values.items():
            if all(getattr(base, field) == value for field, value in fields.items()):
                return name
        return _name(getattr(base, next(field for fields in self.values.values() for field in fields)))

    def settings(self, training: TrainingConfig, shape: RQVAEConfig) -> list[Setting]:
        """A setting for each value but the default."""
        default = self.default(training, shape)
        return [
            Setting(self.name, name, **{self.of: fields})
            for name, fields in self.values.items()
            if name != default
        ]


def _name(value: object) -> str:
    return " × ".join(map(_name, value)) if isinstance(value, tuple) else f"{value}"


def _of(name: str, of: Literal["training", "shape"], field: str, *values: object) -> Factor:
    return Factor(name, of, {_name(value): {field: value} for value in values})


LAMBDA = 0.25
"""λ of all settings but those of λ itself. `auto` would find another one for each, and tables would show
what that does, rather than what the setting does."""

FACTORS = (
    Factor(
        "λ",
        "training",
        {f"{weight:g}": {"contrast_weight": weight} for weight in (0.05, 0.1, LAMBDA, 0.5, 1.0, 2.0)}
        | {
            f"auto, limit {limit:g}": {"contrast_weight": "auto", "reconstruction_limit": limit}
            for limit in (1.0, 1.005, 1.01, 1.02, 1.05)
        },
    ),
    Factor(
        "shares of λ by level",
        "training",
        {
            name: {"level_weights": tuple(map(float, name.split(", ")))}
            for name in ("1", "1, 0.5", "1, 1", "1, 2", "1, 4", "1, 1, 1")
        },
    ),
    Factor(
        "grades",
        "training",
        {
            "by depth": {"grades": "depth"},
            "same category only": {"grades": "1"},
            "same 1, siblings 0.5": {"grades": "1,0.5"},
            "all shared depths alike": {"grades": ",".join(["1"] * 16)},
        },
    ),
    _of("temperature", "training", "temperature", 0.02, 0.03, 0.05, 0.1, 0.2),
    _of("hierarchical batch", "training", "contrast_batch_size", 64, 256, 512, 1024, 4096),
    _of("share of relatives in it", "training", "related_fraction", 0.05, 0.25, 0.5, 0.75, 0.95),
    _of("items per category in it", "training", "items_per_category", 2, 4, 8, 16),
    _of("steps of the tree phase", "training", "tree_steps", 500, 1000, 2000, 4000),
    _of("steps with the tree", "training", "steps", 250, 500, 1000),
    _of(
        "codes by level",
        "shape",
        "sizes",
        *((1024, 256, 64), (256, 256, 256), (512, 512, 64), (1024, 512, 32), (1024, 1024, 16)),
    ),
    _of("progressive masking", "training", "progressive_masking", False, True),
    _of("balance of the levels after the first", "shape", "balance", 0.0, 0.1, 0.2, 0.3),
)
"""One factor at a time; the value that is the default is trained once for all of them."""

JOINT = "joint contrast instead"
JOINT_CONTRAST = tuple(
    Setting(
        JOINT,
        f"{place}, {batches.replace('_', ' ')}, weight {weight:g}",
        term={"place": place, "batches": batches, "weight": weight},
    )
    for batches in ("uniform", "literal", "two_streams")
    for place in ("encoder", "sums", "both")
    for weight in (0.01, 0.1)
)
"""The contrastive term as others have it: on encoder or codes, together with reconstruction."""


def settings(training: TrainingConfig, shape: RQVAEConfig, factors: Sequence[str] = ()) -> list[Setting]:
    """The default, then all settings of the factors named, or of all.

    Raises:
        InputError: No such factor.
    """
    known = [DEFAULT, *(one for factor in FACTORS for one in factor.settings(training, shape))]
    known += JOINT_CONTRAST
    names = list(dict.fromkeys(setting.factor for setting in known))
    wrong = [name for name in factors if name not in names]
    if wrong:
        raise InputError("--factors", ", ".join(wrong), f"some of {', '.join(map(repr, names[1:]))}")
    return [one for one in known if one is DEFAULT or not factors or one.factor in factors]


@dataclass(frozen=True)
class Cell:
    """A training: a setting on a catalogue with a seed."""

    catalogue: str
    setting: Setting
    seed: int

    def file(self, work: Path) -> Path:
        """Where its figures are."""
        return work / self.catalogue / "cells" / f"{self.setting.key}.seed{self.seed}.json"

    def rows(self, record: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Its figures with the columns of `SCHEMA`."""
        named = {
            "factor": self.setting.factor,
            "setting": self.setting.name,
            "seed": self.seed,
            "catalogue": self.catalogue,
        }
        figures: dict[str, Any] = {"seconds": record["seconds"], **record["settings"]}
        figures |= {measure: record["metrics"][measure] for measure in MEASURES}
        return [
            {**named, "measure": measure, "depth": depth, "value": number}
            for measure, value in figures.items()
            for depth, number in (
                ((int(depth), number) for depth, number in value.items())
                if isinstance(value, Mapping)
                else [(None, value)]
            )
        ]


def run_cell(shared: Mapping[str, CellWork], work: Path, cell: Cell) -> None:
    """Train one cell, measure it on its held-out items, and write its file."""
    here = shared[cell.catalogue]
    sizes = cell.setting.shape.get("sizes", here.shape.sizes)
    write_json(cell.file(work), train_and_measure(here, cell.seed, cell.setting.train, sizes))


def run(
    data: Path,
    catalogues: Sequence[str],
    factors: Sequence[str],
    options: CompareOptions,
    *,
    results: Path = RESULTS,
    work: Path = WORK / "ablations",
    device: str = "cpu",
    progress: bool = True,
) -> list[str]:
    """Train what is missing, and write all figures after each training.

    Returns:
        What failed, a sentence each.

    Raises:
        InputError: A catalogue or factor cannot be used, or the figures kept are of other defaults.
    """
    shared: dict[str, CellWork] = {}
    for name in catalogues:
        catalog = load(data, name, device, progress=progress)
        masks = {seed: hold_out(catalog, options.holdout, seed) for seed in range(options.seeds)}
        shape = options.budget.model(catalog_embeddings(catalog).shape[1])
        cells = work / name / "cells"
        cells.mkdir(parents=True, exist_ok=True)
        write_arrays(work / name / "arrays", catalog, masks)
        shared[name] = CellWork(work / name / "arrays", cells, shape, options.training, device)
    some = next(iter(shared.values())).shape
    chosen = settings(options.training, some, factors)
    write_about(results / "ablations.json", options.training, some)

    planned = [
        Cell(name, setting, seed)
        for seed in range(options.seeds)
        for setting in chosen
        for name in catalogues
    ]
    missing = [cell for cell in planned if not cell.file(work).exists()]
    done = [cell for cell in planned if cell.file(work).exists()]
    keep(results / "ablations.parquet", done, work, some, options.training)
    failures, begun = [], len(done)
    for step in run_jobs(partial(run_cell, shared, work), missing, options.processes(device)):
        name = (
            f"{step.job.catalogue}, {step.job.setting.factor} {step.job.setting.name}, seed {step.job.seed}"
        )
        if not step.ended:
            begun += 1
            if progress:
                print(f"[{begun}/{len(planned)}] {name}", flush=True)
        elif step.failure is not None:
            failures.append(f"{name}: {step.failure.message}")
        else:
            keep(results / "ablations.parquet", [step.job], work, some, options.training)
    return failures


def keep(
    figures: Path, done: Sequence[Cell], work: Path, shape: RQVAEConfig, training: TrainingConfig
) -> None:
    """Put the figures of cells in the table, in the order of `settings`."""
    rows = {_key(row): row for row in (read_table(figures).to_pylist() if figures.exists() else [])}
    for cell in done:
        record: Any = read_json(cell.file(work))
        rows |= {_key(row): row for row in cell.rows(record)}
    places = {(one.factor, one.name): place for place, one in enumerate(settings(training, shape))}
    # Rows of settings that are no longer tried go.
    kept = [row for row in rows.values() if (row["factor"], row["setting"]) in places]
    kept.sort(
        key=lambda row: (
            places[row["factor"], row["setting"]],
            row["catalogue"],
            row["seed"],
            row["measure"],
            row["depth"] or 0,
        )
    )
    keep_table(figures, pa.Table.from_pylist(kept, SCHEMA))


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(value for name, value in row.items() if name != "value")


def write_about(path: Path, training: TrainingConfig, shape: RQVAEConfig) -> None:
    """Write what the figures come from.

    Raises:
        InputError: Those kept come from other defaults.
    """
    fields = dataclasses.asdict(training) | {"sizes": shape.sizes, "balance": shape.balance}
    del fields["seed"]
    defaults = json.loads(json.dumps(fields))
    names = {factor.name: factor.default(training, shape) for factor in FACTORS}
    if path.exists() and json.loads(path.read_text(encoding="utf-8"))["training"] != defaults:
        hint = "Remove it, ablations.parquet and --work to start over."
        raise InputError(str(path), "figures of other defaults", "those of this version", hint)
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"machine": machine(), "training": defaults, "defaults": names}
    write_text(path, json.dumps(about, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def main() -> None:
    """Run what is missing."""
    parser = benchmark_parser(__doc__, catalogues=CATALOGUES, seeds=3, work=WORK / "ablations")
    parser.add_argument("--factors", nargs="+", default=(), metavar="NAME", help="all if left out")
    parser.add_argument("--jobs", type=int, help="trainings at a time; one per core if left out")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    try:
        failures = run(
            options.data,
            options.catalogues,
            options.factors,
            CompareOptions(
                seeds=options.seeds, jobs=options.jobs, training=TrainingConfig(contrast_weight=LAMBDA)
            ),
            results=options.out,
            work=options.work,
            device=pick_device(options.device),
        )
    except LeafcodeError as error:
        parser.error(str(error))
    print(f"figures {options.out / 'ablations.parquet'}")
    if failures:
        parser.error("some trainings failed: " + "; ".join(failures))


if __name__ == "__main__":
    main()

"""Every method on real catalogues, over several seeds, measured on held-out items.

Usage:
    python benchmarks/catalogues.py DATA [--catalogues icd10cm instacart] [--methods tree lda_rq_kmeans]
        [--seeds 5] [--split leaves] [--fronts tree] [--front-seeds 3] [--ceilings] [--jobs 2]

DATA holds a folder per catalogue with an items.parquet (id, text, path). Everything is trained with the
defaults of `leafcode compare`. It goes seed by seed over all catalogues, so that a benchmark that is stopped
says most, and goes on where it was with the same command; seeds, methods and fronts may be added later.
After each catalogue and seed the figures are in benchmarks/results/SPLIT, from which results_page.py makes
docs/results.md.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa

from figures import keep_table, machine
from leafcode.catalog import Catalog
from leafcode.cli.options import pick_device
from leafcode.errors import InputError, LeafcodeError
from leafcode.evaluation import ceilings
from leafcode.files import write_text
from leafcode.methods import METHODS
from leafcode.pipeline import CompareOptions, Comparison, compare
from leafcode.pipeline.compare import Split, held_out_items
from leafcode.pipeline.compare_results import RESULTS_SCHEMA
from leafcode.pipeline.items import catalog_embeddings, category_ancestors
from leafcode.serving.storage import read_table
from options import RESULTS, WORK, benchmark_parser
from real_catalogues import CATALOGUES, load, source_of

CEILING = "ceiling"
"""In the place of a method: rows that depend on no codes, ``ceiling.knn`` and ``ceiling.probe``."""

_SUMMARY = ("items", "labelled", "held_out", "categories", "depth")


@dataclass(frozen=True)
class Benchmark:
    """What is run, and where it is kept.

    Attributes:
        data: Folder with a folder per catalogue.
        catalogues: Names of these folders.
        options: Settings of every comparison; the seeds are added one by one.
        fronts: Methods that are also trained with weights of the tree other than their default.
        front_seeds: With how many of the seeds.
        ceilings: Also measure what the embedding itself allows, with the first seed's split.
        results: Folder of the figures.
        work: Folder of the comparisons, by which a stopped benchmark goes on.
        device: Torch device to train on.
    """

    data: Path
    catalogues: Sequence[str]
    options: CompareOptions
    fronts: Sequence[str] = ()
    front_seeds: int = 3
    ceilings: bool = False
    results: Path = RESULTS
    work: Path = WORK
    device: str = "cpu"

    @property
    def about(self) -> Path:
        """What the figures come from."""
        return self.results / self.options.split / "about.json"

    def figures(self, name: str) -> Path:
        """The figures of a catalogue, with the columns of `RESULTS_SCHEMA`."""
        return self.results / self.options.split / f"{name}.parquet"


def run(benchmark: Benchmark, *, progress: bool = True) -> list[str]:
    """Run what is missing, seed by seed over all catalogues.

    Returns:
        What failed, a sentence each.

    Raises:
        InputError: A catalogue cannot be used, or the figures kept are of other defaults.
    """
    about = _about(benchmark)
    failures: dict[str, None] = {}
    for seed in range(benchmark.options.seeds):
        for name in benchmark.catalogues:
            if progress:
                print(f"{name}, seed {seed}", flush=True)
            catalog = load(benchmark.data, name, benchmark.device, progress=progress)
            begun = time.perf_counter()
            tables, found = _compare(benchmark, name, catalog, seed, progress)
            seconds = time.perf_counter() - begun
            if benchmark.ceilings and seed == 0 and not _has_ceilings(benchmark.figures(name)):
                tables.append(ceiling_rows(catalog, benchmark.options))
            about = _told(benchmark, about, name, seed, seconds, found[0])
            _keep(benchmark.figures(name), tables)
            for comparison in found:
                failures |= {f"{name}: {text}": None for text in comparison.data.failures}
    return list(failures)


def ceiling_rows(catalog: Catalog, options: CompareOptions) -> pa.Table:
    """What the embedding itself allows on the first seed's split, as rows of the figures."""
    held_out = held_out_items(catalog, options, 0)
    found = ceilings(catalog_embeddings(catalog), category_ancestors(catalog), held_out, 0)
    rows = [
        {"method": CEILING, "seed": 0, "measure": f"ceiling.{kind}", "depth": int(depth), "value": value}
        for kind, accuracy in found.items()
        for depth, value in accuracy.items()
    ]
    return pa.Table.from_pylist(rows, RESULTS_SCHEMA)


def merge(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables of figures in one, by method, weight and seed; of a training in several the last counts.

    Args:
        tables: With the columns of `RESULTS_SCHEMA`.
    """
    cells: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for table in tables:
        fresh: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        for row in table.to_pylist():
            fresh.setdefault((row["method"], row["strength"], row["seed"]), []).append(row)
        cells |= fresh
    names = list(METHODS)
    ordered = sorted(
        cells,
        key=lambda cell: (
            names.index(cell[0]) if cell[0] in names else len(names),
            cell[1] is not None,
            cell[1] or 0.0,
            cell[2],
        ),
    )
    # Within a training the order stays: a method tells its weight of the tree first.
    return pa.Table.from_pylist([row for cell in ordered for row in cells[cell]], RESULTS_SCHEMA)


def _compare(
    benchmark: Benchmark, name: str, catalog: Catalog, seed: int, progress: bool
) -> tuple[list[pa.Table], list[Comparison]]:
    """All methods at their defaults, then the fronts, in the folder that earlier seeds are in."""
    options = dataclasses.replace(benchmark.options, seeds=seed + 1, front_seeds=0)
    rounds = [options]
    if benchmark.fronts:
        methods, front_seeds = tuple(benchmark.fronts), benchmark.front_seeds
        rounds.append(dataclasses.replace(options, methods=methods, front_seeds=front_seeds))
    tables, found = [], []
    for settings in rounds:
        folder = benchmark.work / options.split / name
        folder.parent.mkdir(parents=True, exist_ok=True)
        comparison = compare(
            catalog,
            folder,
            settings,
            source=source_of(benchmark.data, name),
            resume=True,
            device=benchmark.device,
            progress=progress,
        )
        tables.append(read_table(comparison.folder.results))
        found.append(comparison)
    return tables, found


def _has_ceilings(figures: Path) -> bool:
    return figures.exists() and CEILING in read_table(figures)["method"].to_pylist()


def _keep(figures: Path, tables: Sequence[pa.Table]) -> None:
    earlier = [read_table(figures)] if figures.exists() else []
    keep_table(figures, merge([*earlier, *tables]))


def _about(benchmark: Benchmark) -> dict[str, Any]:
    """What about.json says, or a new one.

    Raises:
        InputError: It tells of other defaults.
    """
    defaults = _defaults(benchmark.options)
    if not benchmark.about.exists():
        return {"machine": machine(), "defaults": defaults, "catalogues": {}}
    about: dict[str, Any] = json.loads(benchmark.about.read_text(encoding="utf-8"))
    if about["defaults"] != defaults:
        raise InputError(
            str(benchmark.about),
            "figures of other defaults",
            "those of this version",
            "Remove the folder, and that of --work, to start over.",
        )
    return about


def _defaults(options: CompareOptions) -> dict[str, Any]:
    """The settings that figures depend on, as JSON has them."""
    fields = dataclasses.asdict(options)
    chosen = {name: fields[name] for name in ("split", "holdout", "sizes", "training")}
    del chosen["training"]["seed"]
    settings: dict[str, Any] = json.loads(json.dumps(chosen))
    return settings


def _told(
    benchmark: Benchmark,
    about: Mapping[str, Any],
    name: str,
    seed: int,
    seconds: float,
    comparison: Comparison,
) -> dict[str, Any]:
    """Write what is known of a catalogue and a seed; another process may have added to the file."""
    if benchmark.about.exists():
        about = json.loads(benchmark.about.read_text(encoding="utf-8"))
    catalogue = dict(about["catalogues"].get(name, {}))
    # Going over what is trained already takes moments, which are nothing to report.
    spent = catalogue.get("seconds", {})
    spent = spent | {str(seed): round(max(seconds, spent.get(str(seed), 0.0)), 1)}
    summary = dataclasses.asdict(comparison.data.catalogue)
    catalogue |= {name: summary[name] for name in _SUMMARY} | {"seconds": spent}
    changed = {**about, "machine": machine(), "catalogues": {**about["catalogues"], name: catalogue}}
    benchmark.about.parent.mkdir(parents=True, exist_ok=True)
    write_text(benchmark.about, json.dumps(changed, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    return changed


def main() -> None:
    """Run what is missing."""
    parser = benchmark_parser(__doc__, catalogues=CATALOGUES, seeds=5, work=WORK)
    parser.add_argument("--methods", nargs="+", default=(), metavar="NAME", help="all if left out")
    parser.add_argument("--split", choices=get_args(Split), default="items")
    parser.add_argument(
        "--fronts",
        nargs="*",
        default=(),
        metavar="NAME",
        help="methods to train with other weights of the tree too; all methods if none is named",
    )
    parser.add_argument("--front-seeds", type=int, default=3, help="with how many seeds")
    parser.add_argument("--ceilings", action="store_true", help="measure what the embedding itself allows")
    parser.add_argument("--jobs", type=int, help="trainings at a time; one per core if left out")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    # With nothing named after it, --fronts is an empty list, and a tuple if left out.
    fronts = tuple(METHODS) if options.fronts == [] else tuple(options.fronts)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # or every process that is started warns of it
    try:
        settings = CompareOptions(
            methods=tuple(options.methods), seeds=options.seeds, split=options.split, jobs=options.jobs
        )
        failures = run(
            Benchmark(
                options.data,
                options.catalogues,
                settings,
                fronts,
                options.front_seeds,
                options.ceilings,
                options.out,
                options.work,
                pick_device(options.device),
            )
        )
    except LeafcodeError as error:
        parser.error(str(error))
    print(f"figures {options.out / options.split}")
    if failures:
        parser.error("some trainings failed: " + "; ".join(failures))


if __name__ == "__main__":
    main()

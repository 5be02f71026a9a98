"""Training on labels of which some are wrong: how much of the tree's gain is kept, with and without trust.

Usage:
    python benchmarks/trust.py DATA [--catalogues usda_foods naics_2017] [--seeds 3] [--rate 0.1]

A share of the training items' labels is moved to any other category. Codes are trained without the tree, with
the labels as they were, with the moved ones, and with the moved ones weighted by what an audit leaves of
them. What is measured is the prefix accuracy of held-out items, by the labels as they were: the codes are
judged, not the labels. The gain is the share of wrong categories that the tree takes away, against lambda = 0
with the same seed. Cells are kept as in the other benchmarks; the figures are trust.parquet in --out.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from audit import move_labels
from figures import keep_figures
from leafcode import FitOptions
from leafcode.audit import AuditConfig, audit_labels
from leafcode.catalog import Catalog
from leafcode.evaluation import error_reduction, prefix_accuracy, reconstruction_error
from leafcode.files import write_text
from leafcode.methods import METHODS, Task
from leafcode.methods.network import need_taxonomy
from leafcode.pipeline.items import catalog_embeddings, category_ancestors, hold_out
from options import RESULTS, WORK, benchmark_parser, run_and_print
from real_catalogues import load

CATALOGUES = ("usda_foods", "naics_2017", "bigbasket")
SETTINGS = ("without the tree", "labels as they were", "labels moved", "labels moved, with trust")
SCHEMA = pa.schema(
    [
        ("catalogue", pa.string()),
        ("setting", pa.string()),
        ("seed", pa.int64()),
        ("measure", pa.string()),
        ("depth", pa.int64()),
        ("value", pa.float64()),
    ]
)


def run_cell(catalog: Catalog, setting: str, seed: int, rate: float, device: str) -> dict[str, Any]:
    """Train one setting, and measure it by the labels as they were."""
    options = FitOptions()
    vectors, held_out = catalog_embeddings(catalog), hold_out(catalog, options.holdout, seed)
    training = dataclasses.replace(options.training, seed=seed)
    task = Task(
        vectors[~held_out],
        catalog.nodes[~held_out],
        catalog.taxonomy,
        options.model(vectors.shape[1]),
        training,
        device=device,
        progress=True,
    )
    taxonomy, trust = need_taxonomy(task, setting), None
    if setting.startswith("labels moved"):
        labelled = np.flatnonzero(task.nodes >= 0)
        nodes = task.nodes.astype(np.int64)
        nodes[labelled] = move_labels(nodes[labelled], taxonomy, "anywhere", rate, seed)
        if setting.endswith("trust"):
            found = audit_labels(task.embeddings, nodes, taxonomy, AuditConfig(seed=seed), progress=True)
            trust = np.ones(len(nodes), np.float32)
            trust[found.items] = 1 - found.probability
        task = dataclasses.replace(task, nodes=nodes, trust=trust)
    method = METHODS["without_tree" if setting == SETTINGS[0] else "tree"]
    result = method.train(task)
    encoded, ancestors = result.encode(vectors), category_ancestors(catalog)
    accuracy = prefix_accuracy(
        encoded.codes[~held_out], ancestors[~held_out], encoded.codes[held_out], ancestors[held_out]
    )
    return {
        "prefix_accuracy": accuracy.tolist(),
        "reconstruction": reconstruction_error(vectors[held_out], encoded.reconstructions[held_out]),
        **result.settings,
    }


def run(
    data: Path,
    catalogues: Sequence[str],
    seeds: int,
    rate: float,
    *,
    results: Path = RESULTS,
    work: Path = WORK / "trust",
    device: str = "cpu",
) -> pa.Table:
    """Run what is missing, seed by seed; write and return the figures of all.

    Raises:
        InputError: A catalogue cannot be used.
    """
    work.mkdir(parents=True, exist_ok=True)
    catalogs: dict[str, Catalog] = {}
    cells = [(seed, name, place) for seed in range(seeds) for name in catalogues for place in range(4)]
    for seed, name, place in cells:
        file = work / f"{name}.{place}.{rate:g}.seed{seed}.json"
        if file.exists():
            continue
        if name not in catalogs:
            catalogs[name] = load(data, name, device)
        print(f"{name}, {SETTINGS[place]}, seed {seed}", flush=True)
        write_text(file, json.dumps(run_cell(catalogs[name], SETTINGS[place], seed, rate, device)))
    rows = []
    for seed, name, place in cells:
        record = json.loads((work / f"{name}.{place}.{rate:g}.seed{seed}.json").read_text(encoding="utf-8"))
        for measure, value in record.items():
            pairs = enumerate(value, start=1) if isinstance(value, list) else [(None, value)]
            rows += [
                {"catalogue": name, "setting": SETTINGS[place], "seed": seed, "measure": measure}
                | {"depth": depth, "value": number}
                for depth, number in pairs
            ]
    return keep_figures(results, "trust", rows, SCHEMA, rate=rate)


def table_lines(figures: pa.Table) -> list[str]:
    """Gain of each setting by depth and on average, and the share of the clean labels' gain that is kept."""
    lines = [
        "| catalogue | setting | wrong categories by depth | mean | kept | content |",
        "|---|---|---|---:|---:|---:|",
    ]
    rows = figures.to_pylist()
    for name in dict.fromkeys(row["catalogue"] for row in rows):

        def accuracy(setting: str, name: str = name) -> npt.NDArray[np.float64]:
            found: dict[int, list[float]] = {}
            for row in rows:
                if (row["catalogue"], row["setting"], row["measure"]) == (name, setting, "prefix_accuracy"):
                    found.setdefault(row["seed"], []).append(row["value"])
            return np.array(list(found.values()))

        def content(setting: str, name: str = name) -> float:
            key = (name, setting, "reconstruction")
            return float(
                np.mean([r["value"] for r in rows if (r["catalogue"], r["setting"], r["measure"]) == key])
            )

        base, clean = accuracy(SETTINGS[0]), None
        for setting in SETTINGS[1:]:
            gain = error_reduction(accuracy(setting), base).mean(axis=0)
            clean = gain.mean() if clean is None else clean
            by_depth = " / ".join(f"{-100 * one:+.0f}%" for one in gain)
            price = content(setting) / content(SETTINGS[0])
            lines.append(
                f"| {name} | {setting} | {by_depth} | {-100 * gain.mean():+.1f}% | {gain.mean() / clean:.0%} "
                f"| × {price:.3f} |"
            )
    return lines


def main() -> None:
    """Run what is missing."""
    parser = benchmark_parser(__doc__, catalogues=CATALOGUES, seeds=3, work=WORK / "trust")
    parser.add_argument("--rate", type=float, default=0.1, help="share of the labels that is moved")
    parser.add_argument("--device", default="auto")
    run_and_print(parser, run, table_lines, "seeds", "rate")


if __name__ == "__main__":
    main()

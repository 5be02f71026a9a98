"""What the tree gains and what it costs: leafcode beside RQ-KMeans and lambda = 0 on held-out items.

Usage:
    python benchmarks/gain_and_cost.py DATA [--catalogues icd10cm instacart] [--seeds 3] [--out results.json]

DATA holds a folder per catalogue with an items.parquet (id, text, path). Every run uses the defaults of
`leafcode fit`; a seed decides both what is held out and how training goes. Results are kept in --out, cell
by cell, so that a stopped benchmark goes on where it was.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from leafcode import CatalogSource, FitOptions, TrainingConfig, fit
from leafcode.cli.options import cache_folder, pick_device
from leafcode.cli.table import text_table
from leafcode.files import write_text

CATALOGUES = ("icd10cm", "instacart", "usda_foods", "naics_2017")
RECONSTRUCTION_LIMIT = 1.05
ERROR_REDUCTION = 0.10


def run_cell(items: Path, seed: int, device: str) -> dict[str, Any]:
    """Fit on one catalogue with one seed; the contents of metrics.json, and lambda."""
    source = CatalogSource(items=str(items), path_column="path")
    catalog = source.load(cache=cache_folder(), device=device)
    options = FitOptions(split_seed=seed, training=TrainingConfig(seed=seed), ceilings=False)
    with tempfile.TemporaryDirectory() as folder:
        run = fit(catalog, Path(folder) / "run", options, source=source, device=device)
        return run.folder.read_metrics() | {"lambda": run.config.contrast_weight}


def error_reduction(ours: dict[str, Any], other: dict[str, Any]) -> tuple[float, list[float]]:
    """By how much 1 - prefix_accuracy is lower than another's: of the mean over depths, and at each depth."""
    depths = sorted(ours["prefix_accuracy"], key=int)
    mine = 1 - np.array([ours["prefix_accuracy"][d] for d in depths])
    theirs = 1 - np.array([other["prefix_accuracy"][d] for d in depths])
    return float(1 - mine.mean() / theirs.mean()), (1 - mine / theirs).tolist()


def table(cells: dict[str, dict[str, Any]]) -> str:
    """A row per catalogue and baseline, means over the seeds."""
    rows = []
    for name in dict.fromkeys(key.split("/")[0] for key in cells):
        runs = [cell for key, cell in cells.items() if key.split("/")[0] == name]
        for baseline in ("rq_kmeans", "lambda_0"):
            others = [run["baseline"][baseline] for run in runs]
            pairs = list(zip(runs, others, strict=True))
            reductions = [error_reduction(run, other) for run, other in pairs]
            ratio = np.mean([run["reconstruction"] / other["reconstruction"] for run, other in pairs])
            mean = np.mean([average for average, _ in reductions])
            by_depth = np.mean([depths for _, depths in reductions], axis=0)
            rows.append(
                {
                    "catalogue": name,
                    "against": baseline,
                    "seeds": len(runs),
                    "lambda": f"{np.mean([run['lambda'] for run in runs]):.2f}",
                    "reconstruction": f"{np.mean([run['reconstruction'] for run in runs]):.4f}",
                    "ratio": f"{ratio:.3f}",
                    "error lower by": f"{mean:.1%}",
                    "at each depth": " ".join(f"{value:.0%}" for value in by_depth),
                    "collisions": " -> ".join(
                        f"{np.mean([m['collision_rate'] for m in group]):.3f}" for group in (others, runs)
                    ),
                    "holds": "yes"
                    if (ratio <= RECONSTRUCTION_LIMIT or baseline == "lambda_0")
                    and mean >= ERROR_REDUCTION
                    and min(by_depth) >= 0
                    else "NO",
                }
            )
    return text_table(rows)


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("data", type=Path, help="folder with a folder per catalogue")
    parser.add_argument("--catalogues", nargs="+", default=CATALOGUES)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/gain_and_cost.json"))
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    defaults = json.loads(json.dumps(dataclasses.asdict(FitOptions(ceilings=False))))
    results: dict[str, Any] = {"defaults": defaults, "cells": {}}
    if options.out.exists():
        results = json.loads(options.out.read_text(encoding="utf-8"))
        if results["defaults"] != defaults:
            parser.error(f"{options.out} holds results of other defaults; remove it or name another --out")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    for seed in range(options.seeds):
        for name in options.catalogues:
            if f"{name}/{seed}" not in results["cells"]:
                print(f"{name}, seed {seed}", flush=True)
                cell = run_cell(options.data / name / "items.parquet", seed, pick_device(options.device))
                results["cells"][f"{name}/{seed}"] = cell
                threads = f"{torch.get_num_threads()} threads"
                results["machine"] = f"{platform.machine()}, {threads}, torch {torch.__version__}"
                write_text(options.out, json.dumps(results, indent=1, sort_keys=True) + "\n")
    print(f"\n{results['machine']}\n\n{table(results['cells'])}")
    print(
        f"\nholds: reconstruction at most {RECONSTRUCTION_LIMIT} times that of RQ-KMeans, the error "
        f"1 - prefix_accuracy at least {ERROR_REDUCTION:.0%} lower averaged over depths, at no depth higher."
    )


if __name__ == "__main__":
    main()

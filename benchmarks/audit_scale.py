"""How long an audit takes, and how much memory, as a catalogue grows.

Usage:
    python benchmarks/audit_scale.py DATA [--catalogue icd10cm] [--items 125000 250000 500000 1000000]

The catalogue's items are repeated with noise until there are enough, each copy in the category of its
original. Every size runs in a process of its own, so that its peak of resident memory is its own; the
figures, on standard output, are seconds, those of the processor (which other work does not change), GiB, and
the exponent by which the processor's grew from the size before.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from leafcode.audit import audit_labels
from leafcode.pipeline.items import catalog_embeddings
from real_catalogues import load, source_of

NOISE = 0.5
"""Length of the noise, in lengths of an embedding."""


def measure(data: Path, catalogue: str, items: int) -> dict[str, float]:
    """Audit one size; seconds and GiB."""
    catalog = load(data, catalogue, progress=False)
    if catalog.taxonomy is None:
        raise SystemExit(f"{source_of(data, catalogue).items} has no categories")
    vectors = np.asarray(catalog_embeddings(catalog), np.float32)
    rng = np.random.default_rng(0)
    tiled = np.empty((items, vectors.shape[1]), np.float32)
    for first in range(0, items, len(vectors)):
        part = tiled[first : first + len(vectors)]
        noise = rng.standard_normal(part.shape, np.float32) * (NOISE / math.sqrt(part.shape[1]))
        part[:] = vectors[: len(part)] + noise * np.linalg.norm(vectors[: len(part)], axis=1, keepdims=True)
    nodes = np.resize(catalog.nodes, items)
    begun, used = time.perf_counter(), time.process_time()
    found = audit_labels(tiled, nodes, catalog.taxonomy, progress=True)
    seconds, processor = time.perf_counter() - begun, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "items": items,
        "categories": len(np.unique(nodes[nodes >= 0])),
        "seconds": seconds,
        "processor seconds": processor,
        "GiB": peak,
        "filed wrongly": float(1 - found.rates[0]),
    }


def main() -> None:
    """Run every size in a process of its own, and print a row for each."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder with a folder per catalogue")
    parser.add_argument("--catalogue", default="icd10cm")
    parser.add_argument("--items", type=int, nargs="+", default=[125_000, 250_000, 500_000, 1_000_000])
    options = parser.parse_args()
    if len(options.items) == 1:
        print(json.dumps(measure(options.data, options.catalogue, options.items[0])))
        return
    before: dict[str, float] = {}
    for items in options.items:
        command = [sys.executable, __file__, str(options.data), "--catalogue", options.catalogue]
        run = subprocess.run([*command, "--items", str(items)], check=True, stdout=subprocess.PIPE, text=True)
        row = json.loads(run.stdout.splitlines()[-1])
        if before:
            grown = math.log(row["processor seconds"] / before["processor seconds"])
            row["exponent"] = round(grown / math.log(row["items"] / before["items"]), 3)
        before = row
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()

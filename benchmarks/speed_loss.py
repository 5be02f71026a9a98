"""The graded contrastive loss, forward and backward, beside its matrix products and its peers.

Usage:
    python benchmarks/speed_loss.py [--sizes 4096 8192] [--large 65536] [--rounds 9] [--out results]

Items of 1,000 leaves under 100 parents, 128 dimensions. The limit is what any loss of this kind has to do:
all similarities, and their gradient times the embeddings, twice. Memory is the peak of a process of its own
beyond what it had before. The large batch is for leafcode alone, once, in such a process.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from pytorch_metric_learning.losses import SupConLoss

from leafcode import Taxonomy, graded_contrastive_loss
from leafcode.products import linear
from leafcode.taxonomy import Grades, TreeRelevance
from options import RESULTS
from speed_timing import (
    LIMIT,
    OURS,
    PLAIN,
    Timing,
    in_turn,
    keep,
    keeps_freed_memory,
    show,
    with_raised_thresholds,
)

DIM = 128
TEMPERATURE = 0.1
BLOCK = 512
"""Anchors at a time, whose similarities the caches hold."""
BY_DEPTH = f"{OURS}, a grade for each depth"
MATRIX = f"{OURS}, relevance as a matrix"
SUPCON = "pytorch-metric-learning, SupConLoss"


def ways(size: int) -> dict[str, Callable[[], object]]:
    """The loss of one batch, forward and backward, in several ways."""
    rng = np.random.default_rng(0)
    tree, nodes = Taxonomy.from_paths([f"{leaf // 100} > {leaf // 10} > {leaf}" for leaf in range(1000)])
    nodes = nodes[rng.integers(0, len(nodes), size)]
    rows, labels = torch.from_numpy(tree.ancestors[nodes]), torch.from_numpy(nodes)
    embeddings = torch.from_numpy(rng.standard_normal((size, DIM), np.float32)).requires_grad_()

    def step(loss: torch.Tensor) -> None:
        loss.backward()  # type: ignore[no-untyped-call]
        embeddings.grad = None

    def graded(grades: Grades, matrix: bool = False) -> None:
        relevance = grades.matrix(rows) if matrix else TreeRelevance(grades, rows)
        found = graded_contrastive_loss(embeddings, relevance, grades=grades.levels, temperature=TEMPERATURE)
        step(found.loss)

    def products() -> None:
        x = embeddings.detach()
        similarity = x @ x.T
        _ = similarity @ x, similarity.T @ x

    def products_in_blocks() -> None:
        x = embeddings.detach()
        for rows in torch.split(x, BLOCK):
            similarity = linear(x, rows)
            _ = linear(x.T, similarity.T), linear(similarity, rows.T)

    return {
        LIMIT: products_in_blocks,
        PLAIN: products,
        OURS: lambda: graded(Grades.default()),
        BY_DEPTH: lambda: graded(Grades.by_depth(3)),
        MATRIX: lambda: graded(Grades.default(), matrix=True),
        SUPCON: lambda: step(SupConLoss(temperature=TEMPERATURE)(embeddings, labels)),
    }


def once(size: int, way: str) -> tuple[float, float]:
    """Seconds, and MiB of resident memory beyond the inputs, that a way takes in this process (Linux)."""
    chosen, warm = ways(size)[way], ways(64)[way]
    warm()
    status, peaks = Path("/proc/self/status"), []
    for take in (lambda: None, chosen):
        Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
        begun = time.perf_counter()
        take()
        seconds = time.perf_counter() - begun
        peaks.append(int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]))  # type: ignore[index]
    return seconds, (peaks[1] - peaks[0]) / 1024


def in_own_process(size: int, way: str) -> tuple[float, str]:
    """Seconds and memory of `once`."""
    command = [sys.executable, __file__, "--once", str(size), way]
    seconds, peak = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return seconds, f"{peak:,.0f} MiB"


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=[4096, 8192])
    parser.add_argument("--large", type=int, default=65536)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--once", nargs=2, metavar=("SIZE", "WAY"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        print(json.dumps(once(int(options.once[0]), options.once[1])))
        return
    timings: list[Timing] = []
    for size in options.sizes:
        found = in_turn(f"batch of {size:,}", ways(size), rounds=options.rounds)
        if not keeps_freed_memory():
            found = [dataclasses.replace(one, note=in_own_process(size, one.way)[1]) for one in found]
        timings += found
    if not keeps_freed_memory():
        timings = with_raised_thresholds("loss", timings, rounds=3)
        seconds, peak = in_own_process(options.large, OURS)
        timings.append(Timing(f"batch of {options.large:,}, once", OURS, seconds, note=peak))
    show(timings)
    keep("loss", timings, options.out)


if __name__ == "__main__":
    main()

"""The graded contrastive loss, forward and backward, beside its matrix products and its peers.

Usage:
    python benchmarks/speed_loss.py [--sizes 4096 8192] [--rounds 9] [--out results]

Items of 1,000 leaves under 100 parents, 128 dimensions. The limit is what any loss of this kind has to do:
all similarities, and their gradient times the embeddings, twice. Memory is the peak of a process of its own
beyond what it had before.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from pytorch_metric_learning.losses import SupConLoss

from leafcode import Taxonomy, graded_contrastive_loss
from leafcode.taxonomy import Grades, TreeRelevance
from options import RESULTS
from speed_timing import LIMIT, OURS, Timing, in_turn, keep, show

DIM = 128
TEMPERATURE = 0.1
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

    return {
        LIMIT: products,
        OURS: lambda: graded(Grades.default()),
        BY_DEPTH: lambda: graded(Grades.by_depth(3)),
        MATRIX: lambda: graded(Grades.default(), matrix=True),
        SUPCON: lambda: step(SupConLoss(temperature=TEMPERATURE)(embeddings, labels)),
    }


def peak_memory(size: int, way: str) -> float:
    """MiB of resident memory that a way takes beyond its inputs, in this process (Linux)."""
    chosen, warm = ways(size)[way], ways(64)[way]
    warm()
    status, peaks = Path("/proc/self/status"), []
    for take in (lambda: None, chosen):
        Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
        take()
        peaks.append(int(re.search(r"VmHWM:\s+(\d+)", status.read_text())[1]))  # type: ignore[index]
    return (peaks[1] - peaks[0]) / 1024


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--sizes", nargs="+", type=int, default=[4096, 8192])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--memory", nargs=2, metavar=("SIZE", "WAY"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        print(json.dumps(peak_memory(int(options.memory[0]), options.memory[1])))
        return
    timings: list[Timing] = []
    for size in options.sizes:
        found = in_turn(f"batch of {size:,}", ways(size), rounds=options.rounds)
        for one in found:
            command = [sys.executable, __file__, "--memory", str(size), one.way]
            peak = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            timings.append(Timing(one.case, one.way, one.seconds, note=f"{peak:,.0f} MiB"))
    show(timings)
    keep("loss", timings, options.out)


if __name__ == "__main__":
    main()

"""Building hierarchical samplers and drawing batches, beside the floor and the peers.

Usage:
    python benchmarks/speed_sampler.py [--items 10000000] [--rounds 300] [--out results]

100,000 leaves in a tree of depth 5. The floor of building is a counting sort of the items by their leaf, that
of drawing one random offset for each item of a batch. Every batch that is timed is checked for what the
sampler guarantees: its size, no item twice, a pair of one category, of siblings, and of strangers.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pytorch_metric_learning.samplers import MPerClassSampler
from scipy import sparse

from leafcode import HierarchicalBatchSampler, Taxonomy
from options import RESULTS
from speed_timing import OURS, Timing, keep, show

BATCH = 1024
FLOOR = "the floor: counting sort, or random offsets"
M_PER_CLASS = "pytorch-metric-learning, MPerClassSampler"


def items_in_a_tree(items: int, seed: int = 0) -> tuple[Taxonomy, npt.NDArray[np.int32]]:
    """A tree of 10 roots, each node with 10 children, down to depth 5; and the leaf of each item."""
    codes = [f"{leaf:05d}" for leaf in range(100_000)]
    tree, leaves = Taxonomy.from_paths([" > ".join(code[: d + 1] for d in range(5)) for code in codes])
    return tree, leaves[np.random.default_rng(seed).integers(0, len(leaves), items)]


def array_bytes(held: object, seen: set[int]) -> int:
    """Bytes of the NumPy arrays that an object holds, but for those of its tree."""
    if id(held) in seen or isinstance(held, Taxonomy):
        return 0
    seen.add(id(held))
    if isinstance(held, np.ndarray):
        return held.nbytes if held.base is None else array_bytes(held.base, seen)
    if isinstance(held, tuple | list):
        return sum(array_bytes(one, seen) for one in held)
    return sum(array_bytes(one, seen) for one in getattr(held, "__dict__", {}).values())


def check(batch: npt.NDArray[np.int64], nodes: npt.NDArray[np.int32], tree: Taxonomy) -> None:
    """Stop unless the batch holds what it must."""
    rows = tree.ancestors[nodes[batch]]
    _, counts = np.unique(rows[:, -1], return_counts=True)
    parents = np.unique(rows[:, -2:], axis=0)[:, 0]
    kept = (
        len(np.unique(batch)) == len(batch) == BATCH
        and counts.max() > 1
        and len(np.unique(parents)) < len(parents)
        and len(np.unique(rows[:, 0])) > 1
    )
    if not kept:
        raise SystemExit("a batch does not hold what is guaranteed")


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--items", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    tree, nodes = items_in_a_tree(options.items)
    size, timings = f"{options.items:,} items", []

    def took(begun: float) -> float:
        return time.perf_counter() - begun

    begun = time.perf_counter()
    sampler = HierarchicalBatchSampler(nodes, tree, batch_size=BATCH)
    timings.append(Timing(f"build, {size}", OURS, took(begun)))
    begun = time.perf_counter()
    sampler.batch(0)
    held = array_bytes(sampler, set()) / options.items
    timings.append(
        Timing(f"first batch of an epoch, {size}", OURS, took(begun), note=f"{held:.1f} bytes an item held")
    )
    seconds = []
    for index in range(1, options.rounds + 1):
        begun = time.perf_counter()
        batch = sampler.batch(index)
        seconds.append(took(begun))
        check(batch, nodes, tree)
    timings.append(
        Timing(
            f"batch of {BATCH:,}, {size}", OURS, statistics.median(seconds), note=f"{options.rounds} checked"
        )
    )

    begun = time.perf_counter()
    ones, every = np.ones(len(nodes), np.int8), np.arange(len(nodes), dtype=np.int32)
    by_leaf = sparse.coo_array((ones, (nodes, every)), shape=(len(tree), len(nodes))).tocsr()
    timings.append(Timing(f"build, {size}", FLOOR, took(begun)))
    rng, seconds = np.random.default_rng(0), []
    for _ in range(options.rounds):
        begun = time.perf_counter()
        _ = by_leaf.indices[rng.integers(0, len(nodes), BATCH)]
        seconds.append(took(begun))
    timings.append(Timing(f"batch of {BATCH:,}, {size}", FLOOR, statistics.median(seconds)))

    begun = time.perf_counter()
    peer = MPerClassSampler(nodes, m=4, batch_size=BATCH, length_before_new_iter=BATCH * 20)
    timings.append(Timing(f"build, {size}", M_PER_CLASS, took(begun), note="it knows one level"))
    begun = time.perf_counter()
    list(peer)
    timings.append(Timing(f"batch of {BATCH:,}, {size}", M_PER_CLASS, took(begun) / 20))
    show(timings)
    keep("sampler", timings, options.out)


if __name__ == "__main__":
    main()

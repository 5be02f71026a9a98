"""What every step costs as a catalogue and its tree grow, as points for the formulas of docs/scale.md.

Usage:
    python benchmarks/scale.py [--items 10000 … 10000000] [--categories 10000 30000 100000]
        [--memory-items 300000 … 4000000] [--check 3000000] [--check-categories 30000]
        [--check-memory 2000000]

Vectors are float16, memory-mapped, at random around a direction for each of 1,000 leaves of a tree of depth
5. What grows with the items is timed at every size, with 1,000 categories; training and k-means with those
and with --categories. Memory is that of `leafcode fit` and `leafcode encode` in processes of their own,
without pages of files. No formula is fitted to the points at --check, --check-categories and --check-memory:
they are kept for checking. benchmarks/scale_page.py makes docs/scale.md of them.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from big_catalogue import CHUNK, GIB, path_of, watch, write_items
from figures import machine
from leafcode import HierarchicalBatchSampler, IdRegistry, RQVAEConfig, Taxonomy, Trainer, TrainingConfig
from leafcode.catalog import Catalog, Embedder, check_embeddings, read_catalog
from leafcode.codes import encode_codes, encode_items
from leafcode.evaluation import evaluate, sample_rows
from leafcode.evaluation.summary import MOST_AMONG, MOST_QUERIES
from leafcode.files import write_text
from leafcode.pipeline.encode_parts import CODES
from leafcode.pipeline.items import category_ancestors, category_path_array, hold_out, text_array
from leafcode.pipeline.source import DEFAULT_MODEL, content_digest
from leafcode.quantizers import RQVAE
from leafcode.serving import RunFolder, ids_batches
from leafcode.training import new_model
from leafcode.training.prefetch import prefetch
from options import RESULTS, WORK
from scale_cost import Point

DIM = 384
LEAVES = 1000
SAMPLED = 80_000
"""Items to train on: more than are drawn, so that they get their places in the tree as in a big catalogue."""
STEPS = 9
"""Of each phase, of which the median counts."""
ENCODED = 400_000_000
"""Items times categories that are encoded for each number of categories."""
PART_ROWS = 100_000
FLAGS = ["--device", "cpu", "--text"]
WORDS = "red old small dry sweet wild fresh glass steel wool oak milk salt tea soap lamp chair knife rope"
SIZES = (1024, 256, 64)
Vectors = npt.NDArray[np.float16]
T = TypeVar("T")


def timed(way: Callable[[], T], rounds: int = 5) -> tuple[float, T]:
    """Seconds, the median of so many rounds as far as they fit in a second, and what comes out."""
    seconds: list[float] = []
    while True:
        begun = time.perf_counter()
        made = way()
        seconds.append(time.perf_counter() - begun)
        if len(seconds) == rounds or sum(seconds) > 1:
            return statistics.median(seconds), made


def make_vectors(file: Path, items: int) -> Vectors:
    """Write vectors around the direction of their leaf, and open them."""
    rng = np.random.default_rng(0)
    leaves, noise = (rng.standard_normal((rows, DIM), np.float32) for rows in (LEAVES, CHUNK))
    vectors = np.lib.format.open_memmap(file, "w+", np.float16, (items, DIM))
    for number, first in enumerate(range(0, items, CHUNK)):
        rows = np.arange(first, min(first + CHUNK, items))
        # Other noise in every block at no cost: the same numbers, in other columns.
        block = leaves[rows % LEAVES] + np.roll(noise, number, axis=1)[: len(rows)]
        vectors[first : first + CHUNK] = block / np.linalg.norm(block, axis=1, keepdims=True)
    vectors.flush()
    opened: Vectors = np.load(file, mmap_mode="r")
    return opened


def training(vectors: Vectors, categories: int, sizes: Sequence[int] = SIZES) -> tuple[RQVAE, list[Point]]:
    """Steps of the three phases, k-means and encoding with so many categories; and the model."""
    items = min(len(vectors), max(SAMPLED, categories + categories // 10))
    tree, leaves = Taxonomy.from_paths([path_of(leaf, categories) for leaf in range(categories)])
    nodes = leaves[np.arange(items) % categories]
    config = TrainingConfig(tree_steps=STEPS, content_steps=STEPS, steps=STEPS)
    model = new_model(RQVAEConfig(DIM, tuple(sizes)), 0, nodes, tree)
    trainer = Trainer(model, vectors[:items], nodes, tree, config, progress=False)
    points, placing = [], 0.0
    for phase, before in (("tree", None), ("content", "k-means"), ("codes", "turn")):
        if phase == "content":
            placing, _ = timed(trainer._codes.take_tree_parts, rounds=1)
            points.append(Point("places", len(trainer._codes._with_parts), categories, placing))
        seconds, _ = timed(partial(trainer._begin, phase), rounds=1)
        if before:
            # The phase of content begins with the places too.
            own = seconds - placing if phase == "content" else seconds
            points.append(Point(before, items, categories, own))
        model.train()
        batches = prefetch(partial(trainer._draw, phase), range(STEPS))
        steps = [timed(partial(trainer._step, phase, *one), rounds=1)[0] for one in enumerate(batches)]
        points.append(Point(f"{phase} step", items, categories, statistics.median(steps)))
    model.eval()
    some = vectors[: min(items, ENCODED // categories)]
    seconds, _ = timed(lambda: encode_codes(model, some))
    return model, [*points, Point("encode", len(some), categories, seconds)]


def growing(table: Path, vectors: Vectors, model: RQVAE, most_encoded: int) -> Iterator[Point]:
    """What grows with the items, on as many as there are vectors."""
    items = len(vectors)

    def point(cost: str, value: float) -> Point:
        return Point(cost, items, LEAVES, value)

    def read() -> Catalog:
        check_embeddings(vectors)
        catalog = read_catalog(table, text_columns=(), path_column="path")
        return dataclasses.replace(catalog, embeddings=vectors)

    seconds, catalog = timed(read)
    yield point("read", seconds)
    if catalog.taxonomy is None:
        raise SystemExit(f"{table} has no paths")
    yield point("digest", timed(lambda: content_digest(catalog))[0])
    seconds, held_out = timed(lambda: hold_out(catalog, 0.2, 0))
    yield point("split", seconds)
    build = partial(HierarchicalBatchSampler, catalog.nodes, catalog.taxonomy, batch_size=512)
    seconds, sampler = timed(build)
    yield point("sampler", seconds)
    yield point("first batch", timed(partial(sampler.step_batch, 0), rounds=1)[0])
    seconds, some = timed(lambda: encode_codes(model, vectors[:most_encoded]))
    if len(some) == items:
        yield point("encode", seconds)
    codes = np.resize(some.astype(np.int32), (items, some.shape[1]))
    seconds, (_, registry) = timed(lambda: IdRegistry.empty(codes.shape[1]).assign(catalog.ids, codes))
    yield point("assign", seconds)
    split = pa.DictionaryArray.from_arrays(held_out.astype(np.int8), ["train", "heldout"])
    given = {"path": category_path_array(catalog), "text": text_array(catalog), "split": split}
    folder = RunFolder(table.parent)
    yield point("write", timed(lambda: folder.write_id_batches(ids_batches(registry, catalog.ids, given)))[0])
    yield point("ids file", folder.ids.stat().st_size)
    rows = sample_rows(held_out, 0)
    if rows is not None and len(rows) == MOST_QUERIES + MOST_AMONG:
        vectors_of_some, ancestors = np.asarray(vectors[rows], np.float32), category_ancestors(catalog)
        encoded = encode_items(model, vectors_of_some)
        measure = partial(evaluate, codes, held_out, ancestors, vectors_of_some, encoded.reconstructions)
        sizes = model.config.sizes
        yield point("measures", timed(lambda: measure(encoded.quantized, sizes, seed=0, rows=rows))[0])


def fit_memory(work: Path, vectors: Vectors, run: Path) -> Point:
    """Of `leafcode fit` on as many items as there are vectors; leaves the run."""
    table, beside = work / "fit.parquet", work / "fit.npy"
    write_items(table, len(vectors), LEAVES)
    np.save(beside, vectors)
    command = ["fit", str(table), "--out", str(run), "--path", "path", "--embeddings", str(beside), *FLAGS]
    command += [f"--{name}={STEPS}" for name in ("tree-steps", "content-steps", "steps")]
    peaks = watch([*command, "--levels", "256,64,16", "--no-baselines", "--no-ceilings", "--overwrite"])
    beside.unlink()
    return Point("fit memory", len(vectors), LEAVES, peaks["peak anonymous GiB"] * GIB)


def encode_memory(work: Path, vectors: Vectors, run: Path) -> Iterator[Point]:
    """Of `leafcode encode` of a folder of as many items as there are vectors; and the size of its codes."""
    table, parts, out = work / "encode.parquet", work / "parts", work / "ids"
    write_items(table, len(vectors), LEAVES)
    parts.mkdir()
    rows = pq.read_table(table)
    for first in range(0, len(vectors), PART_ROWS):
        some = vectors[first : first + PART_ROWS]
        lists = pa.FixedSizeListArray.from_arrays(pa.array(some.ravel()), DIM)
        part = rows.slice(first, PART_ROWS).append_column("embedding", lists)
        pq.write_table(part, parts / f"{first:012}.parquet", use_dictionary=["path"])
    own = shutil.copytree(run, work / "own")
    command = ["encode", str(own), str(parts), "--out", str(out), "--path", "path", *FLAGS]
    peaks = watch([*command, "--embedding", "embedding"])
    yield Point("encode memory", len(vectors), LEAVES, peaks["peak anonymous GiB"] * GIB)
    size = sum(file.stat().st_size for file in (out / CODES).iterdir())
    yield Point("codes file", len(vectors), LEAVES, size)
    for folder in (parts, own, out):
        shutil.rmtree(folder)


def embedding(texts: int = 512) -> Point:
    """Short texts, of ten words each, through the default model."""
    rng = np.random.default_rng(0)
    some = [" ".join(rng.choice(WORDS.split(), 10)) for _ in range(texts)]
    embedder = Embedder(DEFAULT_MODEL, progress=False)
    embedder.embed(some[:8])  # loads the model
    return Point("embed", texts, 0, timed(lambda: embedder.embed(some), rounds=1)[0])


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    sizes = [10_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000]
    parser.add_argument("--items", type=int, nargs="+", default=sizes)
    parser.add_argument("--categories", type=int, nargs="+", default=[10_000, 30_000, 100_000])
    memory = [300_000, 1_000_000, 2_000_000, 4_000_000]
    parser.add_argument("--memory-items", type=int, nargs="*", default=memory)
    parser.add_argument("--most-encoded", type=int, default=3_000_000, help="items, at one size")
    parser.add_argument("--check", type=int, default=3_000_000, help="items that no formula has seen")
    parser.add_argument("--check-categories", type=int, default=30_000, help="the same of categories")
    parser.add_argument("--check-memory", type=int, default=2_000_000, help="the same of memory")
    parser.add_argument(
        "--work", type=Path, default=WORK.with_name("scale"), help="a new folder, removed at the end"
    )
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of scale.json")
    options = parser.parse_args()
    options.work.mkdir(parents=True)
    try:
        points = measure_all(options)
    finally:
        shutil.rmtree(options.work)
    kept = {"machine": machine(), "sizes": SIZES, "points": [dataclasses.asdict(one) for one in points]}
    write_text(options.out / "scale.json", json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def measure_all(options: argparse.Namespace) -> list[Point]:
    """All points, printed as they come."""
    begun, points, work = time.perf_counter(), list[Point](), options.work

    def keep(found: Iterable[Point], *, unseen: bool = False) -> None:
        for one in found:
            points.append(dataclasses.replace(one, unseen=unseen))
            size = f"{one.items:12,} items {one.categories:8,} categories"
            print(f"{time.perf_counter() - begun:6.0f} s  {one.cost:14} {size}  {one.value:.6g}", flush=True)

    keep([embedding()])
    most = max(*options.items, *options.memory_items, SAMPLED)
    vectors = make_vectors(work / "vectors.npy", most)
    model, found = training(vectors, LEAVES)
    keep(found)
    for categories in options.categories:
        keep(training(vectors, categories)[1], unseen=categories == options.check_categories)
    for items in options.items:
        write_items(work / "items.parquet", items, LEAVES)
        grown = growing(work / "items.parquet", vectors[:items], model, options.most_encoded)
        keep(grown, unseen=items == options.check)
    if options.memory_items:
        fit_memory(work, vectors[: min(options.items)], work / "small")
    for items in options.memory_items:
        unseen = items == options.check_memory
        keep([fit_memory(work, vectors[:items], work / "run")], unseen=unseen)
        keep(encode_memory(work, vectors[:items], work / "small"), unseen=unseen)
    return points


if __name__ == "__main__":
    main()

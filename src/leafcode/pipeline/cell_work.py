"""What a process needs to train and measure one cell of a comparison, and how it does so."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.catalog import Catalog
from leafcode.evaluation import evaluate, sample_rows
from leafcode.methods import METHODS, Task, TrainedMethod
from leafcode.pipeline.cells import Cell
from leafcode.pipeline.coding import code_items
from leafcode.pipeline.items import catalog_embeddings, category_ancestors
from leafcode.quantizers import RQVAEConfig
from leafcode.serving.storage import read_table, write_json, write_table
from leafcode.taxonomy import Taxonomy
from leafcode.training import TrainingConfig


@dataclass(frozen=True)
class CellWork:
    """Settings that all cells share, and where their data lie.

    Attributes:
        arrays: Folder that `write_arrays` filled; processes share its pages, but not their training rows.
        results: Folder of the cells' files.
        shape: Code budget and network.
        training: Settings; the seed is that of the cell.
        device: Where to train.
    """

    arrays: Path
    results: Path
    shape: RQVAEConfig
    training: TrainingConfig
    device: str


def write_arrays(folder: Path, catalog: Catalog, held_out: Mapping[int, npt.NDArray[np.bool_]]) -> None:
    """Write what the cells read: the catalogue's arrays and tree, and the held-out items of each seed."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        "embeddings": catalog_embeddings(catalog),
        "nodes": catalog.nodes,
        "ancestors": category_ancestors(catalog),
        **({} if catalog.places is None else {"places": catalog.places}),
        **{f"held-out-{seed}": mask for seed, mask in held_out.items()},
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    if catalog.taxonomy is not None:
        write_table(folder / "taxonomy.parquet", catalog.taxonomy.to_table())


def run_cell(work: CellWork, cell: Cell) -> None:
    """Train one cell, measure it on its held-out items, and write its file.

    Raises:
        InputError: The method cannot train on these items, or the file cannot be written.
        TrainingError: Training cannot go on.
    """
    measured = train_and_measure(
        work, cell.seed, lambda task: METHODS[cell.method].train(task, cell.strength), work.shape.sizes
    )
    write_json(work.results / f"{cell.key}.json", dataclasses.asdict(cell) | measured)


def train_and_measure(
    work: CellWork, seed: int, train: Callable[[Task], TrainedMethod], sizes: Sequence[int]
) -> dict[str, Any]:
    """Train on the items that a seed leaves to learn from, and measure on those it holds out.

    Args:
        work: Where the data lie, and the settings.
        seed: Of the split and of training.
        train: Trains on the task of that seed.
        sizes: Number of codes of each level of what it trains.

    Returns:
        seconds of training, settings that the method found, metrics.
    """

    def load(name: str) -> npt.NDArray[Any]:
        array: npt.NDArray[Any] = np.load(work.arrays / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        return array

    embeddings = load("embeddings")
    held_out = np.array(load(f"held-out-{seed}"), np.bool_)
    rows = np.flatnonzero(~held_out)
    tree, several = work.arrays / "taxonomy.parquet", (work.arrays / "places.npy").exists()
    task = Task(
        embeddings=embeddings[rows],
        nodes=np.asarray(load("nodes"), np.int64)[rows],
        taxonomy=Taxonomy.from_table(read_table(tree)) if tree.exists() else None,
        shape=work.shape,
        training=dataclasses.replace(work.training, seed=seed),
        device=work.device,
        progress=False,
        places=np.asarray(load("places"), np.int64)[rows] if several else None,
    )
    begun = time.perf_counter()
    trained = train(task)
    seconds = time.perf_counter() - begun
    some = sample_rows(held_out, seed)
    coding = code_items(trained.encode, embeddings, some)
    metrics = evaluate(
        coding.codes,
        held_out,
        load("ancestors"),
        embeddings if some is None else embeddings[some],
        coding.encoded.reconstructions,
        coding.encoded.quantized,
        sizes,
        seed=seed,
        rows=some,
    )
    return {"seconds": seconds, "settings": dict(trained.settings), "metrics": metrics}

"""A small catalogue with vectors of its own, for the tests of the pipeline and the command line."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leafcode.pipeline import FitOptions
from leafcode.training import TrainingConfig

DIM = 12
SHORT = TrainingConfig(
    tree_steps=16,
    content_steps=16,
    steps=24,
    evaluate_every=8,
    batch_size=64,
    contrast_batch_size=48,
    contrast_weight=1.0,
)
OPTIONS = FitOptions(sizes=(8, 4), tree_dim=8, hidden_dim=16, training=SHORT)
COMMAND_OPTIONS = [
    *("--levels", "8,4", "--tree-steps", "16", "--content-steps", "16", "--steps", "24"),
    *("--contrast-weight", "1"),
    *("--batch-size", "64", "--contrast-batch-size", "48", "--quiet"),
]
"""About the same on the command line."""


@dataclass(frozen=True)
class Files:
    """Paths of a catalogue on disk, its rows and its vectors; a row without a path is unlabelled."""

    items: Path
    vectors: Path
    rows: list[dict[str, Any]]
    embeddings: np.ndarray

    @property
    def arguments(self) -> list[str]:
        """Words of a command line that name the files and the path column."""
        return [str(self.items), "--path", "path", "--embeddings", str(self.vectors)]

    def pick(self, places, stem: str, folder: Path | None = None) -> Files:
        """Some of the items in files of their own."""
        folder = folder or self.items.parent
        rows = [self.rows[place] for place in places]
        return write(folder, rows, self.embeddings[np.asarray(places)], stem)

    def with_embeddings(self, embeddings: np.ndarray) -> Files:
        """The same files after other vectors were written to them."""
        np.save(self.vectors, embeddings)
        return replace(self, embeddings=embeddings)


def clustered(items: int = 240, seed: int = 0) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Rows (id, text, brand, path) under three roots of two to four leaves, and vectors around their leaves.

    One item in twenty has no path, and one in twenty is filed on its root.
    """
    rng = np.random.default_rng(seed)
    leaves = [f"Root {root} > Leaf {root}{leaf}" for root in "ABC" for leaf in range(2 + ord(root) % 3)]
    roots = {leaf: rng.normal(size=DIM) for leaf in sorted({leaf[:6] for leaf in leaves})}
    centers = {leaf: roots[leaf[:6]] + 0.5 * rng.normal(size=DIM) for leaf in leaves}
    rows, vectors = [], []
    for item in range(items):
        leaf = leaves[int(rng.integers(len(leaves)))]
        path = None if item % 20 == 7 else leaf.split(" > ")[0] if item % 20 == 13 else leaf
        rows.append({"id": f"sku{item:03}", "text": f"item {item}", "brand": f"b{item % 3}", "path": path})
        vectors.append(centers[leaf] + 0.3 * rng.normal(size=DIM))
    return rows, np.asarray(vectors, np.float32)


def write(
    folder: Path, rows: list[dict[str, Any]], embeddings: np.ndarray | None, stem: str = "items.parquet"
) -> Files:
    """Write rows as the suffix of `stem` says, and vectors beside them under the same name."""
    items = folder / stem
    items.parent.mkdir(parents=True, exist_ok=True)
    if items.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), items)
    elif items.suffix == ".jsonl":
        items.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        with items.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, fieldnames=list(rows[0]))
            table.writeheader()
            table.writerows(rows)
    vectors = items.with_suffix(".npy")
    if embeddings is not None:
        np.save(vectors, embeddings)
    return Files(items, vectors, rows, np.empty((0, DIM)) if embeddings is None else embeddings)


def leaf_table(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parent table of the paths of `rows`: columns node, parent and name, the node being the path."""
    nodes: dict[str, dict[str, Any]] = {}
    for path in sorted({row["path"] for row in rows if row["path"]}):
        parent: str | None = None
        names = path.split(" > ")
        for depth, name in enumerate(names, start=1):
            key = " > ".join(names[:depth])
            nodes[key] = {"node": key, "parent": parent, "name": name}
            parent = key
    return list(nodes.values())


def with_several_paths(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with lists of paths: every fourth labelled item stands on a shelf of gifts too."""
    shelves = ["Gifts > Small", "Gifts > Large"]
    return [
        {
            **row,
            "path": ([row["path"]] if row["path"] else [])
            + ([shelves[item // 4 % 2]] if row["path"] and item % 4 == 0 else []),
        }
        for item, row in enumerate(rows)
    ]

"""A small audit on disk: a shop of four roots, some items of which are filed wrongly."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from leafcode.taxonomy import Taxonomy

NEIGHBORS = pa.list_(pa.struct([("id", pa.string()), ("similarity", pa.float32()), ("path", pa.string())]))
SALT, SPICES, OILS = "Pantry > Salt", "Pantry > Spices", "Pantry > Oils"
SOAP, SHAMPOO, ICE = "Bath > Care > Soap", "Bath > Care > Shampoo", "Frozen > Ice cream"
PATHS = [
    SALT,
    SPICES,
    OILS,
    "Pantry > Vinegar",
    "Pantry > Flour",
    "Pantry > Sugar",
    SOAP,
    SHAMPOO,
    ICE,
    "Garden",
]

# id, text, probability, kind, path, suggested path
ROWS = [
    ("7", "soap with sea salt", 0.97, "wrong branch", SALT, SOAP),
    ("8", "smoked paprika <b>hot</b>", 0.91, "wrong sibling", SALT, SPICES),
    ("9", "olive oil soap", 0.80, "wrong branch", OILS, SOAP),
    ("10", "shampoo bar", 0.55, "between siblings", SOAP, SHAMPOO),
    ("11", None, 0.40, "no fitting place", ICE, None),
    ("12", "pantry box", 0.30, "too general", "Pantry", SPICES),
    ("13", "table salt", 0.02, "none", SALT, None),
    ("14", "chilli flakes", 0.01, "none", SPICES, None),
    ("15", "shampoo", 0.01, "none", SHAMPOO, None),
]


@dataclass(frozen=True)
class AuditFiles:
    """The audit's folder and the catalogue that it is about."""

    folder: Path
    items: Path


def catalogue_table() -> pa.Table:
    """The catalogue, in another order than the findings; one item without a category."""
    rows = sorted(ROWS, key=lambda row: int(row[0]) * 7 % 11)
    return pa.table(
        {
            "id": [*(row[0] for row in rows), "99"],
            "text": [*(row[1] for row in rows), "unfiled"],
            "path": [*(row[4] for row in rows), None],
            "price": [f"{9 - row / 2:.2f}" for row in range(len(rows) + 1)],
        }
    )


def write_audit(folder: Path, *, items: Path | None = None, rows=ROWS, categories: bool = True) -> AuditFiles:
    """Write the folder as an audit does, and the catalogue (CSV) unless one is given."""
    folder.mkdir()
    if items is None:
        items = folder.parent / "items.csv"
        pa.csv.write_csv(catalogue_table(), items)
    source = {"items": str(items), "id_column": "id", "path_column": "path", "separator": " > "}
    about = {"format": "leafcode audit", "version": 1, "leafcode": "0.1.0"}
    text = json.dumps(about | {"source": source, "settings": {}, "summary": {}})
    (folder / "audit.json").write_text(text, encoding="utf-8")
    tree, _ = Taxonomy.from_paths(PATHS)
    pq.write_table(tree.to_table(), folder / "taxonomy.parquet")
    place = {identity: row for row, identity in enumerate(catalogue_table()["id"].to_pylist())}
    columns = list(zip(*rows, strict=True))
    # Evidence: the two next findings, and for what has no suggestion none.
    near = [
        [
            {"id": rows[j % len(rows)][0], "similarity": 0.9 - 0.1 * (j - i), "path": rows[j % len(rows)][4]}
            for j in (i + 1, i + 2)
        ]
        if row[5]
        else []
        for i, row in enumerate(rows)
    ]
    table = pa.table(
        {
            "id": pa.array(columns[0], pa.string()),
            "text": pa.array(columns[1], pa.string()),
            "probability": pa.array(columns[2], pa.float32()),
            "kind": pa.array(columns[3], pa.string()),
            "path": pa.array(columns[4], pa.string()),
            "suggested_path": pa.array(columns[5], pa.string()),
            "neighbors": pa.array(near, NEIGHBORS),
            "item": pa.array([place.get(row[0], len(place) + n) for n, row in enumerate(rows)], pa.int64()),
        }
    )
    pq.write_table(table, folder / "findings.parquet")
    if categories:
        found = [{"path": SALT, "kind": "overlap", "other_path": SPICES, "score": 0.8}]
        found += [{"path": ICE, "kind": "split", "other_path": None, "score": 0.4}]
        pq.write_table(pa.Table.from_pylist(found), folder / "categories.parquet")
    return AuditFiles(folder, items)

"""Parent tables: a row per category with its id, its parents and its name."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from leafcode.files import replacing
from leafcode.taxonomy.graph import CategoryGraph


def write_parent_table(graph: CategoryGraph, path: Path) -> None:
    """Write the columns ``id``, ``parent_id`` (the primary parent, null for a root) and ``name``.

    If a category has several parents, ``parent_ids`` lists all of them, primary first: as a list, and in CSV
    as the text of a JSON list. Faults are written as they are. Rows keep the order of the graph, but a parent
    table says nothing about the order of siblings.

    Args:
        graph: The categories.
        path: A file with the suffix .parquet, .csv or .jsonl.

    Raises:
        InputError: The file cannot be written.
    """
    form = path.suffix.lower()
    columns: dict[str, pa.Array] = {
        "id": pa.array(graph.ids, pa.string()),
        "parent_id": pa.array([above[0] if above else None for above in graph.parents], pa.string()),
        "name": pa.array(graph.names, pa.string()),
    }
    if any(len(above) > 1 for above in graph.parents):
        lists = [list(above) for above in graph.parents]
        if form == ".csv":
            columns["parent_ids"] = pa.array([json.dumps(each, ensure_ascii=False) for each in lists])
        else:
            columns["parent_ids"] = pa.array(lists, pa.list_(pa.string()))
    table = pa.table(columns)
    with replacing(path) as beside:
        if form == ".parquet":
            pa.parquet.write_table(table, beside)
        elif form == ".csv":
            pa.csv.write_csv(table, beside)
        else:
            lines = (json.dumps(row, ensure_ascii=False) for row in table.to_pylist())
            beside.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

"""The results of a comparison's cells as one tidy table, and as the figures by which it is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from leafcode.methods import Method
from leafcode.pipeline.cells import Cell
from leafcode.report.compare_data import Setting
from leafcode.report.measures import measure_index

RESULTS_SCHEMA = pa.schema(
    [
        ("method", pa.string()),
        ("strength", pa.float64()),
        ("seed", pa.int64()),
        ("measure", pa.string()),
        ("level", pa.int64()),
        ("depth", pa.int64()),
        ("value", pa.float64()),
    ]
)
"""Columns of results.parquet; strength is null for a method's default, level and depth where a measure has
none, value where it is undefined."""


def results_table(records: Mapping[Cell, Mapping[str, Any]]) -> pa.Table:
    """Every figure of every cell in a row of its own, with the columns of `RESULTS_SCHEMA`.

    Beside the measures of metrics.json there are ``seconds`` of training and, as ``settings.NAME``, what a
    method chose or was given.

    Args:
        records: Contents of the cells' files.

    Example:
        >>> record = {"seconds": 2.5, "settings": {}, "metrics": {"prefix_accuracy": {"1": 0.5}}}
        >>> results_table({Cell("tree", None, 0): record}).select(["measure", "depth", "value"]).to_pylist()
        [{'measure': 'seconds', 'depth': None, 'value': 2.5}, \
{'measure': 'prefix_accuracy', 'depth': 1, 'value': 0.5}]
    """
    rows = []
    for cell, record in records.items():
        named = {"method": cell.method, "strength": cell.strength, "seed": cell.seed}
        rows.append({**named, "measure": "seconds", "value": record["seconds"]})
        rows += [
            {**named, "measure": f"settings.{name}", "value": value}
            for name, value in record["settings"].items()
        ]
        for measure, value in record["metrics"].items():
            index = measure_index(measure)
            rows += [
                {**named, "measure": measure, "value": figure, **dict(zip(index, place, strict=True))}
                for place, figure in _figures(value)
            ]
    return pa.Table.from_pylist(rows, RESULTS_SCHEMA)


def _figures(value: object, place: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], float | None]]:
    """The numbers in nested objects, each with the keys that lead to it."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _figures(part, (*place, int(key)))
    elif value is None or isinstance(value, int | float):
        yield place, value


def settings_of(records: Mapping[Cell, Mapping[str, Any]], methods: Mapping[str, Method]) -> list[Setting]:
    """The cells by method and strength: methods in their order, of each the default first.

    Args:
        records: Contents of the cells' files.
        methods: By name.
    """
    runs: dict[tuple[str, float | None], dict[int, dict[str, Any]]] = {}
    for cell, record in records.items():
        run = {**record["metrics"], "seconds": record["seconds"], "settings": record["settings"]}
        runs.setdefault((cell.method, cell.strength), {})[cell.seed] = run
    order = list(methods)
    ranked = sorted(runs, key=lambda of: (order.index(of[0]), of[1] is not None, of[1] or 0.0))
    return [
        Setting(name, methods[name].title, methods[name].uses_tree, strength, runs[name, strength])
        for name, strength in ranked
    ]

"""Tables for the terminal and for files."""

from __future__ import annotations

import contextlib
import itertools
import json
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from leafcode.errors import InputError
from leafcode.files import replacing
from leafcode.report.verdict import Verdict

_WIDEST = 60
_SUFFIXES = (".parquet", ".csv", ".jsonl")


def text_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of the same keys as aligned columns; numbers to the right, long texts cut.

    Example:
        >>> print(text_table([{"item": "salt", "n": 1}, {"item": "soap", "n": 12}]))
        item   n
        salt   1
        soap  12
    """
    if not rows:
        return "(none)"
    names = list(rows[0])
    cells = [[_cell(row[name]) for name in names] for row in rows]
    right = [all(_is_number(row[column]) for row in cells) for column in range(len(names))]
    widths = [max(len(line[column]) for line in [names, *cells]) for column in range(len(names))]
    lines = [
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in [names, *cells]
    ]
    return "\n".join(lines)


def metrics_table(metrics: Mapping[str, Any]) -> str:
    """The main measures beside those of the baselines and what the embedding itself allows.

    Example:
        >>> ours = {"reconstruction": 0.2, "prefix_accuracy": {"1": 0.75}, "collision_rate": None}
        >>> print(metrics_table(ours))
        measure               leafcode
        reconstruction error    0.2000
        collision rate               –
        prefix accuracy 1       0.7500
    """
    columns: dict[str, Mapping[str, Any]] = {"leafcode": metrics}
    titles = {"lambda_0": "lambda = 0", "rq_kmeans": "RQ-KMeans"}
    for name, title in titles.items():
        if name in metrics.get("baseline", {}):
            columns[title] = metrics["baseline"][name]
    rows: list[dict[str, Any]] = []
    for title, key in (("reconstruction error", "reconstruction"), ("collision rate", "collision_rate")):
        rows.append({"measure": title} | {name: _figure(m.get(key)) for name, m in columns.items()})
    ceiling = metrics.get("ceiling", {})
    for title, key in (("prefix accuracy", "prefix_accuracy"), ("precision at 10", "precision_at_10")):
        for depth in metrics.get(key) or {}:
            row: dict[str, Any] = {"measure": f"{title} {depth}"}
            row |= {name: _figure((m.get(key) or {}).get(depth)) for name, m in columns.items()}
            if ceiling:
                known = [v for c in ceiling.values() if (v := (c or {}).get(depth)) is not None]
                row["ceiling"] = _figure(max(known, default=None)) if key == "prefix_accuracy" else ""
            rows.append(row)
    if "hp_at_10" in metrics:
        row = {"measure": "hierarchical precision at 10"}
        rows.append(row | {name: _figure(m.get("hp_at_10")) for name, m in columns.items()})
    if ceiling:
        rows = [{**row, "ceiling": row.get("ceiling", "")} for row in rows]
    return text_table(rows)


def check_table_path(path: Path) -> None:
    """The suffix of a table to write is one that `write_table` knows.

    Raises:
        InputError: It is not, the folder does not exist, or the path is one.
    """
    if path.suffix not in _SUFFIXES:
        raise InputError(str(path), f"the suffix {path.suffix!r}", f"one of {', '.join(_SUFFIXES)}")
    if not path.parent.is_dir():
        raise InputError(str(path), "no such folder", "a folder that exists")
    if path.is_dir():
        raise InputError(str(path), "a folder", "the name of a file")


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table in the format that the suffix names, in one piece."""
    write_batches([table], path)


def write_batches(batches: Iterable[pa.Table], path: Path) -> int:
    """Write tables of the same columns, at least one, one after the other; how many rows they have.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_batches([pa.table({"id": ["a"]}), pa.table({"id": ["b"]})], Path(folder, "x.csv"))
        2
    """
    rest, count = iter(batches), 0
    first = next(rest)
    with replacing(path) as beside, _writer(beside, path.suffix, first.schema) as write:
        for batch in itertools.chain([first], rest):
            write(batch)
            count += batch.num_rows
    return count


@contextlib.contextmanager
def _writer(path: Path, suffix: str, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """What writes a table after those before it, in the format of a suffix."""
    if suffix == ".parquet":
        with pa.parquet.ParquetWriter(path, schema) as parquet:
            yield parquet.write_table
    elif suffix == ".csv":
        with pa.csv.CSVWriter(path, schema) as csv:
            yield csv.write_table
    else:
        with path.open("w", encoding="utf-8") as lines:
            yield lambda table: lines.writelines(
                json.dumps(row, ensure_ascii=False) + "\n" for row in table.to_pylist()
            )


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _cell(value: object) -> str:
    text = "–" if value is None else " ".join(str(value).split())
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _is_number(text: str) -> bool:
    if "_" in text:  # a Semantic ID, which float() would take for one
        return False
    try:
        float(text.replace("–", "0") or "0")
    except ValueError:
        return False
    return True


def verdict_text(verdict: Verdict, width: int = 100) -> str:
    """The verdict as paragraphs.

    Example:
        >>> print(verdict_text(Verdict("good", "Worth it", "It is.", [("Gain", "a lot")], [])))
        Worth it. It is.
          Gain: a lot
    """
    lines = textwrap.wrap(f"{verdict.label}. {verdict.headline}", width)
    for term, sentence in verdict.points:
        lines += textwrap.wrap(f"{term}: {sentence}", width, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines)

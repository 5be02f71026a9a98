"""A copy of a catalogue's file in which some items have another category, and nothing else is changed."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leafcode.errors import InputError
from leafcode.files import replacing
from leafcode.taxonomy.readers import column_names, read_columns

_KINDS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "json lines",
    ".ndjson": "json lines",
    ".json": "json lines",
}


class Relabelling(NamedTuple):
    """Another category for a row.

    Attributes:
        id: The item that stands there.
        old: The category that stands there.
        new: The one to put there.
    """

    id: str
    old: str
    new: str


class _Columns(NamedTuple):
    """Which columns matter, and how a path is split (None for a column of keys)."""

    where: str
    id: str
    label: str
    separator: str | None


def copy_relabelled(
    source: str | Path,
    out: str | Path,
    changes: Mapping[int, Relabelling],
    *,
    id_column: str,
    label_column: str,
    separator: str | None = None,
) -> None:
    """Copy a catalogue with other categories in some rows.

    A copy of the same format keeps everything else: other rows of CSV and JSON Lines byte by byte, all types
    and metadata of Parquet. From CSV or JSON Lines to Parquet, columns get the types as which leafcode reads
    them.

    Args:
        source: Parquet, CSV, TSV or JSON Lines.
        out: The copy; of the same format, or Parquet.
        changes: By row, counted from 0.
        id_column: Column of ids.
        label_column: Column of categories.
        separator: Between the names of a path, whose surrounding white space does not count; None for keys.

    Raises:
        InputError: The copy would replace the source, its format is another one, a column is missing, or a
            row (counted from 1) does not hold the item and category that it held, cannot hold the new one, or
            is CSV with a cell longer than Python's limit.
    """
    source, out = Path(source), Path(out)
    check_copy(source, out)
    columns = _Columns(str(source), id_column, label_column, separator)
    kind = _KINDS[source.suffix.lower()]
    read_columns(source, [id_column, label_column])  # tells a file that is missing, damaged or another one
    with replacing(out) as beside:
        if _KINDS[out.suffix.lower()] != kind or kind == "parquet":
            pq.write_table(_relabelled_table(source, changes, columns), beside)
        elif kind == "json lines":
            with source.open("rb") as lines, beside.open("wb") as copy:
                copy.writelines(_json_lines(lines, changes, columns))
        else:
            _copy_csv(source, beside, changes, columns, "\t" if kind == "tsv" else ",")


def check_copy(source: Path, out: Path) -> None:
    """A copy of `source` may be written to `out`.

    Raises:
        InputError: It would replace the source, its format is another one, or its folder is missing.
    """
    kind = _KINDS.get(source.suffix.lower())
    if kind is None:
        raise InputError(str(source), f"the suffix {source.suffix!r}", f"one of {', '.join(_KINDS)}")
    if _KINDS.get(out.suffix.lower()) not in (kind, "parquet"):
        expected = f"{source.suffix}, as the catalogue has" + (" or .parquet" if kind != "parquet" else "")
        raise InputError(str(out), f"the suffix {out.suffix!r}", expected)
    if out.resolve() == source.resolve():
        raise InputError(str(out), "the catalogue itself", "another name for the corrected one")
    if not out.parent.is_dir():
        raise InputError(str(out), "no such folder", "a folder that exists")


def _check_row(row: int, identity: object, label: object, change: Relabelling, columns: _Columns) -> None:
    held = str(label)
    if columns.separator is not None:
        held = columns.separator.join(part.strip() for part in held.split(columns.separator))
    if (str(identity), held) != (change.id, change.old):
        raise InputError(
            f"{columns.where}: row {row + 1}",
            f"the item {identity!r} in {label!r}",
            f"the item {change.id!r} in {change.old!r}, as in the audit",
            "The catalogue has changed since it was audited.",
        )


def _new_value(change: Relabelling, kind: pa.DataType, row: int, columns: _Columns) -> Any:  # noqa: ANN401
    """The new category as a value of the column's type."""
    try:
        return pa.scalar(change.new, pa.large_string()).cast(kind).as_py()
    except pa.ArrowInvalid as error:
        raise InputError(
            f"{columns.where}: row {row + 1}",
            f"the new category {change.new!r} of the item {change.id!r}",
            f"a value that fits the column {columns.label!r}, which has the type {kind}",
            "Write the column as text, and audit it again.",
        ) from error


def _check_all_found(rows: int, changes: Mapping[int, Relabelling], columns: _Columns) -> None:
    last = max(changes, default=-1)
    if last >= rows:
        raise InputError(columns.where, f"{rows} rows", f"at least {last + 1}, as when it was audited")


def _relabelled_table(source: Path, changes: Mapping[int, Relabelling], columns: _Columns) -> pa.Table:
    if _KINDS[source.suffix.lower()] == "parquet":
        with pq.ParquetFile(source) as file:
            table = file.read()
    else:
        table = read_columns(source, column_names(source))
    _check_all_found(table.num_rows, changes, columns)
    rows = np.array(sorted(changes), np.int64)
    field = table.schema.field(columns.label)
    held = table.select([columns.id, columns.label]).take(rows)
    for row, identity, label in zip(
        rows.tolist(), held[columns.id].to_pylist(), held[columns.label].to_pylist(), strict=True
    ):
        _check_row(row, identity, label, changes[row], columns)
    plain = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    new = pa.array([_new_value(changes[row], plain, row, columns) for row in rows.tolist()], plain)
    before = table[columns.label].cast(plain).combine_chunks()
    # Rows of old and new one after the other, and of each row the place of its value.
    place = np.arange(table.num_rows)
    place[rows] = table.num_rows + np.arange(len(rows))
    after = pa.chunked_array([before, new]).take(place)
    if pa.types.is_dictionary(field.type):
        after = after.dictionary_encode().cast(field.type)
    return table.set_column(table.schema.get_field_index(columns.label), field, after)


def _json_lines(
    lines: Iterator[bytes], changes: Mapping[int, Relabelling], columns: _Columns
) -> Iterator[bytes]:
    row = 0
    for line in lines:
        if not line.strip():
            yield line
            continue
        if row in changes:
            item: dict[str, Any] = json.loads(line.decode("utf-8-sig", "surrogateescape"))
            old = item.get(columns.label)
            _check_row(row, item.get(columns.id), old, changes[row], columns)
            kind = pa.int64() if isinstance(old, int) else pa.large_string()
            item[columns.label] = _new_value(changes[row], kind, row, columns)
            ending = line[len(line.rstrip(b"\r\n")) :]
            line = json.dumps(item, ensure_ascii=False).encode(errors="surrogateescape") + ending
        yield line
        row += 1
    _check_all_found(row, changes, columns)


def _copy_csv(
    source: Path, out: Path, changes: Mapping[int, Relabelling], columns: _Columns, delimiter: str
) -> None:
    with source.open("rb") as file:
        # By this mark spreadsheets know UTF-8; it is no part of the first column's name.
        marked = file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8
    # Columns that leafcode does not read may be in another encoding: their bytes pass through as they are.
    encoding = "utf-8-sig" if marked else "utf-8"
    with (
        source.open(encoding=encoding, errors="surrogateescape", newline="") as lines,
        out.open("w", encoding=encoding, errors="surrogateescape", newline="") as copy,
    ):
        copy.writelines(_csv_records(lines, changes, columns, delimiter))


def _csv_records(
    lines: Iterable[str], changes: Mapping[int, Relabelling], columns: _Columns, delimiter: str
) -> Iterator[str]:
    raw: list[str] = []  # lines of the record that is being read, of which a quoted cell may take several

    def remembered() -> Iterator[str]:
        for line in lines:
            raw.append(line)
            yield line

    identity = label = -1
    row = -1  # the header
    for cells in _cells(csv.reader(remembered(), delimiter=delimiter), columns):
        record = "".join(raw)
        raw.clear()
        if cells and row < 0:
            identity, label = cells.index(columns.id), cells.index(columns.label)
        elif cells and row in changes:
            _check_row(row, cells[identity], cells[label], changes[row], columns)
            cells[label] = changes[row].new
            ending = record[len(record.rstrip("\r\n")) :]
            changed = io.StringIO()
            # Only what may end a line is quoted: with "\n" alone a bare "\r" in a cell would not be.
            csv.writer(changed, delimiter=delimiter, lineterminator="\r\n").writerow(cells)
            record = changed.getvalue().removesuffix("\r\n") + ending
        yield record
        row += bool(cells)  # blank lines are no rows
    _check_all_found(row, changes, columns)


def _cells(records: Iterator[list[str]], columns: _Columns) -> Iterator[list[str]]:
    """The records of a reader, whose limit is told as an error of the user's file."""
    try:
        yield from records
    except csv.Error as error:
        limit = f"cells of at most {csv.field_size_limit():,} characters"
        hint = "Write the corrected catalogue as .parquet, which has no such limit."
        raise InputError(columns.where, f"a row that cannot be split ({error})", limit, hint) from error

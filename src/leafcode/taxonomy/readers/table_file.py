"""Columns of a Parquet, CSV or JSON Lines file, with errors that name the file, the column and the row."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from leafcode.errors import InputError

_BLOCK_BYTES = 1 << 24  # JSON: a line must fit into a block, and types are inferred per block


def read_columns(path: str | Path, columns: Sequence[str]) -> pa.Table:
    r"""Read some columns of a table, chosen by suffix: Parquet, CSV, TSV or JSON Lines.

    - ``.parquet``, ``.pq``.
    - ``.csv``, ``.tsv``: with a header line. Every column is read as text, so that the id ``007`` stays as it
      is; an empty cell is a null, ``NA`` is text.
    - ``.jsonl``, ``.ndjson``, ``.json``: one JSON object per line. Text that looks like a date stays text.

    Args:
        path: The file.
        columns: Names of the columns, at least one; repeated names count once.

    Returns:
        A table of exactly these columns, at least one row.

    Raises:
        InputError: The file is missing, of another kind, damaged, or has no row; or a column is missing or
            occurs twice.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "items.csv")
        ...     _ = file.write_text("id,path\n007,\n")
        ...     read_columns(file, ["id", "path"]).to_pylist()
        [{'id': '007', 'path': None}]
    """
    path = Path(path)
    wanted = list(dict.fromkeys(columns))
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise InputError(str(path), f"the suffix {path.suffix!r}", f"one of {', '.join(_FORMATS)}")
    reader, content = _FORMATS[suffix]
    if not path.is_file():
        raise InputError(str(path), "a folder" if path.is_dir() else "no such file", "a file")
    try:
        table = reader(path, wanted)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(str(path), f"content that cannot be read ({error})", content) from error
    if table.num_rows == 0:
        raise InputError(str(path), "no row", "at least one row")
    return table


def text_column(table: pa.Table, column: str, where: str, *, numbers: bool = False) -> pa.LargeStringArray:
    """A column as text, nulls kept.

    Args:
        table: A table that has the column.
        column: Its name.
        where: Place named in errors.
        numbers: Accept any type that can be written as text; otherwise only text and whole numbers, because
            an id that went through floats (``1.0``) is not the id it was.

    Returns:
        ``large_string`` array (rows,).

    Raises:
        InputError: The column is of another type.

    Example:
        >>> text_column(pa.table({"id": [7, 8]}), "id", "items").to_pylist()
        ['7', '8']
    """
    values = table[column].combine_chunks()
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    exact = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    exact = exact or pa.types.is_integer(kind) or pa.types.is_null(kind)
    place = f"{where}: column {column!r}"
    expected = "text, or values that can be written as text" if numbers else "text or whole numbers"
    if not exact and not numbers:
        raise InputError(place, f"values of type {values.type}", expected, "Cast the column to text.")
    try:
        return pc.cast(pc.cast(values, kind), pa.large_string())
    except pa.ArrowException as error:
        raise InputError(place, f"values of type {values.type}", expected) from error


def first_null(column: pa.Array) -> int | None:
    """Place of the first null, counted from 0, or None."""
    if column.null_count == 0:
        return None
    return int(np.flatnonzero(np.asarray(column.is_null()))[0])


def _parquet(path: Path, columns: list[str]) -> pa.Table:
    with pa.parquet.ParquetFile(path) as file:
        _check_columns(file.schema_arrow.names, columns, path)
        return file.read(columns=columns).select(columns)


def _csv(path: Path, columns: list[str]) -> pa.Table:
    parse = pa.csv.ParseOptions(
        delimiter="\t" if path.suffix.lower() == ".tsv" else ",", newlines_in_values=True
    )
    with pa.csv.open_csv(path, parse_options=parse) as reader:
        _check_columns(reader.schema.names, columns, path)
    convert = pa.csv.ConvertOptions(
        include_columns=columns,
        column_types=dict.fromkeys(columns, pa.large_string()),
        null_values=[""],
        strings_can_be_null=True,
    )
    return pa.csv.read_csv(path, parse_options=parse, convert_options=convert)


def _json(path: Path, columns: list[str]) -> pa.Table:
    read = pa.json.ReadOptions(block_size=_BLOCK_BYTES)
    table = pa.json.read_json(path, read_options=read)
    _check_columns(table.column_names, columns, path)
    dates = [name for name in columns if pa.types.is_temporal(table.schema.field(name).type)]
    if dates:
        # The reader takes text such as "2020-01-31" for a time stamp: read those columns again as text.
        schema = pa.schema([(name, pa.large_string()) for name in dates])
        parse = pa.json.ParseOptions(explicit_schema=schema)
        table = pa.json.read_json(path, read_options=read, parse_options=parse)
    return table.select(columns)


def _check_columns(present: Sequence[str], columns: Sequence[str], path: Path) -> None:
    for column in columns:
        if present.count(column) == 1:
            continue
        close = difflib.get_close_matches(column, present, n=1)
        found = f"the columns {', '.join(map(repr, present))}"
        expected = f"one column {column!r}"
        raise InputError(str(path), found, expected, f"Did you mean {close[0]!r}?" if close else None)


_FORMATS = {
    ".parquet": (_parquet, "a Parquet file"),
    ".pq": (_parquet, "a Parquet file"),
    ".csv": (_csv, "a CSV file with a header line"),
    ".tsv": (_csv, "a tab-separated file with a header line"),
    ".jsonl": (_json, "one JSON object per line"),
    ".ndjson": (_json, "one JSON object per line"),
    ".json": (_json, "one JSON object per line"),
}

"""Columns of a Parquet, CSV or JSON Lines file, with errors that name the file, the column and the row."""

from __future__ import annotations

import contextlib
import difflib
import glob
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from leafcode.errors import InputError

_BLOCK_BYTES = 1 << 24  # JSON: a line must fit into a block, and types are inferred per block


PARQUET = (".parquet", ".pq")
"""Suffixes of Parquet files."""


def find_files(path: str | Path | Sequence[str | Path], suffixes: Sequence[str] = PARQUET) -> list[Path]:
    """The files that a table lies in: one, several, those of a folder, or those of a glob.

    Args:
        path: A file, which need not exist; a folder, of which all files with such a suffix count, also those
            in folders within; a glob such as ``parts/*.parquet``; or a sequence of any of these. Files of a
            folder and of a glob are sorted by name. Names that begin with a dot or an underscore, which other
            tools write beside their data, are left out.
        suffixes: Suffixes that count in a folder.

    Raises:
        InputError: A folder or glob without such a file, or an empty sequence.

    Example:
        >>> find_files("items.csv")[0].name
        'items.csv'
    """
    if not isinstance(path, str | Path):
        files = [file for each in path for file in find_files(each, suffixes)]
        if not files:
            raise InputError("files", "none", "at least one")
        return files
    folder = Path(path)
    if folder.is_dir():
        found = [file for file in folder.rglob("*") if file.suffix.lower() in suffixes]
        found = [file for file in found if not _hidden(file.relative_to(folder))]
    elif glob.has_magic(str(path)) and not folder.exists():
        matches = Path(folder.anchor).glob(str(folder.relative_to(folder.anchor)))
        found = [file for file in matches if file.is_file() and not _hidden(Path(file.name))]
    else:
        return [folder]
    if not found:
        kind = "a folder" if folder.is_dir() else "a pattern"
        raise InputError(str(path), f"{kind} without files", f"files in {' or '.join(suffixes)}")
    return sorted(found)


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def read_columns(path: str | Path, columns: Sequence[str], coded: Sequence[str] = ()) -> pa.Table:
    r"""Read some columns of a table, chosen by suffix: Parquet, CSV, TSV or JSON Lines.

    - ``.parquet``, ``.pq``.
    - ``.csv``, ``.tsv``: with a header line. Every column is read as text, so that the id ``007`` stays as it
      is; an empty cell is a null, ``NA`` is text.
    - ``.jsonl``, ``.ndjson``, ``.json``: one JSON object per line. Text that looks like a date stays text.

    Args:
        path: The file.
        columns: Names of the columns, at least one; repeated names count once.
        coded: Columns of texts that repeat, which Parquet need not spell out: they come dictionary-encoded.

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
    with _reading(path) as form:
        wanted = list(dict.fromkeys(columns))
        table = _parquet(path, wanted, coded) if form is _PARQUET else form.read(path, wanted)
    if table.num_rows == 0:
        raise InputError(str(path), "no row", "at least one row")
    return table


def column_names(path: str | Path) -> list[str]:
    r"""Names of the columns of a table that `read_columns` reads; of JSON Lines, those of the first line.

    Raises:
        InputError: The file is missing, of another kind, or damaged.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "items.csv")
        ...     _ = file.write_text("id,path\n007,\n")
        ...     column_names(file)
        ['id', 'path']
    """
    with _reading(Path(path)) as form:
        return form.names(Path(path))


def read_batches(
    path: str | Path, columns: Sequence[str], rows: int, coded: Sequence[str] = ()
) -> Iterator[pa.Table]:
    """What `read_columns` gives, so many rows at a time at most; only Parquet is read that way.

    Raises:
        InputError: As for `read_columns`.
    """
    path = Path(path)
    if path.suffix.lower() not in PARQUET:
        yield from _sliced(read_columns(path, columns), rows)
        return
    columns, some = list(dict.fromkeys(columns)), False
    with _reading(path), _open_parquet(path, columns, coded) as file:
        for batch in file.iter_batches(rows, columns=columns):
            some = True
            yield pa.Table.from_batches([batch]).select(columns)
    if not some:
        raise InputError(str(path), "no row", "at least one row")


def count_rows(path: str | Path) -> int:
    """Rows of a table that `read_columns` reads; of Parquet its footer tells.

    Raises:
        InputError: The file is missing, of another kind, or damaged.
    """
    path = Path(path)
    if path.suffix.lower() not in PARQUET:
        return int(read_columns(path, column_names(path)[:1]).num_rows)
    with _reading(path), pa.parquet.ParquetFile(path) as file:
        return int(file.metadata.num_rows)


def _sliced(table: pa.Table, rows: int) -> Iterator[pa.Table]:
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)


def coded_column(tables: Sequence[pa.Table], column: str, where: Sequence[str]) -> pa.DictionaryArray:
    """A column of texts that repeat, of tables that follow one another, dictionary-encoded and nulls kept.

    Args:
        tables: At least one.
        column: Its name.
        where: Place of each table, named in errors.

    Returns:
        Dictionary of ``large_string`` (rows,), in which every value occurs.

    Raises:
        InputError: The column is of a type other than text and whole numbers.

    Example:
        >>> coded = coded_column([pa.table({"x": ["a", "b"]}), pa.table({"x": ["b", None]})], "x", ["", ""])
        >>> coded.dictionary.to_pylist(), coded.indices.to_pylist()
        (['a', 'b'], [0, 1, 1, None])
    """
    parts = []
    for table, place in zip(tables, where, strict=True):
        values = table[column].unify_dictionaries().combine_chunks()
        if isinstance(values, pa.DictionaryArray) and values.dictionary.null_count == 0:
            # A dictionary may hold values that no row has.
            used = pc.unique(values.indices.drop_null())
            texts = text_column(pa.table({column: values.dictionary.take(used)}), column, place)
            indices = pc.index_in(values.indices, value_set=used)
        else:
            coded = text_column(table, column, place).dictionary_encode()
            texts, indices = coded.dictionary, coded.indices
        parts.append(pa.DictionaryArray.from_arrays(indices, texts))
    return pa.chunked_array(parts).unify_dictionaries().combine_chunks()


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
        InputError: The column is of another type, or a value is not UTF-8.

    Example:
        >>> text_column(pa.table({"id": [7, 8]}), "id", "items").to_pylist()
        ['7', '8']
    """
    values = table[column]
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    exact = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    exact = exact or pa.types.is_integer(kind) or pa.types.is_null(kind)
    place = f"{where}: column {column!r}"
    expected = "text, or values that can be written as text" if numbers else "text or whole numbers"
    if not exact and not numbers:
        raise InputError(place, f"values of type {values.type}", expected, "Cast the column to text.")
    try:
        # Each chunk first: the offsets of one array of plain strings end at 2 GiB.
        texts = pc.cast(pc.cast(values, kind), pa.large_string()).combine_chunks()
    except pa.ArrowException as error:
        raise InputError(place, f"values of type {values.type}", expected) from error
    try:
        texts.validate(full=True)  # Parquet may call any bytes text
    except pa.ArrowInvalid as error:
        raise InputError(*_no_text(texts, place), "text in UTF-8") from error
    return texts


def _no_text(texts: pa.LargeStringArray, place: str) -> tuple[str, str]:
    """Row and bytes of the first value that is not UTF-8."""
    for row, value in enumerate(texts.cast(pa.large_binary()).to_pylist()):
        try:
            (value or b"").decode()
        except UnicodeDecodeError:
            return f"{place}: row {row + 1}", f"the bytes {value!r}"
    raise AssertionError("PyArrow found a value that Python does not find")


def first_null(column: pa.Array) -> int | None:
    """Place of the first null, counted from 0, or None."""
    if column.null_count == 0:
        return None
    return int(np.flatnonzero(np.asarray(column.is_null()))[0])


class _Format(NamedTuple):
    """How files of a kind are read, and what they should hold."""

    names: Callable[[Path], list[str]]
    read: Callable[[Path, list[str]], pa.Table]
    content: str


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[_Format]:
    """The format of a file; what goes wrong while it is read becomes an error that names it."""
    form = _FORMATS.get(path.suffix.lower())
    if form is None:
        raise InputError(str(path), f"the suffix {path.suffix!r}", f"one of {', '.join(_FORMATS)}")
    if not path.is_file():
        raise InputError(str(path), "a folder" if path.is_dir() else "no such file", "a file")
    try:
        yield form
    except (pa.ArrowException, OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(str(path), f"content that cannot be read ({error})", form.content) from error


def _parquet_names(path: Path) -> list[str]:
    with pa.parquet.ParquetFile(path) as file:
        return list(file.schema_arrow.names)


def _parquet(path: Path, columns: list[str], coded: Sequence[str] = ()) -> pa.Table:
    with _open_parquet(path, columns, coded) as file:
        return file.read(columns=columns).select(columns)


def _open_parquet(path: Path, columns: list[str], coded: Sequence[str]) -> pa.parquet.ParquetFile:
    """A file that has the columns, in which texts that repeat are read dictionary-encoded."""
    with pa.parquet.ParquetFile(path) as file:
        schema = file.schema_arrow
    _check_columns(schema.names, columns, path)
    kinds = {name: schema.field(name).type for name in coded}
    texts = [name for name, kind in kinds.items() if kind in (pa.string(), pa.large_string())]
    return pa.parquet.ParquetFile(path, read_dictionary=texts)


def _csv_form(path: Path) -> pa.csv.ParseOptions:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    return pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)


def _csv_names(path: Path) -> list[str]:
    with pa.csv.open_csv(path, parse_options=_csv_form(path)) as reader:
        return list(reader.schema.names)


def _csv(path: Path, columns: list[str]) -> pa.Table:
    _check_columns(_csv_names(path), columns, path)
    convert = pa.csv.ConvertOptions(
        include_columns=columns,
        column_types=dict.fromkeys(columns, pa.large_string()),
        null_values=[""],
        strings_can_be_null=True,
    )
    return pa.csv.read_csv(path, parse_options=_csv_form(path), convert_options=convert)


def _json_names(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as lines:
        return list(json.loads(next((line for line in lines if line.strip()), "{}")))


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


_PARQUET = _Format(_parquet_names, _parquet, "a Parquet file")
_CSV = _Format(_csv_names, _csv, "a CSV file with a header line")
_TSV = _Format(_csv_names, _csv, "a tab-separated file with a header line")
_JSON = _Format(_json_names, _json, "one JSON object per line")
_FORMATS = {
    ".parquet": _PARQUET,
    ".pq": _PARQUET,
    ".csv": _CSV,
    ".tsv": _TSV,
    ".jsonl": _JSON,
    ".ndjson": _JSON,
    ".json": _JSON,
}

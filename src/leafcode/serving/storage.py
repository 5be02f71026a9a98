"""Reading and writing the file formats of a run folder, with errors that name the file."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from leafcode.errors import RunFolderError
from leafcode.files import replacing


@contextlib.contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Turn what goes wrong while a file is read into an error that names it.

    Raises:
        RunFolderError: There is no such file, or it is not what it must be.
    """
    expected = f"{kind} written by leafcode"
    try:
        yield
    except FileNotFoundError as error:
        found = "no such file" if path.parent.is_dir() else f"no folder {str(path.parent)!r}"
        raise RunFolderError(str(path), found, expected) from error
    except (OSError, SafetensorError, pa.ArrowException, ValueError) as error:
        if isinstance(error, RunFolderError):
            raise
        raise RunFolderError(str(path), f"a damaged file ({error})", expected) from error


def write_json(path: Path, value: object) -> None:
    """Write JSON text; a float NaN becomes null, and NumPy numbers and arrays become plain ones.

    Raises:
        RunFolderError: An infinite number, or a value that JSON does not have.
        InputError: The file cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_json(Path(folder) / "m.json", {"ami": {1: float("nan"), 2: np.float32(0.5)}})
        ...     read_json(Path(folder) / "m.json")
        {'ami': {'1': None, '2': 0.5}}
    """
    try:
        text = json.dumps(_plain(value), indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RunFolderError(
            str(path), f"a value that JSON cannot hold ({error})", "finite numbers and text"
        ) from error
    with replacing(path) as beside:
        beside.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> object:
    """Read what `write_json` wrote.

    Raises:
        RunFolderError: No such file, or no JSON text.
    """
    with reading(path, "JSON text"):
        value: object = json.loads(path.read_text(encoding="utf-8"))
    return value


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet file.

    Raises:
        InputError: The file cannot be written.
    """
    with replacing(path) as beside:
        pq.write_table(table, beside)


def write_batches(path: Path, batches: Iterable[pa.Table]) -> None:
    """Write a Parquet file from tables of the same columns, at least one, that follow one another.

    Raises:
        InputError: The file cannot be written.
    """
    rest = iter(batches)
    first = next(rest)
    with replacing(path) as beside, pq.ParquetWriter(beside, first.schema) as writer:
        for batch in itertools.chain([first], rest):
            writer.write_table(batch)


def read_schema(path: Path) -> pa.Schema:
    """Columns of a Parquet file.

    Raises:
        RunFolderError: No such file, or no whole Parquet file.
    """
    with reading(path, "a Parquet file"), pq.ParquetFile(path) as file:
        return file.schema_arrow


def read_batches(path: Path, rows: int, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Rows of a Parquet file, or some of its columns, so many rows at a time at most.

    Raises:
        RunFolderError: No such file, or no whole Parquet file.
    """
    with reading(path, "a Parquet file"), pq.ParquetFile(path) as file:
        # Of all row groups at once, what was read is kept until the last one.
        for group in range(file.num_row_groups):
            for batch in file.iter_batches(rows, row_groups=[group], columns=columns):
                yield pa.Table.from_batches([batch])


def read_table(path: Path) -> pa.Table:
    """Read a Parquet file.

    Raises:
        RunFolderError: No such file, or no whole Parquet file.
    """
    # pq.read_table would make a column of every folder named like key=value on the way to the file.
    with reading(path, "a Parquet file"), pq.ParquetFile(path) as file:
        return file.read()


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Write tensors, from whatever device, as safetensors.

    Raises:
        InputError: The file cannot be written.
    """
    # Copies, since safetensors refuses tensors that share memory.
    owned = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    with replacing(path) as beside:
        save_file(owned, beside)


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Read what `write_tensors` wrote, onto the CPU.

    Raises:
        RunFolderError: No such file, or no whole safetensors file.
    """
    with reading(path, "a safetensors file"):
        tensors: dict[str, torch.Tensor] = load_file(path)
    return tensors


def _plain(value: object) -> object:
    """`value` in the types that JSON has."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value

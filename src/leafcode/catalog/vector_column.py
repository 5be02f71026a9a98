"""Embeddings that stand in a column of lists, read a batch at a time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leafcode.catalog.embeddings import check_embeddings
from leafcode.errors import FileRows, InputError, row_place
from leafcode.taxonomy.readers import first_null, read_batches

Floats = npt.NDArray[np.floating[Any]]

BATCH = 1 << 16
"""Rows read at once."""

_IN_MEMORY = 1 << 30
"""Bytes beyond which vectors go to a temporary file, from which rows can be taken at random, as they cannot
from Parquet."""


def read_vector_column(files: Sequence[Path], column: str, counts: Sequence[int]) -> Floats:
    """The vectors of all rows of files that follow one another, checked.

    More than a gigabyte of them is kept in a temporary file, memory-mapped, which ends with the process.

    Args:
        files: Parquet, or JSON Lines.
        column: Lists of numbers, all of one length.
        counts: Number of rows of each file.

    Returns:
        (n, D): float16 as stored, all else as float32.

    Raises:
        InputError: Naming the file and the row: another type, a list of another length, a null, a NaN, an
            infinity, or zeros only.
    """
    vectors: Floats | None = None
    stored = 0
    for file, count in zip(files, counts, strict=True):
        begun = stored
        for table in read_batches(file, [column], BATCH):
            where = FileRows((str(file),), (count,), (column,), stored - begun)
            block = vector_rows(table[column], where, None if vectors is None else vectors.shape[1])
            check_embeddings(block, where)
            if vectors is None:
                vectors = _room((sum(counts), block.shape[1]), block.dtype)
            if block.dtype != vectors.dtype:
                raise InputError(str(where), f"values of type {block.dtype}", f"{vectors.dtype} as before")
            vectors[stored : stored + len(block)] = block
            stored += len(block)
    if vectors is None:
        raise InputError(f"column {column!r}", "no file", "at least one")
    return vectors


def vector_rows(column: pa.ChunkedArray, where: str | FileRows, width: int | None = None) -> Floats:
    """A column of lists as an array (n, D); float16 stays, all else becomes float32.

    Args:
        column: Lists of numbers.
        where: Its place, named in errors.
        width: D, if rows before these tell it.

    Raises:
        InputError: Another type, a list of another length, or a null.

    Example:
        >>> vector_rows(pa.chunked_array([[[1.0, 2.0], [3.0, 4.0]]]), "items").tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """
    kind = column.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not is_list or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        raise InputError(str(where), f"values of type {kind}", "lists of numbers")
    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), -1), np.int64)
    wanted = int(lengths[0]) if width is None else width
    odd = np.flatnonzero((lengths != wanted) | (lengths < 1))
    if len(odd):
        found = "no vector" if lengths[odd[0]] < 1 else f"{lengths[odd[0]]} numbers"
        expected = f"{wanted} numbers as in row 1" if wanted > 0 else "a list of numbers"
        raise InputError(row_place(where, int(odd[0])), found, expected)
    parts: list[Floats] = []
    for chunk in column.chunks:  # never one array: its 32-bit offsets could overflow
        values = chunk.flatten()
        null = first_null(values)
        if null is not None:
            row = (sum(part.size for part in parts) + null) // wanted
            raise InputError(row_place(where, row), "a null among the numbers", "finite numbers")
        with np.errstate(over="ignore"):  # what overflows becomes infinite, which the check of rows reports
            kept = np.float16 if pa.types.is_float16(values.type) else np.float32
            parts.append(np.asarray(values).astype(kept, copy=False))
    return np.concatenate(parts).reshape(len(column), -1)


def _room(shape: tuple[int, int], dtype: np.dtype[Any]) -> Floats:
    if shape[0] * shape[1] * dtype.itemsize <= _IN_MEMORY:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile() as file:  # the mapping outlives the file's name
        if hasattr(os, "posix_fallocate"):  # or a full disk would end the process when a page is written
            os.posix_fallocate(file.fileno(), 0, shape[0] * shape[1] * dtype.itemsize)
        return np.memmap(file, dtype, "w+", shape=shape)

"""Embedding files: opened memory-mapped where the format allows it, and checked before anything trains."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from leafcode.catalog.rows import Rows, as_array
from leafcode.errors import FileRows, InputError, row_place
from leafcode.taxonomy.readers import find_files

SHORTEST, LONGEST = 1e-10, 1e18
"""Lengths of vectors whose direction float32 can tell: their squares neither vanish nor overflow."""
_CHUNK_VALUES = 1 << 22  # 16 MiB of float32 at a time


def load_embeddings(path: str | Path | Sequence[str | Path]) -> npt.NDArray[np.floating[Any]]:
    """Open an embedding file, or several whose rows follow one another.

    Args:
        path: ``.npy``, which is memory-mapped read-only, or ``.safetensors``, which is read into memory and
            holds either one tensor or one called ``embeddings``. Or several: a sequence of them, a glob, or a
            folder of ``.npy`` files; see `leafcode.taxonomy.readers.find_files`.

    Returns:
        float16, float32 or float64 (n, D), as stored; several files stay apart, as `Rows`.

    Raises:
        InputError: A file is missing, damaged, of another kind, holds no such array, or one of another width
            than the first.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     np.save(Path(folder, "x.npy"), np.ones((3, 2), np.float16))
        ...     x = load_embeddings(Path(folder, "x.npy"))
        ...     type(x).__name__, x.shape, x.dtype.name
        ('memmap', (3, 2), 'float16')
    """
    files = find_files(path, (".npy",))
    arrays = [_load(file) for file in files]
    for file, array in zip(files, arrays, strict=True):
        if array.shape[1] != arrays[0].shape[1]:
            expected = f"{arrays[0].shape[1]}, as {files[0]} has"
            raise InputError(str(file), f"rows of {array.shape[1]} numbers", expected)
    return arrays[0] if len(arrays) == 1 else as_array(Rows(arrays))


def _load(path: Path) -> npt.NDArray[np.floating[Any]]:
    suffix = path.suffix.lower()
    if suffix not in (".npy", ".safetensors"):
        raise InputError(str(path), f"the suffix {path.suffix!r}", "'.npy' or '.safetensors'")
    if not path.is_file():
        raise InputError(str(path), "a folder" if path.is_dir() else "no such file", "a file")
    try:
        array = _npy(path) if suffix == ".npy" else _safetensors(path)
    except (OSError, ValueError, EOFError, TypeError, SafetensorError) as error:
        if isinstance(error, InputError):
            raise
        expected = f"a {suffix} file of numbers"
        raise InputError(str(path), f"content that cannot be read ({error})", expected) from error
    _check_form(array, str(path))
    return array


def load_vectors_beside(
    path: str | Path | Sequence[str | Path], items: FileRows
) -> tuple[npt.NDArray[np.floating[Any]], FileRows]:
    """Open the vectors of items that lie in other files.

    Args:
        path: As for `load_embeddings`.
        items: The files of the items. Where there are as many of vectors, each belongs to one of them.

    Returns:
        The vectors as `load_embeddings` gives them, and where they stand.

    Raises:
        InputError: As `load_embeddings`, or another number of rows than items.
    """
    files = find_files(path, (".npy",))
    vectors = load_embeddings(files)
    lengths = [len(vectors)] if len(files) == 1 else [len(_load(file)) for file in files]
    places = FileRows(tuple(map(str, files)), tuple(lengths))
    if len(files) == len(items.files):
        for file, length, beside, count in zip(places.files, lengths, items.files, items.counts, strict=True):
            if length != count:
                raise InputError(file, f"{length} rows", f"{count}, as in {beside}")
    if len(vectors) != sum(items.counts):
        raise InputError(str(places), f"{len(vectors)} rows", f"{sum(items.counts)}, as in {items}")
    return vectors, places


def check_embeddings(x: npt.NDArray[np.floating[Any]], where: str | FileRows = "embeddings") -> None:
    """Check that every row is finite and has a length that float32 can square, reading a chunk at a time.

    A zero row has no direction, so no cosine similarity is defined for it. Nor can float32 tell that of a row
    whose squared length vanishes or overflows.

    Args:
        x: Floats (n, D), possibly memory-mapped.
        where: Place named in errors.

    Raises:
        InputError: Not floats (n, D) with at least one row and column; or naming the first row (counted from
            1) with a NaN, an infinity, zeros only, or a length outside [1e-10, 1e18].

    Example:
        >>> check_embeddings(np.array([[1.0, 0.0], [0.0, np.nan]]), "x.npy")
        Traceback (most recent call last):
        leafcode.errors.InputError: x.npy: row 2: found a NaN or an infinity; expected finite numbers
    """
    _check_form(x, str(where))
    step = max(1, _CHUNK_VALUES // x.shape[1])
    for start in range(0, len(x), step):
        chunk = np.asarray(x[start : start + step])
        # Squared lengths settle almost every chunk.
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            single = chunk.astype(np.float32) if chunk.dtype == np.float16 else chunk
            lengths = np.einsum("ij,ij->i", single, single)
        if bool(((lengths >= SHORTEST**2) & (lengths <= LONGEST**2)).all()):
            continue
        finite: npt.NDArray[np.bool_] = np.all(np.isfinite(chunk), axis=1)
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            length = np.linalg.norm(np.asarray(chunk, np.float64), axis=1)
        bad = np.flatnonzero(~(finite & (length >= SHORTEST) & (length <= LONGEST)))
        if len(bad):
            row = int(bad[0])
            found, expected = f"a length of {length[row]:.3g}", f"one from {SHORTEST:g} to {LONGEST:g}"
            if not finite[row]:
                found, expected = "a NaN or an infinity", "finite numbers"
            elif not chunk[row].any():
                found, expected = "zeros only", "a vector with a direction"
            raise InputError(row_place(where, start + row), found, expected)


def _check_form(x: npt.NDArray[Any], where: str) -> None:
    if x.ndim != 2 or 0 in x.shape:
        raise InputError(where, f"an array of shape {x.shape}", "shape (items, dimensions), both at least 1")
    if x.dtype not in (np.float16, np.float32, np.float64):
        raise InputError(where, f"values of type {x.dtype}", "float16, float32 or float64")


def _npy(path: Path) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def _safetensors(path: Path) -> npt.NDArray[Any]:
    with safe_open(path, framework="np") as file:
        names = list(file.keys())
        name = names[0] if len(names) == 1 else "embeddings"
        if name not in names:
            raise InputError(str(path), f"the tensors {names}", "one tensor, or one called 'embeddings'")
        array: npt.NDArray[Any] = file.get_tensor(name)
    return array

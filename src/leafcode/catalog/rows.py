"""Rows of one array or of several, gathered when they are asked for."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]


class Rows:
    """Floats (n, E) that lie in several arrays one after the other, or are some of the rows of them.

    It stands for an array wherever rows are read a few at a time, and copies those alone: slices, masks and
    integer arrays give arrays. ``numpy.asarray`` reads all of them into memory.

    Args:
        parts: Arrays (n_i, E), such as memory-mapped files, at least one.
        index: int64 (n,): which of their rows, counted over all parts; None for all.

    Example:
        >>> rows = Rows([np.zeros((2, 1)), np.ones((3, 1))], np.array([4, 0, 2]))
        >>> rows.shape, rows[1:].tolist(), rows[np.array([0])].tolist()
        ((3, 1), [[0.0], [1.0]], [[1.0]])
    """

    ndim = 2

    def __init__(self, parts: Sequence[Floats], index: npt.NDArray[np.int64] | None = None) -> None:
        self._parts, self._index = list(parts), index
        self._starts = np.cumsum([0, *map(len, parts)])
        self.dtype = np.result_type(*parts)

    def __len__(self) -> int:
        """Number of rows, n."""
        return int(self._starts[-1]) if self._index is None else len(self._index)

    @property
    def parts(self) -> tuple[Floats, ...]:
        """The arrays that the rows lie in."""
        return tuple(self._parts)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, E)."""
        return len(self), self._parts[0].shape[1]

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 (whatever an array may be indexed with)
        """Rows by a slice, a mask or integers; with all rows and a slice of columns, a narrower view."""
        if isinstance(key, tuple):
            rows, columns = key
            if isinstance(rows, slice) and rows == slice(None):
                return Rows([part[:, columns] for part in self._parts], self._index)
            return self[rows][:, columns]
        if isinstance(key, np.ndarray) and key.dtype == np.bool_:
            if key.shape != (len(self),):
                raise IndexError(f"a mask of shape {key.shape} for {len(self)} rows")
            key = np.flatnonzero(key)
        if self._index is not None:
            return self._gather(self._index[key])
        return self._gather(np.arange(*key.indices(len(self))) if isinstance(key, slice) else key)

    def _gather(self, rows: npt.NDArray[np.int64]) -> Floats:
        if len(self._parts) == 1:
            return self._parts[0][rows]
        found = np.empty((len(rows), self.shape[1]), self.dtype)
        part = np.searchsorted(self._starts, rows, side="right") - 1
        for number in np.unique(part).tolist():
            here = part == number
            found[here] = self._parts[number][rows[here] - self._starts[number]]
        return found

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Floats:
        """All rows in memory."""
        return np.asarray(self[:], dtype)

    def take(self, index: npt.NDArray[np.int64]) -> Rows:
        """A view of some of these rows."""
        return Rows(self._parts, index if self._index is None else self._index[index])


def row_view(x: Floats, index: npt.NDArray[np.int64]) -> Floats:
    """Some rows of an array or of `Rows`, left where they are.

    Args:
        x: Floats (n, E), possibly memory-mapped.
        index: int64 (m,).

    Returns:
        `Rows`, which stand for an array (m, E).

    Example:
        >>> row_view(np.array([[1.0], [2.0]]), np.array([1]))[:].tolist()
        [[2.0]]
    """
    return as_array(x.take(index) if isinstance(x, Rows) else Rows([x], index))


def let_go(x: Floats) -> None:
    """Give back the pages of memory-mapped vectors that were read; they are read again when they are needed.

    Such pages count as memory of the process until the system wants them back, which may be never.

    Args:
        x: An array or `Rows`, memory-mapped read-only; anything else is left as it is.
    """
    for array in x.parts if isinstance(x, Rows) else (x,):
        mapped = getattr(array, "_mmap", None)
        if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)


def as_array(rows: Rows) -> Floats:
    """`Rows` under the type of the array that they stand for."""
    return cast("Floats", rows)

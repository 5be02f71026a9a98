"""Checks of what the measures are given; each raises an error that names the argument and the row."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError

IntArray = npt.NDArray[np.integer[Any]]
FloatArray = npt.NDArray[np.floating[Any]]


def _matrix(array: npt.ArrayLike, where: str, rows: int | None, kind: str) -> npt.NDArray[Any]:
    """The array as it is, once it is known to be two-dimensional with the right number of rows."""
    result = np.asarray(array)
    if result.ndim != 2:
        raise InputError(where, f"an array of shape {result.shape}", f"a matrix of {kind}, one row per item")
    if rows is not None and len(result) != rows:
        raise InputError(where, f"{len(result)} rows", f"{rows} rows, one per item")
    return result


def check_codes(codes: npt.ArrayLike, where: str, rows: int | None = None) -> npt.NDArray[np.int64]:
    """Codes as int64 (n, L): at least one level, no negative code.

    Raises:
        InputError: If the array has another shape, is not of integers, or holds a negative code.

    Example:
        >>> check_codes([[0, 3]], "codes")
        array([[0, 3]])
    """
    result = _matrix(codes, where, rows, "integer codes")
    if not np.issubdtype(result.dtype, np.integer):
        raise InputError(where, f"dtype {result.dtype}", "integers")
    if result.shape[1] == 0:
        raise InputError(where, "no code level", "at least one column, one per level")
    negative = (result < 0).any(axis=1)
    if negative.any():
        row = int(np.argmax(negative))
        raise InputError(f"{where}: row {row}", f"the codes {result[row].tolist()}", "codes of 0 or more")
    return result.astype(np.int64, copy=False)


def check_ancestors(ancestors: npt.ArrayLike, where: str, rows: int | None = None) -> npt.NDArray[np.int64]:
    """Ancestor rows as int64 (n, D): node ids from the top down, padded at the end with -1.

    Raises:
        InputError: If the array has another shape, is not of integers, holds an id below -1, or a row
            goes on after its padding began.

    Example:
        >>> check_ancestors([[0, 2], [1, -1], [-1, -1]], "ancestors").shape
        (3, 2)
    """
    result = _matrix(ancestors, where, rows, "node ids")
    if not np.issubdtype(result.dtype, np.integer):
        raise InputError(where, f"dtype {result.dtype}", "integers")
    resumed = (result < -1).any(axis=1) | ((result[:, 1:] >= 0) & (result[:, :-1] < 0)).any(axis=1)
    if resumed.any():
        row = int(np.argmax(resumed))
        raise InputError(
            f"{where}: row {row}", f"{result[row].tolist()}", "node ids from the top down, then -1 to the end"
        )
    return result.astype(np.int64, copy=False)


def check_places(ancestors: npt.ArrayLike, where: str, rows: int | None = None) -> npt.NDArray[np.int64]:
    """Ancestor rows of items with one path (n, D), or several (n, P, D), as int64 (n, P, D).

    Raises:
        InputError: See `check_ancestors`; also if an item has a path behind a row of -1.

    Example:
        >>> check_places([[0, 2], [1, -1]], "ancestors").shape
        (2, 1, 2)
    """
    result = np.asarray(ancestors)
    if result.ndim != 3:
        return check_ancestors(result, where, rows)[:, None]
    n, paths, depths = result.shape
    if rows not in (None, n) or paths == 0:
        found = f"an array of shape {result.shape}"
        raise InputError(where, found, f"({'n' if rows is None else rows}, P, D), P at least 1")
    flat = check_ancestors(result.reshape(n * paths, depths), f"{where}, path by path")
    places = flat.reshape(result.shape)
    behind = (places[:, 1:] >= 0).any(axis=2) & (places[:, :-1] < 0).all(axis=2)
    resumed = np.flatnonzero(np.asarray(behind).any(axis=1))
    if len(resumed):
        raise InputError(f"{where}: row {resumed[0]}", "a path behind a row of -1", "-1 behind all paths")
    return places


def check_vectors(vectors: npt.ArrayLike, where: str, rows: int | None = None) -> FloatArray:
    """Vectors (n, E) of a floating type, every number finite; not copied.

    Raises:
        InputError: If the array has another shape, is not of floats, or holds a NaN or an infinity.

    Example:
        >>> check_vectors([[0.5, 1.0]], "embeddings").dtype
        dtype('float64')
    """
    result = _matrix(vectors, where, rows, "floats")
    if not np.issubdtype(result.dtype, np.floating):
        raise InputError(where, f"dtype {result.dtype}", "floats")
    bad = ~np.isfinite(result).all(axis=1)
    if bad.any():
        raise InputError(f"{where}: row {int(np.argmax(bad))}", "a NaN or an infinity", "finite numbers")
    return result


def check_embeddings(vectors: npt.ArrayLike, where: str, rows: int | None = None) -> FloatArray:
    """Vectors as `check_vectors` wants them, and none of length zero: it would have no cosine.

    Raises:
        InputError: As `check_vectors`, and if a row is all zeros.

    Example:
        >>> check_embeddings([[0.0, 0.0]], "x")
        Traceback (most recent call last):
        leafcode.errors.InputError: x: row 0: found a vector of zeros; expected a vector with a direction
    """
    result = check_vectors(vectors, where, rows)
    zero = ~result.any(axis=1)
    if zero.any():
        raise InputError(
            f"{where}: row {int(np.argmax(zero))}", "a vector of zeros", "a vector with a direction"
        )
    return result


def check_widths(first: npt.NDArray[Any], second: npt.NDArray[Any], where: str) -> None:
    """Both matrices have the same number of columns.

    Raises:
        InputError: If the second has another number of columns than the first.

    Example:
        >>> check_widths(np.zeros((2, 3)), np.zeros((5, 3)), "query_codes")
    """
    if first.shape[1] != second.shape[1]:
        raise InputError(
            where, f"{second.shape[1]} columns", f"{first.shape[1]} columns, as its counterpart has"
        )


def check_positive(number: int, where: str) -> None:
    """The number is an integer of 1 or more.

    Raises:
        InputError: If it is not.

    Example:
        >>> check_positive(10, "k")
    """
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
        raise InputError(where, repr(number), "an integer of 1 or more")

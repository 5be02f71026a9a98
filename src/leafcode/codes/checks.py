"""The check that every array of codes goes through."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError

Int64Array = npt.NDArray[np.int64]

CODE_LIMIT = 2**31
"""Codes are below this: they are stored as int32."""


def check_codes(
    codes: npt.ArrayLike, where: str = "codes", *, rows: int | None = None, levels: int | None = None
) -> Int64Array:
    """Codes as int64 (n, L), one row per item, one column per level.

    Args:
        codes: Integers (n, L) in [0, 2^31), L at least 1.
        where: Place named in errors.
        rows: The n that is expected; None for any.
        levels: The L that is expected; None for any.

    Raises:
        InputError: Another shape or type, or a code out of range, naming its index (counted from 0).

    Example:
        >>> check_codes([[3, 0], [1, 2]]).shape
        (2, 2)
    """
    checked: Int64Array = check_stored_codes(codes, where, rows=rows, levels=levels).astype(
        np.int64, copy=False
    )
    return checked


def check_stored_codes(
    codes: npt.ArrayLike, where: str = "codes", *, rows: int | None = None, levels: int | None = None
) -> npt.NDArray[np.integer[Any]]:
    """What `check_codes` checks, in the type that it has: int32 takes half the memory of int64.

    Raises:
        InputError: As for `check_codes`.
    """
    array = np.asarray(codes)
    if array.ndim != 2 or array.shape[1] == 0 or not np.issubdtype(array.dtype, np.integer):
        raise InputError(where, f"{array.dtype} of shape {array.shape}", "integers of shape (items, levels)")
    if rows is not None and len(array) != rows:
        raise InputError(where, f"{len(array)} rows", f"{rows}, one per item")
    if levels is not None and array.shape[1] != levels:
        raise InputError(where, f"{array.shape[1]} levels", f"{levels} levels")
    wrong = ((array < 0) | (array >= CODE_LIMIT)).any(axis=1)
    if bool(wrong.any()):
        row = int(np.argmax(wrong))
        raise InputError(f"{where}[{row}]", f"{array[row].tolist()}", "codes in [0, 2^31)")
    return array

"""Positions of items, as arguments give them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError


def check_positions(items: npt.ArrayLike, count: int, where: str) -> npt.NDArray[np.int64]:
    """Positions (B,) in a catalogue of so many items, as int64.

    Raises:
        InputError: Not integers of one dimension, or out of range.

    Example:
        >>> check_positions([2, 0], 3, "items").tolist()
        [2, 0]
    """
    places = np.asarray(items)
    if places.ndim != 1 or not (np.issubdtype(places.dtype, np.integer) or places.size == 0):
        raise InputError(where, f"{places.dtype} of shape {places.shape}", "integers of shape (B,)")
    if places.size and not 0 <= int(places.min()) <= int(places.max()) < count:
        found = f"positions from {places.min()} to {places.max()}"
        raise InputError(where, found, f"positions in [0, {count:,})")
    return places.astype(np.int64)

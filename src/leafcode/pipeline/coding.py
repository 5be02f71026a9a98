"""Codes of a whole catalogue, and what measures need of it beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from leafcode.codes import EncodedItems

_BLOCK = 1 << 16
"""Items encoded at once where reconstructions of all would take too much memory."""


class Coding(NamedTuple):
    """What a method makes of n items.

    Attributes:
        codes: Integers (n, L).
        rows: int64 (r,), the items that `encoded` is of, see `leafcode.evaluation.sample_rows`; None for all.
        encoded: Codes, quantised vectors and reconstructions of those.
    """

    codes: npt.NDArray[np.integer[Any]]
    rows: npt.NDArray[np.int64] | None
    encoded: EncodedItems


def code_items(
    encode: Callable[[npt.NDArray[np.floating[Any]]], EncodedItems],
    inputs: npt.NDArray[np.floating[Any]],
    rows: npt.NDArray[np.int64] | None,
    *,
    only_codes: Callable[[npt.NDArray[np.floating[Any]]], npt.NDArray[np.integer[Any]]] | None = None,
    progress: bool = False,
) -> Coding:
    """Encode items, and keep vectors of some.

    Args:
        encode: Of inputs (m, E); the codes of an item depend on its own row alone.
        inputs: (n, E), possibly memory-mapped.
        rows: int64 (r,): items whose vectors are kept; None for all.
        only_codes: What finds the same codes (m, L) with less work, for items whose vectors are not kept.
        progress: Show a progress bar.
    """
    only_codes = only_codes or (lambda part: encode(part).codes)
    if rows is None:
        encoded = encode(inputs)
        return Coding(encoded.codes, None, encoded)
    encoded = encode(inputs[rows])
    codes = np.empty((len(inputs), encoded.codes.shape[1]), np.int32)
    for start in tqdm(range(0, len(inputs), _BLOCK), desc="encode", unit="block", disable=not progress):
        codes[start : start + _BLOCK] = only_codes(inputs[start : start + _BLOCK])
    return Coding(codes, rows, encoded)

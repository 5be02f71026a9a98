"""Items like a given one, found by their codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leafcode.codes import PrefixTree, check_codes
from leafcode.errors import InputError

_BLOCK = 65_536
"""Items whose cosines are computed at once."""

_DECIMALS = 9
"""Cosines that agree to so many decimals are equal: beyond them stand rounding errors."""


class Neighbors(NamedTuple):
    """The m items that `CodeIndex.neighbors` found, best first."""

    positions: npt.NDArray[np.int64]
    """(m,) positions in the index."""
    shared_prefix: npt.NDArray[np.int64]
    """(m,) number of leading codes shared with the query, 0 to L."""
    cosines: npt.NDArray[np.float64]
    """(m,) cosine of the quantised vectors; 0 for a vector of zeros."""


class CodeIndex:
    """Items by code, for looking up those nearest to a code.

    Args:
        codes: Integers (n, L).
        codebooks: L arrays of floats (K_l, Q), whose rows add up to the quantised vectors of items.
        ids: (n,) unique texts, or a PyArrow array of them.

    Attributes:
        codes: int64 (n, L).
        codebooks: See above.
        tree: The items by code prefix.

    Raises:
        InputError: Arguments of different lengths, shapes or types, a code that has no codeword, or a
            codeword that is not finite.

    Example:
        >>> books = np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[0.0, 0.0], [0.0, 1.0]])
        >>> index = CodeIndex([[0, 0], [0, 1], [1, 1]], books, ["a", "b", "c"])
        >>> found = index.neighbors([0, 0], np.array([1.0, 0.0]), k=2, exclude=index.find("a"))
        >>> found.positions, found.shared_prefix, found.cosines.round(3)
        (array([1, 2]), array([1, 0]), array([0.707, 0.   ]))
    """

    def __init__(
        self,
        codes: npt.ArrayLike,
        codebooks: Sequence[npt.NDArray[np.floating[Any]]],
        ids: Sequence[str] | pa.Array | pa.ChunkedArray,
    ) -> None:
        self.codes = check_codes(codes, rows=len(ids), levels=len(codebooks))
        for level, book in enumerate(codebooks):
            if book.ndim != 2 or book.shape[1:] != codebooks[0].shape[1:] or not np.isfinite(book).all():
                found = f"an array of shape {book.shape}" + (", not all finite" if book.ndim == 2 else "")
                raise InputError(f"codebooks[{level}]", found, "finite floats of shape (K, Q)")
            most = int(self.codes[:, level].max(initial=-1))
            if most >= len(book):
                found = f"{len(book)} codewords"
                raise InputError(f"codebooks[{level}]", found, f"one for the code {most}")
        self.tree = PrefixTree(self.codes)
        self.codebooks = codebooks
        self._ids = ids if isinstance(ids, pa.Array | pa.ChunkedArray) else pa.array(ids, pa.string())

    def __len__(self) -> int:
        """Number of items."""
        return len(self.codes)

    def find(self, item_id: str) -> int:
        """Position of an item.

        Raises:
            InputError: No item has this id.
        """
        position = int(pc.index(self._ids, item_id).as_py())
        if position < 0:
            raise InputError("id", repr(item_id), f"the id of one of the {len(self)} items")
        return position

    def neighbors(
        self, code: npt.ArrayLike, quantized: npt.ArrayLike, k: int, *, exclude: int | None = None
    ) -> Neighbors:
        """The k items nearest to a code: by shared prefix, then by cosine, then by position.

        Only the items of the longest prefix that has enough of them are compared, so a lookup costs a
        fraction of the catalogue.

        Args:
            code: Integers (L,).
            quantized: Floats (Q,), the sum of the query's codewords.
            k: At least 1.
            exclude: Position of an item to leave out, such as the query itself.

        Returns:
            The first k items, or all if there are fewer.

        Raises:
            InputError: Arguments of another shape, a vector that is not finite, or a k below 1.
        """
        wanted = check_codes(np.asarray(code)[None], "code", levels=self.tree.levels)[0]
        query = np.asarray(quantized, dtype=np.float64)
        shape = self.codebooks[0].shape[1:]
        if query.shape != shape or not bool(np.isfinite(query).all()):
            found = f"an array of shape {query.shape}"
            raise InputError("quantized", found, f"finite floats of shape {shape}")
        if k < 1:
            raise InputError("k", str(k), "at least 1")
        candidates = self._candidates(wanted.tolist(), k, exclude)
        shared = np.cumprod(self.codes[candidates] == wanted, axis=1).sum(axis=1)
        cosines = self._cosines(candidates, query)
        first = np.lexsort((candidates, -cosines.round(_DECIMALS), -shared))[:k]
        return Neighbors(candidates[first], shared[first], cosines[first])

    def _candidates(self, code: list[int], k: int, exclude: int | None) -> npt.NDArray[np.int64]:
        """Items of the longest prefix of `code` that has k of them, or all items."""
        left_out = -1 if exclude is None else exclude
        for length in range(len(code), -1, -1):
            items = self.tree.items(code[:length])
            items = items[items != left_out]
            if len(items) >= k:
                break
        return items

    def _cosines(
        self, positions: npt.NDArray[np.int64], query: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Cosine of the query and each item, in float64, a block of items at a time."""
        cosines = np.zeros(len(positions))
        length = float(np.linalg.norm(query))
        for start in range(0, len(positions), _BLOCK):
            codes = self.codes[positions[start : start + _BLOCK]]
            block = quantized_vectors(codes, self.codebooks).astype(np.float64)
            lengths = np.linalg.norm(block, axis=1) * length
            np.divide(block @ query, lengths, out=cosines[start : start + _BLOCK], where=lengths > 0)
        return cosines


def quantized_vectors(
    codes: npt.NDArray[np.integer[Any]], codebooks: Sequence[npt.NDArray[np.floating[Any]]]
) -> npt.NDArray[np.floating[Any]]:
    """Sums (n, Q) of the codewords, rows of L codebooks (K_l, Q), of codes (n, L)."""
    total = np.array(codebooks[0][codes[:, 0]])
    for level, book in enumerate(codebooks[1:], start=1):
        total += book[codes[:, level]]
    return total

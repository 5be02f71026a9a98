"""Items by code prefix: all items of a prefix lie side by side once the items are sorted by code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from leafcode.codes.checks import Int64Array, check_codes
from leafcode.errors import InputError


class Children(NamedTuple):
    """The next codes that follow a prefix, c of them."""

    codes: Int64Array
    """(c,) ascending."""
    counts: Int64Array
    """(c,) items beneath each, at least 1."""


class _Level(NamedTuple):
    """The m prefixes of one length, in lexicographic order."""

    width: int
    """One more than the largest code of the level."""
    keys: Int64Array
    """(m,) ascending: index of the prefix without its last code, times `width`, plus the last code."""
    offsets: Int64Array
    """(m + 1,) prefix j holds ``order[offsets[j]:offsets[j + 1]]``."""


class PrefixTree:
    """Which items share which code prefix.

    Args:
        codes: Integers (n, L), the codes of item 0 to n - 1.

    Attributes:
        levels: L.
        order: int64 (n,), item positions by code, then by position; read-only.

    Raises:
        InputError: Codes of another shape or type, or negative.

    Example:
        >>> tree = PrefixTree([[1, 0], [0, 2], [1, 1], [1, 0]])
        >>> tree.items((1,)).tolist(), tree.items((1, 0)).tolist(), tree.items((5,)).tolist()
        ([0, 3, 2], [0, 3], [])
        >>> tree.children((1,))
        Children(codes=array([0, 1]), counts=array([2, 1]))
        >>> tree.longest_prefix([[1, 1], [1, 7], [7, 1]]).tolist()
        [2, 1, 0]
    """

    def __init__(self, codes: npt.ArrayLike) -> None:
        checked = check_codes(codes)
        n, self.levels = checked.shape
        # lexsort takes its most important key last, and is stable.
        self.order: Int64Array = np.lexsort(checked.T[::-1]).astype(np.int64, copy=False)
        self._sorted = checked[self.order]
        self._levels: list[_Level] = []
        starts_prefix = np.zeros(n, dtype=bool)
        starts_prefix[:1] = True
        prefix = np.zeros(n, dtype=np.int64)
        for column in self._sorted.T:
            starts_prefix[1:] |= column[1:] != column[:-1]
            starts = np.flatnonzero(starts_prefix)
            width = int(column.max(initial=0)) + 1
            keys = prefix[starts] * width + column[starts]
            self._levels.append(_Level(width, keys, np.append(starts, n)))
            prefix = np.cumsum(starts_prefix) - 1
        self.order.flags.writeable = False

    def __len__(self) -> int:
        """Number of items."""
        return len(self.order)

    def items(self, prefix: Sequence[int]) -> Int64Array:
        """Positions of the items whose codes begin with `prefix`, by code, then by position; read-only.

        Raises:
            InputError: A prefix of more codes than there are levels.
        """
        start, stop = self._interval(prefix)
        return self.order[start:stop]

    def count(self, prefix: Sequence[int]) -> int:
        """Number of items whose codes begin with `prefix`.

        Raises:
            InputError: A prefix of more codes than there are levels.
        """
        start, stop = self._interval(prefix)
        return stop - start

    def children(self, prefix: Sequence[int]) -> Children:
        """Codes that follow `prefix` among the items; none after a full code or an unknown prefix.

        Raises:
            InputError: A prefix of more codes than there are levels.
        """
        node = self._node(prefix)
        if node < 0 or len(prefix) == self.levels:
            return Children(np.empty(0, np.int64), np.empty(0, np.int64))
        width, keys, offsets = self._levels[len(prefix)]
        first, last = np.searchsorted(keys, [node * width, (node + 1) * width]).tolist()
        return Children(keys[first:last] - node * width, np.diff(offsets[first : last + 1]))

    def prefixes(self, length: int) -> tuple[Int64Array, Int64Array]:
        """All prefixes of a length, in lexicographic order.

        Args:
            length: Between 1 and L.

        Returns:
            Prefixes (m, length) and their number of items (m,), both int64.

        Raises:
            InputError: A length out of range.

        Example:
            >>> prefixes, counts = PrefixTree([[1, 0], [0, 2], [1, 1]]).prefixes(1)
            >>> prefixes.tolist(), counts.tolist()
            ([[0], [1]], [1, 2])
        """
        if not 1 <= length <= self.levels:
            raise InputError("length", str(length), f"a length in [1, {self.levels}]")
        offsets = self._levels[length - 1].offsets
        return self._sorted[offsets[:-1], :length], np.diff(offsets)

    def longest_prefix(self, codes: npt.ArrayLike) -> Int64Array:
        """How many leading codes each row shares with the item that shares most.

        Args:
            codes: Integers (m, L).

        Returns:
            int64 (m,) between 0 and L.

        Raises:
            InputError: Codes of another shape or type, or negative.
        """
        found = self._nodes(check_codes(codes, levels=self.levels)) >= 0
        return np.asarray(found.sum(axis=1), dtype=np.int64)

    def _nodes(self, codes: Int64Array) -> Int64Array:
        """(m, l) index of each row's prefix of every length up to l among the prefixes of it, or -1."""
        nodes = np.empty(codes.shape, dtype=np.int64)
        parent = np.zeros(len(codes), dtype=np.int64)
        for level, column in enumerate(codes.T):
            width, keys, _ = self._levels[level]
            known = (parent >= 0) & (column >= 0) & (column < width)
            wanted = np.where(known, parent * width + column, -2)
            place = np.searchsorted(keys, wanted)
            # The -1 at the end, which no key and no wanted key equals, stands where the search ran out.
            parent = np.where(np.append(keys, -1)[place] == wanted, place, -1)
            nodes[:, level] = parent
        return nodes

    def _node(self, prefix: Sequence[int]) -> int:
        """Index of a prefix among those of its length, or -1."""
        if len(prefix) > self.levels:
            raise InputError("prefix", f"{len(prefix)} codes", f"at most {self.levels}, one per level")
        return int(self._nodes(np.array([prefix], dtype=np.int64))[0, -1]) if len(prefix) else 0

    def _interval(self, prefix: Sequence[int]) -> tuple[int, int]:
        """Where the items of a prefix stand in `order`."""
        node = self._node(prefix)
        if node < 0:
            return 0, 0
        if not len(prefix):
            return 0, len(self)
        start, stop = self._levels[len(prefix) - 1].offsets[node : node + 2].tolist()
        return start, stop

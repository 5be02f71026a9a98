"""Every Semantic ID that was ever given, so that IDs stay what they are and none is given twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leafcode.codes.checks import Int64Array, check_codes, check_stored_codes
from leafcode.errors import FileRows, InputError

_IDS_AT_ONCE = 1 << 20
_PASSES = 16
_MOST_AT_ONCE = 1 << 25
"""Ids of 64 bytes, of which an array of plain strings holds no more."""


@dataclass(frozen=True, eq=False)
class IdRegistry:
    """The book of all Semantic IDs given so far; immutable.

    An item's Semantic ID is its L codes and a suffix, which numbers the items that share all codes. The
    registry holds one row per item and codes that the item ever had. At most one row of an item is active.

    Args:
        table: Columns ``id`` (string), ``c1`` to ``cL`` (integers), ``suffix`` (integer) and ``active``
            (bool); further columns are dropped. Use `empty` to begin.

    Attributes:
        table: The same with int32 integers, columns in that order, and no other column.

    Raises:
        InputError: A column is missing, of another type, or has nulls; an item stands there twice with the
            same codes or with two active rows; two items have the same Semantic ID.

    Example:
        >>> first, registry = IdRegistry.empty(levels=2).assign(["b", "a", "c"], [[7, 1], [7, 1], [0, 4]])
        >>> first.tolist()
        [1, 0, 0]
        >>> registry.assign(["a", "d", "b"], [[7, 1], [7, 1], [7, 1]])[0].tolist()
        [0, 2, 1]
    """

    table: pa.Table

    def __post_init__(self) -> None:
        levels = _count_levels(self.table.column_names)
        wanted = _schema(levels)
        missing = [name for name in wanted.names if name not in self.table.column_names]
        if missing or levels == 0:
            found = f"the columns {self.table.column_names}"
            raise InputError("id registry", found, f"a column {missing[0] if missing else 'c1'!r}")
        try:
            table = self.table.select(wanted.names).cast(wanted)
        except pa.ArrowInvalid as error:
            raise InputError(
                "id registry", f"other types ({error})", str(wanted).replace("\n", ", ")
            ) from error
        holes = [name for name in wanted.names if table[name].null_count]
        if holes:
            raise InputError(f"id registry: column {holes[0]!r}", "a null", "a value in every row")
        object.__setattr__(self, "table", table)
        self._check_rows()

    @classmethod
    def empty(cls, levels: int) -> IdRegistry:
        """A registry in which no ID has been given.

        Args:
            levels: L, the number of codes of an item.

        Raises:
            InputError: Fewer than one level.
        """
        if levels < 1:
            raise InputError("levels", str(levels), "at least 1")
        return cls(_schema(levels).empty_table())

    def __len__(self) -> int:
        """Number of IDs ever given."""
        return int(self.table.num_rows)

    @property
    def levels(self) -> int:
        """L, the number of codes of an item."""
        return _count_levels(self.table.column_names)

    @property
    def codes(self) -> Int64Array:
        """Codes (rows, L)."""
        columns = [self.table[f"c{level + 1}"].to_numpy() for level in range(self.levels)]
        return np.stack(columns, axis=1).astype(np.int64)

    @property
    def suffix(self) -> Int64Array:
        """Suffixes (rows,)."""
        return np.array(self.table["suffix"].to_numpy(), dtype=np.int64)

    @property
    def active(self) -> npt.NDArray[np.bool_]:
        """Bool (rows,): the IDs that items have now."""
        return np.array(self.table["active"].to_numpy(), dtype=np.bool_)

    def assign(
        self,
        ids: Sequence[str] | npt.NDArray[np.object_] | pa.Array,
        codes: npt.ArrayLike,
        where: FileRows | None = None,
    ) -> tuple[Int64Array, IdRegistry]:
        """Suffixes for items, and the registry that has them.

        An item that already had these codes gets the suffix it had. The others get, within their codes and
        in the order of their ids, the smallest numbers that were never given, so the order of the rows does
        not matter. An item that comes back with other codes gets a new ID: its old row becomes inactive,
        and the old ID is never given to another item. Items that are not named stay as they are.

        Args:
            ids: n unique texts.
            codes: Integers (n, L), the codes of each item.
            where: Where the items stand, for an error that names two of them.

        Returns:
            int64 (n,), and the new registry: the rows of this one, then new rows in the order of ids.

        Raises:
            InputError: An id that is no text or comes twice, or codes of another shape or type.
        """
        names = _id_array(ids)
        given = check_stored_codes(codes, rows=len(names), levels=self.levels)
        columns = given.astype(np.int32, copy=False).T
        item = self.items_of_rows(names)
        order = _sorted_unique(names, where)
        known, keys = _row_keys(self._code_columns, list(columns))

        same = item >= 0
        if same.any():
            same &= keys[item] == known
        suffix = np.full(len(names), -1, dtype=np.int64)
        before = self.table["suffix"].to_numpy()
        suffix[item[same]] = before[same]
        fresh = order[suffix[order] < 0]
        by_group = fresh[np.argsort(keys[fresh], kind="stable")]
        group = keys[by_group]
        free = _next_free(known, before, group)
        suffix[by_group] = free + np.arange(len(group)) - np.searchsorted(group, group)

        active = self.active
        active[item >= 0] = False
        active[same] = True
        old = self.table.set_column(self.levels + 2, "active", pa.array(active))
        new = _table(names.take(pa.array(fresh)), columns[:, fresh], suffix[fresh])
        return suffix, IdRegistry._of_checked(pa.concat_tables([old, new]))

    def items_of_rows(self, ids: Sequence[str] | npt.NDArray[np.object_] | pa.Array) -> npt.NDArray[np.int32]:
        """Which of n ids each row has: int32 (rows,), -1 for none of them.

        Example:
            >>> _, registry = IdRegistry.empty(levels=1).assign(["a", "b"], [[7], [7]])
            >>> registry.items_of_rows(["b", "x"]).tolist()
            [-1, 0]
        """
        names = _id_array(ids)
        item = np.full(len(self), -1, np.int32)
        # Some ids at a time, for a table of all would take several times their room; but a share of them that
        # does not shrink, for every time the whole registry is gone through.
        at_once = max(_IDS_AT_ONCE, min(len(names) // _PASSES, _MOST_AT_ONCE))
        for start in range(0, len(names), at_once):
            some = slice(start, start + at_once)
            found = pc.index_in(self.table["id"], value_set=plain_strings(names, some))
            first = 0
            for chunk in found.chunks:
                place, rows = chunk.fill_null(-1).to_numpy(), item[first : first + len(chunk)]
                np.copyto(rows, place + np.int32(start), where=place >= 0)
                first += len(chunk)
        return item

    @classmethod
    def _of_checked(cls, table: pa.Table) -> IdRegistry:
        """A registry of a table that is known to be one."""
        registry = object.__new__(cls)
        object.__setattr__(registry, "table", table)
        return registry

    @property
    def _code_columns(self) -> list[npt.NDArray[np.int32]]:
        return [self.table[f"c{level + 1}"].to_numpy() for level in range(self.levels)]

    def _check_rows(self) -> None:
        """No item twice with the same codes or active twice, no Semantic ID twice."""
        columns = [*self._code_columns, self.table["suffix"].to_numpy()]
        if min(int(column.min(initial=0)) for column in columns) < 0:
            check_codes(np.column_stack(columns), "id registry: codes and suffix")
        shared = _repeated(*_row_keys(columns))
        # Of the ids, only those that come more than once can be at fault.
        ids = self.table["id"].cast(pa.large_string()).combine_chunks()
        several = np.unique(
            np.concatenate([np.arange(0), *map(np.ravel, _equal_in_order(ids, _sorted(ids)))])
        )
        number = np.asarray(ids.take(pa.array(several)).dictionary_encode().indices)
        twice = _repeated(*_row_keys([number, *(column[several] for column in columns[:-1])]))
        active = np.flatnonzero(self.active[several])
        both = _repeated(number[active])
        checks = [
            (None if twice is None else several[twice], "an item twice with the same codes"),
            (shared, "two items with one Semantic ID"),
            (None if both is None else several[active[both]], "an item with two active rows"),
        ]
        for rows, found in checks:
            if rows is not None:
                place = f"id registry: rows {rows[0]} and {rows[1]}"
                expected = "one row per item and codes, one of them active, and one item per Semantic ID"
                raise InputError(place, f"{found} (id {ids[int(rows[0])].as_py()!r})", expected)


def plain_strings(texts: pa.LargeStringArray, rows: slice) -> pa.StringArray:
    """Some rows of texts, of which all together may be too long for an array of plain strings.

    Example:
        >>> plain_strings(pa.array(["a", "b", "c"], pa.large_string()), slice(1, 9)).to_pylist()
        ['b', 'c']
    """
    # A slice alone keeps the offsets that it has in all of them.
    return texts.take(pa.array(np.arange(*rows.indices(len(texts))))).cast(pa.string())


def _schema(levels: int) -> pa.Schema:
    codes = [(f"c{level + 1}", pa.int32()) for level in range(levels)]
    return pa.schema([("id", pa.string()), *codes, ("suffix", pa.int32()), ("active", pa.bool_())])


def _count_levels(names: Sequence[str]) -> int:
    """How many of c1, c2, … there are without a gap."""
    return next(level for level in range(len(names) + 1) if f"c{level + 1}" not in names)


def _table(ids: pa.LargeStringArray, codes: npt.NDArray[np.int32], suffix: Int64Array) -> pa.Table:
    """Rows of items with codes (L, n), all active."""
    columns = [*codes, suffix.astype(np.int32), np.ones(len(ids), dtype=bool)]
    starts = range(0, len(ids), _IDS_AT_ONCE)
    some = [plain_strings(ids, slice(start, start + _IDS_AT_ONCE)) for start in starts]
    names = pa.chunked_array(some, pa.string())
    return pa.Table.from_arrays([names, *map(pa.array, columns)], schema=_schema(len(codes)))


def _id_array(ids: Sequence[str] | npt.NDArray[np.object_] | pa.Array) -> pa.LargeStringArray:
    """Ids as one array; one of plain strings would end at 2 GiB of them."""
    kind = pa.large_string()
    try:
        names = ids.cast(kind) if isinstance(ids, pa.Array) else pa.array(ids, kind)
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        raise InputError("ids", f"an id that is no text ({error})", "texts") from error
    if names.null_count:
        row = int(np.argmax(names.is_null().to_numpy(zero_copy_only=False)))
        raise InputError(f"ids[{row}]", "no id", "a text")
    return names


def _row_keys(*tables: Sequence[npt.NDArray[np.integer[Any]]]) -> list[Int64Array]:
    """A number per row of tables, given by their columns of integers >= 0; equal where rows are equal.

    Example:
        >>> [keys.tolist() for keys in _row_keys([np.array([3, 3]), np.array([1, 2])], [np.array([3])] * 2)]
        [[13, 14], [15]]
    """
    keys = [np.zeros(len(columns[0]), np.int64) for columns in tables]
    room = 1
    for level in range(len(tables[0])):
        width = 1 + max(int(columns[level].max(initial=0)) for columns in tables)
        if room * width >= 2**62:  # number the beginnings of rows without gaps before the next column
            values, dense = np.unique(np.concatenate(keys), return_inverse=True)
            keys = np.split(dense, np.cumsum([len(part) for part in keys])[:-1])
            room = len(values)
        for part, columns in zip(keys, tables, strict=True):
            part *= width
            part += columns[level]
        room *= width
    return keys


def _next_free(known: Int64Array, suffix: npt.NDArray[np.int32], wanted: Int64Array) -> Int64Array:
    """One more than the largest suffix of the rows with each wanted key; 0 where there is none."""
    if 0 in (len(known), len(wanted)):
        return np.zeros(len(wanted), np.int64)
    order = np.lexsort((suffix, known))
    last = np.searchsorted(known, wanted, side="right", sorter=order) - 1
    row = order[last]
    return np.where((last >= 0) & (known[row] == wanted), suffix[row] + 1, 0)


def _repeated(keys: npt.NDArray[np.integer[Any]]) -> Int64Array | None:
    """Positions (2,) of the first two equal keys in ascending order, or None where all differ."""
    ascending = np.sort(keys)
    again = ascending[1:][ascending[1:] == ascending[:-1]]
    return np.flatnonzero(keys == again[0])[:2] if len(again) else None


def _sorted(names: pa.LargeStringArray) -> Int64Array:
    """Positions of texts in ascending order."""
    order: Int64Array = pc.sort_indices(names).to_numpy().view(np.int64)
    return order


def _equal_in_order(names: pa.LargeStringArray, order: Int64Array) -> Iterator[Int64Array]:
    """Pairs (2, e) of positions that follow one another in the order and whose texts are equal."""
    for start in range(0, len(names) - 1, _IDS_AT_ONCE):
        some = order[start : start + _IDS_AT_ONCE + 1]
        texts = names.take(pa.array(some))
        equal = np.flatnonzero(pc.equal(texts.slice(0, len(some) - 1), texts.slice(1)))
        if len(equal):
            yield np.stack([some[equal], some[equal + 1]])


def _sorted_unique(names: pa.LargeStringArray, where: FileRows | None) -> Int64Array:
    """Positions of texts in ascending order.

    Raises:
        InputError: Two are equal.
    """
    order = _sorted(names)
    for pairs in _equal_in_order(names, order):
        first, second = sorted(pairs[:, 0].tolist())
        name = repr(names[first].as_py())
        if where is not None:
            found = f"{name} twice, first in {where.row(first)}"
            raise InputError(where.row(second), found, "each id once")
        raise InputError(f"ids[{first}] and ids[{second}]", f"{name} twice", "each id once")
    return order

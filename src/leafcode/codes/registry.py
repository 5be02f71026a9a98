"""Every Semantic ID that was ever given, so that IDs stay what they are and none is given twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leafcode.codes.checks import Int64Array, check_codes
from leafcode.errors import InputError


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
            table = self.table.select(wanted.names).cast(wanted).combine_chunks()
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
        self, ids: Sequence[str] | npt.NDArray[np.object_], codes: npt.ArrayLike
    ) -> tuple[Int64Array, IdRegistry]:
        """Suffixes for items, and the registry that has them.

        An item that already had these codes gets the suffix it had. The others get, within their codes and
        in the order of their ids, the smallest numbers that were never given, so the order of the rows does
        not matter. An item that comes back with other codes gets a new ID: its old row becomes inactive,
        and the old ID is never given to another item. Items that are not named stay as they are.

        Args:
            ids: n unique texts.
            codes: Integers (n, L), the codes of each item.

        Returns:
            int64 (n,), and the new registry: the rows of this one, then new rows in the order of ids.

        Raises:
            InputError: An id that is no text or comes twice, or codes of another shape or type.
        """
        names = _id_array(ids)
        checked = check_codes(codes, rows=len(names), levels=self.levels)
        known = len(self)
        numbers = _numbered(pa.concat_arrays([self._ids, names]))
        _check_unique(names, numbers[known:])
        groups, n_groups = _row_groups(np.concatenate([self.codes, checked]))
        pairs = numbers * n_groups + groups
        row = _find(pairs[:known], pairs[known:])

        suffix = np.empty(len(names), dtype=np.int64)
        suffix[row >= 0] = self.suffix[row[row >= 0]]
        fresh = np.flatnonzero(row < 0)
        fresh = fresh[pc.sort_indices(names.take(pa.array(fresh))).to_numpy()]
        next_free = np.zeros(n_groups, dtype=np.int64)
        np.maximum.at(next_free, groups[:known], self.suffix + 1)
        by_group = fresh[np.argsort(groups[known + fresh], kind="stable")]
        group = groups[known + by_group]
        suffix[by_group] = next_free[group] + np.arange(len(group)) - np.searchsorted(group, group)

        active = self.active & ~np.isin(numbers[:known], numbers[known:])
        active[row[row >= 0]] = True
        old = self.table.set_column(self.levels + 2, "active", pa.array(active))
        new = _table(names.take(pa.array(fresh)), checked[fresh], suffix[fresh])
        return suffix, IdRegistry(pa.concat_tables([old, new]))

    @property
    def _ids(self) -> pa.StringArray:
        return self.table["id"].combine_chunks()

    def _check_rows(self) -> None:
        """No item twice with the same codes or active twice, no Semantic ID twice."""
        check_codes(np.column_stack([self.codes, self.suffix]), "id registry: codes and suffix")
        numbers = _numbered(self._ids)
        groups, n_groups = _row_groups(self.codes)
        suffixes = int(self.suffix.max(initial=0)) + 1
        checks = [
            (
                numbers * n_groups + groups,
                np.ones(len(self), dtype=bool),
                "an item twice with the same codes",
            ),
            (
                groups * suffixes + self.suffix,
                np.ones(len(self), dtype=bool),
                "two items with one Semantic ID",
            ),
            (numbers, self.active, "an item with two active rows"),
        ]
        for keys, among, found in checks:
            rows = _repeated(keys[among])
            if rows is not None:
                pair = np.flatnonzero(among)[list(rows)].tolist()
                place = f"id registry: rows {pair[0]} and {pair[1]}"
                expected = "one row per item and codes, one of them active, and one item per Semantic ID"
                raise InputError(place, f"{found} (id {self._ids[pair[0]].as_py()!r})", expected)


def _schema(levels: int) -> pa.Schema:
    codes = [(f"c{level + 1}", pa.int32()) for level in range(levels)]
    return pa.schema([("id", pa.string()), *codes, ("suffix", pa.int32()), ("active", pa.bool_())])


def _count_levels(names: Sequence[str]) -> int:
    """How many of c1, c2, … there are without a gap."""
    return next(level for level in range(len(names) + 1) if f"c{level + 1}" not in names)


def _table(ids: pa.StringArray, codes: Int64Array, suffix: Int64Array) -> pa.Table:
    columns = [*np.column_stack([codes, suffix]).astype(np.int32).T, np.ones(len(ids), dtype=bool)]
    return pa.Table.from_arrays([ids, *map(pa.array, columns)], schema=_schema(codes.shape[1]))


def _id_array(ids: Sequence[str] | npt.NDArray[np.object_]) -> pa.StringArray:
    try:
        names = pa.array(ids, pa.string())
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        raise InputError("ids", f"an id that is no text ({error})", "texts") from error
    if names.null_count:
        row = int(np.argmax(names.is_null().to_numpy(zero_copy_only=False)))
        raise InputError(f"ids[{row}]", "no id", "a text")
    return names


def _numbered(names: pa.StringArray) -> Int64Array:
    """A number per text, equal where the texts are equal, below the number of texts."""
    return np.array(names.dictionary_encode().indices.to_numpy(), dtype=np.int64)


def _row_groups(codes: Int64Array) -> tuple[Int64Array, int]:
    """A number per row, equal where the rows are equal, and how many different rows there are."""
    order = np.lexsort(codes.T[::-1])
    ordered = codes[order]
    changes = (ordered[1:] != ordered[:-1]).any(axis=1)
    groups = np.zeros(len(codes), dtype=np.int64)
    groups[order[1:]] = np.cumsum(changes)
    return groups, int(np.count_nonzero(changes)) + 1


def _find(values: Int64Array, wanted: npt.NDArray[Any]) -> Int64Array:
    """Where each wanted value stands among the values, which do not repeat; -1 where it does not."""
    if len(values) == 0:
        return np.full(len(wanted), -1, dtype=np.int64)
    order = np.argsort(values)
    place = order[np.searchsorted(values, wanted, sorter=order).clip(max=len(values) - 1)]
    return np.where(values[place] == wanted, place, -1)


def _repeated(keys: Int64Array) -> tuple[int, int] | None:
    """Positions of the first two equal keys in sorted order, or None where all differ."""
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(np.diff(keys[order]) == 0)
    return (int(order[same[0]]), int(order[same[0] + 1])) if len(same) else None


def _check_unique(names: pa.StringArray, numbers: Int64Array) -> None:
    rows = _repeated(numbers)
    if rows is not None:
        place = f"ids[{rows[0]}] and ids[{rows[1]}]"
        raise InputError(place, f"{names[rows[0]].as_py()!r} twice", "each id once")

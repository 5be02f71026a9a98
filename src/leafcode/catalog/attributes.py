"""Attributes of items beside their category, such as brand and price: what is alike within a category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leafcode.catalog._positions import check_positions
from leafcode.errors import InputError

FloatMatrix = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Attributes:
    """Attributes of all items of a catalogue, made by `from_columns`, that say how far two items agree.

    Args:
        names: A name per attribute, the categorical ones first.
        values: int32 (n, categorical attributes): equal where the values are equal, -1 where one is unknown.
        ranks: float32 (n, numeric attributes): in [0, 1], NaN where unknown.
        weights: Positive, one per attribute.
        bandwidth: In (0, 1]: difference of ranks from which on two numbers agree in nothing.
    """

    names: tuple[str, ...]
    values: npt.NDArray[np.int32]
    ranks: FloatMatrix
    weights: tuple[float, ...]
    bandwidth: float

    @classmethod
    def from_columns(
        cls,
        columns: Mapping[str, Sequence[Any] | npt.NDArray[Any] | pa.Array | pa.ChunkedArray],
        *,
        groups: npt.NDArray[np.integer[Any]] | None = None,
        weights: Mapping[str, float] | None = None,
        bandwidth: float = 0.5,
    ) -> Attributes:
        """Attributes from one column each, a value per item.

        Texts and booleans are categorical: equal or not. Numbers are compared by rank, so that neither scale
        nor outliers matter: the rank of an item is the share of the items of its group that lie below it,
        ties counting one half. Category codes that are numbers must come as text.

        Args:
            columns: By name. None, NaN and blank texts are unknown.
            groups: Integers (n,): numbers are ranked within the items of one group. Take the category of
                each item, and a price says cheap or dear *for its kind*; the unlabelled ones (-1) are a group
                too. All items are one group if left out.
            weights: Positive weights of attributes in the mean, 1 for those that are left out.
            bandwidth: In (0, 1]: two numbers agree by 1 - |difference of ranks| / bandwidth, at least 0.

        Returns:
            The attributes.

        Raises:
            InputError: Columns differ in length, mix types or hold infinite numbers; or a weight, a name
                among the weights, the groups or the bandwidth is wrong.

        Example:
            >>> columns = {"brand": ["Mare", "Mare", None, "Sol"], "price": [1.0, 2.0, 8.0, 9.0]}
            >>> attributes = Attributes.from_columns(columns, bandwidth=1.0)
            >>> attributes.matrix(np.arange(4)).tolist()[0]
            [1.0, 0.875, 0.5, 0.125]
        """
        if not columns:
            raise InputError("columns", "no attribute", "at least one")
        arrays = {name: _as_array(column, name) for name, column in columns.items()}
        items = len(next(iter(arrays.values())))
        for name, array in arrays.items():
            if len(array) != items:
                expected = f"{items}, as column {next(iter(arrays))!r} has"
                raise InputError(f"column {name!r}", f"{len(array)} rows", expected)
        members = _check_groups(groups, items)
        numeric = {name for name, array in arrays.items() if _is_number(array.type)}
        names = (*(name for name in arrays if name not in numeric), *(n for n in arrays if n in numeric))
        given = dict(weights or {})
        unknown = sorted(set(given) - set(names))
        if unknown or not all(0 < weight < np.inf for weight in given.values()):
            raise InputError("weights", str(given), f"positive numbers for some of {', '.join(names)}")
        if not 0 < bandwidth <= 1:
            raise InputError("bandwidth", str(bandwidth), "a number in (0, 1]")
        values = [_value_numbers(arrays[name]) for name in names if name not in numeric]
        ranks = [_ranks(arrays[name], members, name) for name in names if name in numeric]
        return cls(
            names,
            np.stack(values, axis=1) if values else np.empty((items, 0), np.int32),
            np.stack(ranks, axis=1) if ranks else np.empty((items, 0), np.float32),
            tuple(float(given.get(name, 1.0)) for name in names),
            float(bandwidth),
        )

    def __len__(self) -> int:
        return len(self.values)

    def matrix(
        self,
        items: npt.NDArray[np.integer[Any]],
        others: npt.NDArray[np.integer[Any]] | None = None,
    ) -> FloatMatrix:
        """Agreement of every pair of items: the weighted mean over the attributes that both have.

        Args:
            items: Integers (B,), positions in the catalogue.
            others: Integers (C,); ``items`` if left out.

        Returns:
            float32 (B, C) in [0, 1]: 1 if they agree in all that is known of both. NaN where no attribute is
            known of both.

        Raises:
            InputError: Not positions of items.
        """
        rows = check_positions(items, len(self), "items")
        columns = rows if others is None else check_positions(others, len(self), "others")
        total = np.zeros((len(rows), len(columns)), np.float32)
        weight = np.zeros_like(total)
        for place, share in enumerate(self.weights):
            if place < self.values.shape[1]:
                a, b = self.values[rows, place, None], self.values[None, columns, place]
                known, agreement = (a >= 0) & (b >= 0), (a == b).astype(np.float32)
            else:
                column = self.ranks[:, place - self.values.shape[1]]
                distance = np.abs(column[rows, None] - column[None, columns])
                known = ~np.isnan(distance)
                agreement = np.maximum(1 - distance / np.float32(self.bandwidth), 0)
            total += np.where(known, share * agreement, 0)
            weight += share * known
        # The sums of both may differ in the last bit.
        mean = np.minimum(total / np.where(weight > 0, weight, 1), 1)
        return np.where(weight > 0, mean, np.float32(np.nan))


def _as_array(column: object, name: str) -> pa.Array:
    """The column as one PyArrow array of text or float64, nulls where unknown."""
    try:
        array = (
            column if isinstance(column, pa.Array | pa.ChunkedArray) else pa.array(column, from_pandas=True)
        )
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(f"column {name!r}", f"mixed values ({error})", "texts, or numbers") from error
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return array.cast(pa.large_string())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        text = pc.utf8_trim_whitespace(array.cast(pa.large_string()))
        return pc.if_else(pc.equal(text, ""), None, text)
    if not _is_number(kind):
        raise InputError(f"column {name!r}", f"values of type {kind}", "texts, booleans or numbers")
    numbers = array.cast(pa.float64(), safe=False)
    numbers = pc.if_else(pc.is_nan(numbers), None, numbers)
    infinite = np.flatnonzero(np.asarray(pc.fill_null(pc.is_inf(numbers), False)))
    if len(infinite):
        raise InputError(f"column {name!r}: row {infinite[0] + 1}", "an infinite number", "finite numbers")
    return numbers


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind))


def _value_numbers(array: pa.Array) -> npt.NDArray[np.int32]:
    return np.asarray(array.dictionary_encode().indices.fill_null(-1), np.int32)


def _ranks(array: pa.Array, groups: npt.NDArray[np.int64], name: str) -> FloatMatrix:
    """Share of the known items of a group that lie below each, ties one half: float32 (n,)."""
    numbers = np.asarray(array.fill_null(np.nan), np.float64)
    ranks = np.full(len(numbers), np.nan, np.float32)
    known = np.flatnonzero(~np.isnan(numbers))
    group, number = groups[known], numbers[known]
    order = np.lexsort((number, group))
    group, number = group[order], number[order]
    # Runs of equal numbers within a group; a run's rank is that of its middle.
    same_group = np.diff(group, prepend=group[:1]) == 0
    new_run = ~same_group | (np.diff(number, prepend=number[:1]) != 0)
    new_run[:1] = True
    starts = np.flatnonzero(new_run)
    ends = np.append(starts[1:], len(group))
    run = np.cumsum(new_run) - 1
    first, last = np.searchsorted(group, group, "left"), np.searchsorted(group, group, "right")
    ranks[known[order]] = ((starts + ends)[run] / 2 - first) / np.maximum(last - first, 1)
    return ranks


def _check_groups(groups: npt.NDArray[np.integer[Any]] | None, items: int) -> npt.NDArray[np.int64]:
    if groups is None:
        return np.zeros(items, np.int64)
    array = np.asarray(groups)
    if array.shape != (items,) or not np.issubdtype(array.dtype, np.integer):
        raise InputError("groups", f"{array.dtype} {array.shape}", f"integers of shape ({items},)")
    return array.astype(np.int64)

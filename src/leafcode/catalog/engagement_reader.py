"""Engagement read from a file of baskets, orders or sessions: a line for each item in each of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from leafcode.catalog.engagement import AssociationName, Engagement
from leafcode.errors import InputError
from leafcode.taxonomy.readers import column_names, first_null, read_columns, text_column

BASKET_COLUMNS = ("basket_id", "order_id", "session_id", "user_id")
ITEM_COLUMNS = ("item_id", "product_id", "id")
ORDER_COLUMNS = ("position", "timestamp", "time")


def read_engagement(
    path: str | Path,
    ids: Sequence[str] | npt.NDArray[np.object_] | pa.LargeStringArray,
    *,
    basket_column: str | None = None,
    item_column: str | None = None,
    order_column: str | None = None,
    unknown: Literal["error", "ignore"] = "error",
    window: int | None = None,
    min_support: int = 2,
    max_basket: int = 1000,
    association: AssociationName = "ppmi",
    smoothing: float = 0.75,
) -> Engagement:
    r"""Read lines of (basket, item), and count which items go together.

    Args:
        path: Parquet, CSV, TSV or JSON Lines.
        ids: Ids of the catalogue, ``Catalog.ids``: item i of the result is ``ids[i]``.
        basket_column: Basket, order, session or user of each line. By default the first of ``basket_id``,
            ``order_id``, ``session_id`` and ``user_id`` that the file has.
        item_column: Item of each line; by default the first of ``item_id``, ``product_id`` and ``id``.
        order_column: Numbers or times that order a session, for use with ``window``. By default the first of
            ``position``, ``timestamp`` and ``time``. In JSON Lines, guesses look at the first line only.
        unknown: What to do with items that the catalogue lacks: an error that counts them, or "ignore": their
            lines are left out before anything is counted.
        window: See `Engagement.from_baskets`, as for all that follows.
        min_support: Baskets that a pair must share.
        max_basket: Larger baskets are left out.
        association: "ppmi", "npmi" or "lift".
        smoothing: Exponent of the popularity correction.

    Raises:
        InputError: Naming the file and, where there is one, the column and the row: an unreadable file, a
            column that is missing or cannot be guessed, an empty cell, items that the catalogue lacks.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "orders.csv")
        ...     _ = file.write_text("order_id,item_id\n1,salt\n1,pepper\n2,salt\n2,pepper\n3,soap\n")
        ...     read_engagement(file, ["salt", "pepper", "soap"])
        Engagement(3 items, 2 with history, 1 pairs from 2 baskets)
    """
    where = str(path)
    if unknown not in ("error", "ignore"):
        raise InputError("unknown", repr(unknown), "'error' or 'ignore'")
    if order_column is not None and window is None:
        raise InputError("arguments", "order_column without window", "both: whole baskets have no order")
    wanted: list[tuple[str, str | None, Sequence[str]]] = [
        ("basket_column", basket_column, BASKET_COLUMNS),
        ("item_column", item_column, ITEM_COLUMNS),
    ]
    if window is not None:
        wanted.append(("order_column", order_column, ORDER_COLUMNS))
    columns = _choose_columns(Path(path), wanted)
    table = read_columns(path, columns)

    basket, item = (
        _filled(text_column(table, name, where), f"{where}: column {name!r}") for name in columns[:2]
    )
    if not isinstance(ids, pa.Array):
        ids = pa.array(list(ids), pa.large_string())
    places = pc.index_in(item, value_set=ids)
    known = np.asarray(places.is_valid())
    if unknown == "error" and not known.all():
        row = int(np.argmin(known))
        found = f"{item[row].as_py()!r} in row {row + 1}, an id that the catalogue lacks"
        count = np.count_nonzero(~known)
        hint = (
            f"{count:,} of {len(known):,} lines name such items; unknown='ignore' (--unknown-items ignore) "
            "leaves them out."
        )
        raise InputError(f"{where}: column {columns[1]!r}", found, "ids of the catalogue", hint)
    position = None if window is None else _position(table, columns[2], where)[known]
    return Engagement.from_baskets(
        np.asarray(basket.dictionary_encode().indices)[known],
        np.asarray(pc.fill_null(places, -1))[known],
        len(ids),
        min_support=min_support,
        window=window,
        position=position,
        max_basket=max_basket,
        association=association,
        smoothing=smoothing,
    )


def _choose_columns(path: Path, wanted: Sequence[tuple[str, str | None, Sequence[str]]]) -> list[str]:
    """The columns that are named, and guesses for the others."""
    if all(name is not None for _, name, _ in wanted):
        return [name for _, name, _ in wanted if name is not None]
    present = column_names(path)
    chosen = []
    for argument, name, guesses in wanted:
        candidates = [guess for guess in guesses if guess in present]
        if name is None and not candidates:
            found = f"the columns {', '.join(map(repr, present))}"
            raise InputError(str(path), found, f"one of {', '.join(guesses)}", f"Name it with {argument}.")
        chosen.append(candidates[0] if name is None else name)
    return chosen


def _filled(column: pa.Array, where: str) -> pa.Array:
    row = first_null(column)
    if row is not None:
        raise InputError(f"{where}: row {row + 1}", "an empty cell", "a basket and an item on every line")
    return column


def _position(table: pa.Table, column: str, where: str) -> npt.NDArray[Any]:
    """Numbers or times, also where a CSV file holds them as text."""
    place = f"{where}: column {column!r}"
    values = _filled(table[column].combine_chunks(), place)
    if pa.types.is_temporal(values.type):
        return np.asarray(pc.cast(pc.cast(values, pa.timestamp("us")), pa.int64()))
    for kind in (pa.int64(), pa.float64(), pa.timestamp("us")):
        try:
            cast = pc.cast(values, kind)
        except pa.ArrowException:
            continue
        return np.asarray(pc.cast(cast, pa.int64()) if pa.types.is_timestamp(kind) else cast)
    raise InputError(place, f"values of type {values.type} such as {values[0].as_py()!r}", "numbers or times")

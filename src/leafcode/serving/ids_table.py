"""ids.parquet of a run folder: every Semantic ID ever given, with the item that has or had it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leafcode.codes import IdRegistry, semantic_id_array
from leafcode.errors import InputError, RunFolderError

SPLITS = ("train", "heldout", "encoded")
"""Trained on, held out, or encoded later by the trained model."""

BATCH = 1 << 18
"""Rows written at once."""

Texts = Sequence[str | None] | npt.NDArray[np.object_]


def ids_table(
    registry: IdRegistry,
    ids: Sequence[str] | npt.NDArray[np.object_],
    *,
    splits: Sequence[str] | npt.NDArray[np.object_],
    paths: Texts | None = None,
    texts: Texts | None = None,
    previous: pa.Table | None = None,
) -> pa.Table:
    """The rows of a registry, each with what is known of its item.

    The active row of a named item gets the item's path, text and split; every other row keeps what the
    previous table has.

    Args:
        registry: After ``assign(ids, …)``.
        ids: n texts.
        splits: (n,) each one of `SPLITS`.
        paths: (n,) category path, None for an unlabelled item.
        texts: (n,)
        previous: The table of the registry from which `registry` was made; None if that was empty.

    Returns:
        Columns id (string), c1 to cL and suffix (int32), semantic_id (string), path, text (string or null),
        split (string) and active (bool), in the order of the registry.

    Raises:
        InputError: Columns of different lengths, a split of another name, an id without a row in the
            registry, or a previous table that is not the beginning of the registry.

    Example:
        >>> _, registry = IdRegistry.empty(levels=2).assign(["a", "b"], [[7, 1], [7, 1]])
        >>> table = ids_table(registry, ["b", "a"], splits=["heldout", "train"], texts=["soap", "salt"])
        >>> table["semantic_id"].to_pylist(), table["text"].to_pylist(), table["split"].to_pylist()
        (['7_1_0', '7_1_1'], ['salt', 'soap'], ['train', 'heldout'])
    """
    n = len(ids)
    given = {"path": _texts(paths, n), "text": _texts(texts, n), "split": _texts(splits, n)}
    old = None
    if previous is not None:
        check_ids_table(previous, "ids table: previous")
        _check_beginning(registry, previous)
        old = iter([previous])
    batches = list(ids_batches(registry, ids, given, old, rows=max(1, len(registry))))
    return pa.concat_tables(batches) if batches else _schema(registry.levels).empty_table()


def ids_batches(
    registry: IdRegistry,
    ids: Sequence[str] | npt.NDArray[np.object_] | pa.Array,
    given: Mapping[str, pa.Array],
    previous: Iterator[pa.Table] | None = None,
    *,
    rows: int = BATCH,
) -> Iterator[pa.Table]:
    """What `ids_table` gives, a batch of rows after the other.

    Args:
        registry: As for `ids_table`.
        ids: See there.
        given: Text arrays (n,) ``path``, ``text`` and ``split``, the first two possibly with nulls.
        previous: The previous table in batches; None if there was none.
        rows: Rows of a batch at most.

    Raises:
        InputError: As for `ids_table`.
    """
    for name, column in given.items():
        if len(column) != len(ids):
            raise InputError(f"ids table: {name}", f"{len(column)} rows", f"{len(ids)}, one per id")
    item = np.where(registry.active, registry.items_of_rows(ids), -1)
    found = int(np.count_nonzero(item >= 0))
    if found != len(ids):
        raise InputError(
            "ids table: ids", f"{len(ids)} ids, {found} of them registered", "ids that have been assigned"
        )
    start = 0
    for table in previous or ():
        for first in range(0, table.num_rows, rows):
            batch = table.slice(first, rows)
            yield _batch(registry, item, given, slice(start, start + batch.num_rows), batch)
            start += batch.num_rows
    for first in range(start, len(registry), rows):
        yield _batch(registry, item, given, slice(first, min(first + rows, len(registry))), None)


def _batch(
    registry: IdRegistry,
    item: npt.NDArray[np.int32],
    given: Mapping[str, pa.Array],
    rows: slice,
    old: pa.Table | None,
) -> pa.Table:
    """Some rows of the registry with what is known of their items."""
    table = registry.table.slice(rows.start, rows.stop - rows.start).combine_chunks()
    place = pa.array(item[rows], mask=item[rows] < 0)
    named = place.is_valid()  # not "where there is a value": an item may have lost its path
    codes = np.column_stack([table[name].to_numpy() for name in table.column_names[1:-2]])
    made = {"semantic_id": semantic_id_array(codes, table["suffix"].to_numpy())}
    for name, values in given.items():
        before = pa.nulls(len(named), pa.string()) if old is None else old[name].combine_chunks()
        made[name] = pc.if_else(named, values.take(place).cast(pa.string()), before)
    columns = [*table.columns[:-1], *made.values(), table["active"]]
    batch = pa.Table.from_arrays(columns, schema=_schema(registry.levels))
    check_ids_table(batch, "ids table")
    return batch


def check_ids_table(table: pa.Table, where: str) -> None:
    """`table` has the columns that `ids_table` gives.

    Raises:
        RunFolderError: A column is missing, further, or of another type, or a split has another name.
    """
    levels = sum(name[:1] == "c" and name[1:].isdecimal() for name in table.column_names)
    wanted = _schema(levels)
    if not levels or not table.schema.equals(wanted):
        found, expected = (str(one).replace("\n", ", ") for one in (table.schema.remove_metadata(), wanted))
        raise RunFolderError(where, f"the columns {found}", expected)
    others = sorted({str(split) for split in table["split"].unique().to_pylist()} - set(SPLITS))
    if others:
        raise RunFolderError(f"{where}: column 'split'", repr(others[0]), " or ".join(map(repr, SPLITS)))


def _schema(levels: int) -> pa.Schema:
    codes = [(f"c{level + 1}", pa.int32()) for level in range(levels)]
    texts = [(name, pa.string()) for name in ("semantic_id", "path", "text", "split")]
    return pa.schema([("id", pa.string()), *codes, ("suffix", pa.int32()), *texts, ("active", pa.bool_())])


def _texts(values: Texts | None, count: int) -> pa.Array:
    return pa.nulls(count, pa.string()) if values is None else pa.array(values, pa.string())


def _check_beginning(registry: IdRegistry, previous: pa.Table) -> None:
    """The rows of a previous table are those that a registry begins with."""
    before = registry.table.drop(["active"]).slice(0, previous.num_rows)
    if not before.equals(previous.select(previous.column_names[: before.num_columns])):
        expected = "the table of the registry before"
        raise InputError("ids table: previous", "other rows than the registry begins with", expected)

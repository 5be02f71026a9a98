"""ids.parquet of a run folder: every Semantic ID ever given, with the item that has or had it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leafcode.codes import IdRegistry, semantic_id_text
from leafcode.errors import InputError, RunFolderError

SPLITS = ("train", "heldout", "encoded")
"""Trained on, held out, or encoded later by the trained model."""

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
    given = {"path": [None] * n if paths is None else paths, "text": [None] * n if texts is None else texts}
    given["split"] = splits
    for name, column in given.items():
        if len(column) != n:
            raise InputError(f"ids table: {name}", f"{len(column)} rows", f"{n}, one per id")
    table = registry.table
    item = pc.index_in(table["id"].combine_chunks(), value_set=pa.array(ids, pa.string()))
    item = pc.if_else(table["active"].combine_chunks(), item, pa.scalar(None, item.type))
    found = len(item) - item.null_count
    if found != n:
        raise InputError(
            "ids table: ids", f"{n} ids, {found} of them registered", "ids that have been assigned"
        )

    old = _previous_columns(registry, previous)
    named = item.is_valid()  # not "where there is a value": an item may have lost its path
    columns = {
        name: pc.if_else(named, pa.array(values, pa.string()).take(item), old[name])
        for name, values in given.items()
    }
    semantic = pa.array(semantic_id_text(registry.codes, registry.suffix), pa.string())
    active = table["active"]
    table = table.drop(["active"]).append_column("semantic_id", semantic)
    for name, values in columns.items():
        table = table.append_column(name, values)
    table = table.append_column("active", active)
    check_ids_table(table, "ids table")
    return table


def check_ids_table(table: pa.Table, where: str) -> None:
    """`table` has the columns that `ids_table` gives.

    Raises:
        RunFolderError: A column is missing, further, or of another type, or a split has another name.
    """
    levels = sum(name[:1] == "c" and name[1:].isdecimal() for name in table.column_names)
    codes = [(f"c{level + 1}", pa.int32()) for level in range(levels)]
    texts = [(name, pa.string()) for name in ("semantic_id", "path", "text", "split")]
    wanted = pa.schema([("id", pa.string()), *codes, ("suffix", pa.int32()), *texts, ("active", pa.bool_())])
    if not levels or not table.schema.equals(wanted):
        found, expected = (str(one).replace("\n", ", ") for one in (table.schema.remove_metadata(), wanted))
        raise RunFolderError(where, f"the columns {found}", expected)
    others = sorted({str(split) for split in table["split"].unique().to_pylist()} - set(SPLITS))
    if others:
        raise RunFolderError(f"{where}: column 'split'", repr(others[0]), " or ".join(map(repr, SPLITS)))


def _previous_columns(registry: IdRegistry, previous: pa.Table | None) -> dict[str, pa.Array]:
    """Path, text and split of the rows that were there before, and nulls for the new ones."""
    new = len(registry) - (0 if previous is None else previous.num_rows)
    names = ("path", "text", "split")
    if previous is None:
        return {name: pa.nulls(new, pa.string()) for name in names}
    check_ids_table(previous, "ids table: previous")
    before = registry.table.drop(["active"]).slice(0, previous.num_rows)
    if new < 0 or not before.equals(previous.select(previous.column_names[: before.num_columns])):
        expected = "the table of the registry before"
        raise InputError("ids table: previous", "other rows than the registry begins with", expected)
    return {name: pa.chunked_array([*previous[name].chunks, pa.nulls(new, pa.string())]) for name in names}

"""Parent tables as graphs: several parents to a category, and faults left in for `check` to find."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa

from leafcode.errors import InputError
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.readers.table_file import column_names, read_columns, text_column


def read_parent_graph(
    path: str | Path,
    id_column: str = "id",
    parent_column: str = "parent_id",
    name_column: str | None = None,
    parents_column: str | None = None,
) -> CategoryGraph:
    r"""Read a Parquet, CSV or JSON Lines table of categories and their parents.

    Args:
        path: The file; its suffix decides the kind of table (see `read_columns`).
        id_column: Id of a category, text or whole numbers.
        parent_column: Id of its primary parent; null or empty for a root.
        name_column: Display name. Left out, it is ``name`` if there is such a column; a category without a
            name goes by its id.
        parents_column: List of all its parents' ids, texts or whole numbers: a list, or in CSV the text of a
            JSON list. Left out, it is ``parent_ids`` if there is such a column.

    Returns:
        The categories in the order of the rows, which says nothing about the order of siblings.

    Raises:
        InputError: Naming the file and the row (counted from 1, without the header): an empty id, or parents
            that are no list of ids; or a file that cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "nodes.csv")
        ...     _ = file.write_text('id,parent_id,parent_ids\ntea,food,"[""food"", ""gift""]"\nfood,,\n')
        ...     read_parent_graph(file).parents
        (('food', 'gift'), ())
    """
    where = str(path)
    there = column_names(path)
    name_column = name_column or ("name" if "name" in there else None)
    parents_column = parents_column or ("parent_ids" if "parent_ids" in there else None)
    chosen = (id_column, parent_column, name_column, parents_column)
    table = read_columns(path, [column for column in chosen if column is not None])

    ids = text_column(table, id_column, where).to_pylist()
    empty = next((row for row, key in enumerate(ids, start=1) if not key), None)
    if empty is not None:
        raise InputError(f"{where}: row {empty}: column {id_column!r}", "no id", "the id of a category")
    primary = text_column(table, parent_column, where).to_pylist()
    names = ids
    if name_column is not None:
        shown = text_column(table, name_column, where, numbers=True).to_pylist()
        names = [name or key for name, key in zip(shown, ids, strict=True)]
    parents = [(parent,) if parent else () for parent in primary]
    if parents_column is not None:
        lists = _lists(table[parents_column], f"{where}: column {parents_column!r}")
        # The primary parent leads; the list usually names it again.
        pairs = zip(parents, lists, strict=True)
        parents = [tuple(dict.fromkeys([*first, *others])) for first, others in pairs]
    places = tuple(f"row {row}" for row in range(1, len(ids) + 1))
    return CategoryGraph(tuple(ids), tuple(parents), tuple(names), source=where, places=places)


def _is_id(value: object) -> bool:
    """Whether it is a text that is not empty, or a whole number."""
    return bool(value) if isinstance(value, str) else isinstance(value, int) and not isinstance(value, bool)


def _lists(column: pa.ChunkedArray, where: str) -> list[list[str]]:
    """Ids of every row, none for a null."""
    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    lists: list[list[str]] = []
    for row, value in enumerate(column.to_pylist(), start=1):
        found = value
        if is_text and value is not None:
            try:
                found = json.loads(value)
            except json.JSONDecodeError:
                found = None
        found = [] if value is None else found
        if not isinstance(found, list) or not all(map(_is_id, found)):
            raise InputError(f"{where}: row {row}", repr(value), "a list of ids")
        lists.append([str(each) for each in found])
    return lists

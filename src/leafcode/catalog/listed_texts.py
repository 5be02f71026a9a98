"""Columns in which an item names one thing or several."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from leafcode.errors import InputError
from leafcode.taxonomy.readers import text_column


def listed_texts(
    table: pa.Table, column: str, where: str, separator: str | None = None
) -> list[list[str] | str | None]:
    """Texts of a column, or lists of them where it holds lists or text to be split.

    Args:
        table: A table that has the column.
        column: Its name. Texts or whole numbers, or lists of them.
        where: Place named in errors.
        separator: Text between the entries of an item, in a column of texts.

    Returns:
        Of each row a text, a list, or None.

    Raises:
        InputError: The column is of another type, or the separator is empty or not for this column.

    Example:
        >>> table = pa.table({"path": ["Tea|Gifts", None], "shelf": [["Tea"], []]})
        >>> listed_texts(table, "path", "items", "|"), listed_texts(table, "shelf", "items")
        ([['Tea', 'Gifts'], None], [['Tea'], []])
    """
    if separator == "":
        raise InputError("separator of paths", "an empty text", "the text between two paths, such as '|'")
    kind = table.schema.field(column).type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        texts = text_column(table, column, where)
        rows: list[list[str] | str | None]
        rows = (texts if separator is None else pc.split_pattern(texts, pattern=separator)).to_pylist()
        return rows
    if separator is not None:
        found = f"lists, and {separator!r} between the paths of an item"
        raise InputError(f"{where}: column {column!r}", found, "lists, or text to split")
    # The entries are of a type that a column of texts may have.
    text_column(pa.table({column: pa.array([], kind.value_type)}), column, where)
    lists: list[list[str] | str | None]
    lists = pc.cast(table[column], pa.large_list(pa.large_string())).to_pylist()
    return lists

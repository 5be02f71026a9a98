"""Categories that are given as paths of names, whose inner categories need no row of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from leafcode.errors import InputError
from leafcode.taxonomy.graph import CategoryGraph


class PathRow(NamedTuple):
    """Names from the root down, the id of the category if it has one, and its place in the file."""

    names: tuple[str, ...]
    id: str | None
    place: str


def graph_of_paths(
    rows: Iterable[PathRow], separator: str, source: str, *, ordered: bool = False
) -> CategoryGraph:
    """Categories of all paths and of all beginnings of paths, in the order in which they first occur.

    Args:
        rows: Paths, which may repeat. Of a category without an id the id is its joined path.
        separator: Joins names to ids.
        source: The file.
        ordered: Whether the order of the rows is one that siblings should keep.

    Returns:
        The categories. A path with several ids, or several paths with one id, give an id or a path twice.

    Raises:
        InputError: There is no path.

    Example:
        >>> rows = [PathRow(("Fiction", "Fantasy", "Epic"), "FIC009020", "line 1")]
        >>> graph_of_paths(rows, " / ", "bisac.txt").ids
        ('Fiction', 'Fiction / Fantasy', 'FIC009020')
    """
    listed = list(rows)
    if not listed:
        raise InputError(source, "no category", "at least one category")
    id_of: dict[tuple[str, ...], str] = {}
    for row in listed:
        if row.id is not None:
            id_of.setdefault(row.names, row.id)
    place_of: dict[tuple[tuple[str, ...], str], str] = {}
    for row in listed:
        for depth in range(1, len(row.names) + 1):
            names = row.names[:depth]
            key = id_of.setdefault(names, separator.join(names))
            # A row with an id of its own, and a row that only passes through, may both name a category.
            key = row.id if depth == len(row.names) and row.id is not None else key
            place_of.setdefault((names, key), row.place)
    nodes = list(place_of)
    return CategoryGraph(
        ids=tuple(key for _, key in nodes),
        parents=tuple((id_of[names[:-1]],) if len(names) > 1 else () for names, _ in nodes),
        names=tuple(names[-1] for names, _ in nodes),
        source=source,
        places=tuple(place_of.values()),
        ordered=ordered,
    )

"""Products and components of bug trackers, from exports of bugs or of the components themselves."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from leafcode.errors import InputError
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.readers.graph_of_paths import PathRow, graph_of_paths
from leafcode.taxonomy.readers.table_file import column_names, read_columns

_SEPARATOR = " :: "  # as Bugzilla writes product and component
_LEVELS = (
    ("classification",),
    ("product", "project name", "project_name", "project"),
    ("component", "components", "component/s", "component name", "component_name"),
    ("subcomponent", "subcomponents", "sub-component", "sub component"),
)
_DELIMITERS = {".csv": ",", ".tsv": "\t"}

_Row = tuple[str, Sequence[Sequence[str]]]  # its place, and the values of every level


def read_tracker(path: str | Path, columns: tuple[str, ...] = ()) -> CategoryGraph:
    r"""Read the products, components and subcomponents that the rows of an export name.

    The columns are known by the names that Bugzilla (Classification, Product, Component) and Jira (Project
    name, Component/s or Components) give them, in any case. An issue with several components, for which Jira
    repeats the column, stands for each of them. What a row leaves empty it does not divide further.

    Args:
        path: CSV, TSV, Parquet or JSON Lines with a row per issue or per component, or a JSON document: a
            list of such rows, or what Bugzilla answers for ``/rest/bug`` and ``/rest/product``.
        columns: Names of the columns from the root down, if they have other names.

    Returns:
        The categories, siblings sorted. Ids are paths as Bugzilla writes them, ``Core :: DOM``.

    Raises:
        InputError: Naming the file and the row: a component without a product, several components with
            subcomponents, a row with fewer cells than columns, a value that is no text. Also if no column is
            known, no row names a product, or the file cannot be read.

    References:
        Bugzilla: https://bugzilla.readthedocs.io/en/latest/api/core/v1/product.html

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "bugs.csv")
        ...     _ = file.write_text("Bug ID,Product,Component\n1,Core,DOM\n2,Core,Layout\n3,Core,DOM\n")
        ...     read_tracker(file).ids
        ('Core', 'Core :: DOM', 'Core :: Layout')
    """
    suffix = Path(path).suffix.lower()
    try:
        if suffix in _DELIMITERS:
            rows = list(_csv(Path(path), _DELIMITERS[suffix], columns))
        elif suffix == ".json":
            rows = list(_json(Path(path), columns))
        else:
            rows = list(_table(path, columns))
    except (OSError, UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        found = f"content that cannot be read ({error})"
        raise InputError(str(path), found, "an export as CSV, TSV, JSON, JSON Lines or Parquet") from error
    return graph_of_paths((each for row in rows for each in _paths(*row, str(path))), _SEPARATOR, str(path))


def _paths(place: str, levels: Sequence[Sequence[str]], source: str) -> Iterator[PathRow]:
    """The categories that a row names: one, or several that differ in the last name."""
    filled = [[value.strip() for value in level if value.strip()] for level in levels]
    depth = max((i + 1 for i, level in enumerate(filled) if level), default=0)
    if depth == 0:
        raise InputError(f"{source}: {place}", "no product", "a product")
    if not all(len(level) == 1 for level in filled[: depth - 1]):
        found = " / ".join(", ".join(map(repr, level)) or "nothing" for level in filled[:depth])
        expected = "one category at every level but the last"
        raise InputError(f"{source}: {place}", found, expected)
    above = tuple(level[0] for level in filled[: depth - 1])
    for name in filled[depth - 1]:
        yield PathRow((*above, name), None, place)


def _levels(names: Sequence[str], columns: Sequence[str], source: str) -> list[list[int]]:
    """Places of the columns of each level, for a column may repeat."""
    folded = [name.strip().casefold() for name in names]
    if columns:
        found = [[i for i, name in enumerate(names) if name == column] for column in columns]
        missing = [column for column, places in zip(columns, found, strict=True) if not places]
        if missing:
            raise InputError(source, f"the columns {', '.join(map(repr, names))}", f"a column {missing[0]!r}")
        return found
    chosen = (next((known for known in level if known in folded), None) for level in _LEVELS)
    found = [[i for i, name in enumerate(folded) if name == known] for known in chosen if known is not None]
    if not found:
        hint = "Name them with the option columns, from the root down."
        listed = ", ".join(map(repr, names))
        raise InputError(source, f"the columns {listed}", "a column 'Product' or 'Component'", hint)
    return found


def _csv(path: Path, delimiter: str, columns: Sequence[str]) -> Iterator[_Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        names = next(reader, [])
        levels = _levels(names, columns, str(path))
        for number, cells in enumerate(reader, start=1):
            if not cells:
                continue
            if len(cells) != len(names):
                found = f"{len(cells)} cells"
                raise InputError(f"{path}: row {number}", found, f"{len(names)}, as there are columns")
            yield f"row {number}", [[cells[i] for i in level] for level in levels]


def _table(path: str | Path, columns: Sequence[str]) -> Iterator[_Row]:
    names = column_names(path)
    chosen = [names[i] for level in _levels(names, columns, str(path)) for i in level]
    yield from _records(read_columns(path, chosen).to_pylist(), columns, str(path))


def _json(path: Path, columns: Sequence[str]) -> Iterator[_Row]:
    document: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    records = document
    if isinstance(document, Mapping):
        records = document.get("bugs", document.get("products"))
    if not isinstance(records, list) or not all(isinstance(each, Mapping) for each in records):
        raise InputError(str(path), "a JSON document of another form", "a list of rows, 'bugs' or 'products'")
    if isinstance(document, Mapping) and "bugs" not in document:
        records = [{"product": each.get("name"), "component": each.get("components")} for each in records]
    yield from _records(records, columns, str(path))


def _records(records: list[Mapping[str, object]], columns: Sequence[str], source: str) -> Iterator[_Row]:
    names = list(dict.fromkeys(name for record in records for name in record))
    levels = [[names[i] for i in level] for level in _levels(names, columns, source)]
    for number, record in enumerate(records, start=1):
        place = f"row {number}"
        values = [[_texts(record.get(name), f"{source}: {place}") for name in level] for level in levels]
        yield place, [[text for texts in level for text in texts] for level in values]


def _texts(value: object, where: str) -> list[str]:
    """The names in a JSON value: a text, an object with a name, or a list of either."""
    if value is None:
        return []
    if isinstance(value, list):
        return [text for each in value for text in _texts(each, where)]
    name = value.get("name") if isinstance(value, Mapping) else value
    if not isinstance(name, str):
        raise InputError(where, repr(value), "a name, or a list of names")
    return [name]

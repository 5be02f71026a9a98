"""Medical Subject Headings: headings at one or several places, each with a tree number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from leafcode.errors import InputError
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.readers.code_rows import Missing, check_missing
from leafcode.taxonomy.readers.standard_sections import MESH_CATEGORIES
from leafcode.taxonomy.readers.table_file import read_columns, text_column
from leafcode.taxonomy.readers.text_file import numbered_lines

Node = Literal["heading", "number"]
_NUMBER = re.compile(r"[A-Z]\d{2}(\.\d{3})*")


class _Heading(NamedTuple):
    """A heading, the place in the file of each of its tree numbers, and its own."""

    id: str
    name: str
    numbers: dict[str, str]
    place: str


def read_mesh(
    path: str | Path,
    node: Node = "heading",
    sections: bool = False,
    missing: Missing = "error",
    id_column: str = "id",
    name_column: str = "name",
    number_column: str = "tree_number",
) -> CategoryGraph:
    r"""Read headings and tree numbers such as ``C04.588.180`` of the Medical Subject Headings.

    The parent of ``C04.588.180`` is the heading at ``C04.588``, so a heading has as many parents as places;
    that of its first number is the primary one. What lies beneath a heading may differ from place to place:
    with ``node="number"`` each place is a category of its own, which is the tree exactly as published. A
    heading at the top of one tree and within another is beneath the other only, unless there are sections.

    Args:
        path: The ASCII descriptor file ``d2024.bin``, the list ``mtrees2024.bin`` of lines ``name;number``,
            or a table with a row per heading or per place.
        node: What a category is: a ``"heading"``, whose id is the unique id (in the list, the name), or a
            ``"number"``, whose id is the tree number.
        sections: Add the letters with which tree numbers start, as the roots.
        missing: What to do with a place whose parent is not in the file; see `Missing`.
        id_column: In a table, the id of a heading.
        name_column: In a table, its name.
        number_column: In a table, its tree number, or several with semicolons between.

    Returns:
        The categories. A heading that has no tree number (Female, Male) is a root, if headings are asked for.

    Raises:
        InputError: Naming the file and the line or row: a tree number of another form or one that two
            headings have, a record without id or name; or a file that cannot be read.

    References:
        National Library of Medicine, ASCII MeSH: https://www.nlm.nih.gov/mesh/asc_abt.html

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "mtrees.bin")
        ...     _ = file.write_text("Head;A01\nEye;A01.456\nSense Organs;A09\nEye;A09.371\n")
        ...     graph = read_mesh(file)
        >>> dict(zip(graph.ids, graph.parents))["Eye"]
        ('Head', 'Sense Organs')
    """
    check_missing(missing)
    if node not in get_args(Node):
        raise InputError("node", repr(node), "'heading' or 'number'")
    as_text = Path(path).suffix.lower() in (".bin", ".txt")
    headings = _merged(_text(path) if as_text else _table(path, id_column, name_column, number_column))
    at: dict[str, _Heading] = {}
    for heading in headings:
        for number, place in heading.numbers.items():
            if _NUMBER.fullmatch(number) is None:
                expected = "a tree number such as C04.588.180"
                raise InputError(f"{path}: {place}", f"the tree number {number!r}", expected)
            if at.setdefault(number, heading) is not heading:
                other = at[number]
                found = f"the tree number {number!r}, which {other.name!r} has too ({other.numbers[number]})"
                raise InputError(f"{path}: {place}", found, "one heading at a place")
    if not at:
        raise InputError(str(path), "no heading with a tree number", "a file of MeSH")
    above = {number: _above(number, at, missing, sections) for number in at}
    in_use = set(above.values())
    roots = [letter for letter in MESH_CATEGORIES if sections and (letter,) in in_use]

    if node == "number":
        rows = [
            (number, above[number], heading.name, heading.numbers[number]) for number, heading in at.items()
        ]
    else:
        rows = [
            (
                heading.id,
                tuple(
                    dict.fromkeys(
                        at[each].id if each in at else each
                        for number in heading.numbers
                        for each in above[number]
                    )
                ),
                heading.name,
                heading.place,
            )
            for heading in headings
        ]
    ids, parents, names, places = zip(*rows, strict=True)
    return CategoryGraph(
        ids=(*roots, *ids),
        parents=(*((),) * len(roots), *parents),
        names=(*(MESH_CATEGORIES[letter] for letter in roots), *names),
        source=str(path),
        places=(*(f"category {letter} of MeSH" for letter in roots), *places),
    )


def _above(number: str, at: dict[str, _Heading], missing: Missing, sections: bool) -> tuple[str, ...]:
    """The tree number above one, or the letter, or nothing."""
    parent = number.rpartition(".")[0]
    while missing == "nearest" and parent and parent not in at:
        parent = parent.rpartition(".")[0]
    if parent:
        return (parent,)
    return (number[0],) if sections else ()


def _merged(rows: Iterator[_Heading]) -> list[_Heading]:
    """Headings with the tree numbers of all their rows, at the place of the first one."""
    by_id: dict[str, _Heading] = {}
    for row in rows:
        numbers = by_id.setdefault(row.id, row).numbers
        for number, place in row.numbers.items():
            numbers.setdefault(number, place)
    return list(by_id.values())


def _text(path: str | Path) -> Iterator[_Heading]:
    """Records of the descriptor file, or lines ``name;number``."""
    record: list[tuple[str, str, str]] | None = None  # element, value and place
    for number, line in numbered_lines(path):
        place = f"line {number}"
        if line.strip() == "*NEWRECORD":
            if record:
                yield _heading(record, str(path))
            record = [("*", "", place)]
        elif record is not None:
            element, _, value = line.partition(" = ")
            record.append((element.strip(), value.strip(), place))
        else:
            name, semicolon, at = (part.strip() for part in line.rpartition(";"))
            if not (name and semicolon):
                raise InputError(f"{path}: {place}", repr(line.strip()), "a line 'name;tree number'")
            yield _Heading(name, name, {at: place}, place)
    if record:
        yield _heading(record, str(path))


def _heading(record: list[tuple[str, str, str]], source: str) -> _Heading:
    """The heading of a record of the descriptor file."""
    place = record[0][2]
    only: dict[str, str] = {}
    for element in ("MH", "UI"):
        values = [value for each, value, _ in record if each == element]
        if len(values) != 1 or not values[0]:
            found = f"a record with {len(values)} elements {element}"
            raise InputError(f"{source}: {place}", found, "a descriptor with one MH and one UI")
        only[element] = values[0]
    numbers = {value: at for element, value, at in record if element == "MN"}
    return _Heading(only["UI"], only["MH"], numbers, place)


def _table(path: str | Path, id_column: str, name_column: str, number_column: str) -> Iterator[_Heading]:
    table = read_columns(path, [id_column, name_column, number_column])
    columns = [text_column(table, name, str(path)).to_pylist() for name in table.column_names]
    for row, (key, name, numbers) in enumerate(zip(*columns, strict=True), start=1):
        place = f"row {row}"
        if not key:
            raise InputError(f"{path}: {place}: column {id_column!r}", "no id", "the id of a heading")
        each = [number.strip() for number in (numbers or "").split(";")]
        yield _Heading(key, name or key, {number: place for number in each if number}, place)

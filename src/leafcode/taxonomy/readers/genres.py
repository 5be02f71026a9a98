"""Genre lists: paths of subjects as BISAC writes them, with or without codes, or indented."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from leafcode.errors import InputError
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.readers.graph_of_paths import PathRow, graph_of_paths
from leafcode.taxonomy.readers.text_file import numbered_lines


def read_genres(path: str | Path, separator: str = " / ") -> CategoryGraph:
    r"""Read a list of genres, one per line.

    Three forms are told apart by what the file holds: if a line starts with white space, the list is
    indented, deeper lines beneath shallower ones; else a line is a path ``Fiction / Fantasy / Epic``, after
    a code and a tab if it has one. Genres that only paths pass through are made. Blank lines and lines that
    start with ``#`` are skipped.

    ``FICTION / General`` is a genre of its own, as in BISAC: the rest of fiction, beside the other genres.

    Args:
        path: A UTF-8 text file.
        separator: Text between two names of a path.

    Returns:
        The genres in the order of the list. The id is the code, or the path of one without a code.

    Raises:
        InputError: Naming the file and the line: an empty name, a genre that occurs twice, an indentation
            that fits no line above; or a file that holds no genre or cannot be read.

    References:
        Book Industry Study Group, BISAC Subject Headings: https://www.bisg.org/complete-bisac-subject-headings-list

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "genres.txt")
        ...     _ = file.write_text("Rock\n  Punk\n    Hardcore\n  Metal\nJazz\n")
        ...     graph = read_genres(file)
        >>> graph.ids
        ('Rock', 'Rock / Punk', 'Rock / Punk / Hardcore', 'Rock / Metal', 'Jazz')
    """
    if not separator.strip():
        raise InputError("separator", repr(separator), "the text between two names, such as ' / '")
    lines = [(number, line.rstrip()) for number, line in numbered_lines(path) if not line.startswith("#")]
    indented = any(line[0].isspace() for _, line in lines)
    rows = list(_indented(lines, str(path)) if indented else _paths(lines, separator, str(path)))
    first: dict[tuple[str, ...], str] = {}
    for row in rows:
        if first.setdefault(row.names, row.place) != row.place:
            found = f"the genre {separator.join(row.names)!r} of {first[row.names]} again"
            raise InputError(f"{path}: {row.place}", found, "one line per genre")
    return graph_of_paths(rows, separator, str(path), ordered=True)


def _paths(lines: list[tuple[int, str]], separator: str, source: str) -> Iterator[PathRow]:
    for number, line in lines:
        code, _, joined = line.rpartition("\t")
        names = tuple(name.strip() for name in joined.split(separator))
        if not all(names):
            expected = f"names joined by {separator!r}, after a code and a tab if it has one"
            raise InputError(f"{source}: line {number}", repr(line), expected)
        yield PathRow(names, code.strip() or None, f"line {number}")


def _indented(lines: list[tuple[int, str]], source: str) -> Iterator[PathRow]:
    above: list[tuple[str, str]] = []  # indentation and name of the lines around, the outermost first
    for number, line in lines:
        name = line.lstrip()
        indent = line[: len(line) - len(name)]
        left = None
        while above and len(above[-1][0]) >= len(indent):
            left = above.pop()
        # As deep as a line above, or deeper than the last one by more of the same white space.
        fits = left[0] == indent if left is not None else not above or indent.startswith(above[-1][0])
        if not fits:
            expected = "the indentation of a line above, or that of the last line and more"
            raise InputError(f"{source}: line {number}", f"the indentation of {line!r}", expected)
        above.append((indent, name))
        yield PathRow(tuple(each for _, each in above), None, f"line {number}")

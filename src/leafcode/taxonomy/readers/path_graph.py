"""Published path lists as graphs: faults are left in for `check` to find."""

from __future__ import annotations

from pathlib import Path

from leafcode.errors import InputError
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.readers.text_file import numbered_lines


def read_path_graph(path: str | Path, separator: str = " > ") -> CategoryGraph:
    r"""Read lines ``id - A > B > C`` as `read_path_list` does, without refusing a list that forms no tree.

    The parent of a category is the line whose path is one name shorter. Where there is no such line, that
    shorter path itself is the parent, which is then missing; of two lines with the same path the first one
    is the parent. Blank lines and lines that start with ``#`` are skipped.

    Args:
        path: A UTF-8 text file.
        separator: Text between two names.

    Returns:
        The categories, siblings in the order of their names, whatever the order of the lines.

    Raises:
        InputError: Naming the file and the line: a line of another form, or an empty name; or a file that
            cannot be read or has no such line.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "taxonomy.txt")
        ...     _ = file.write_text("1 - Animals\n3237 - Animals > Live Animals\n5 - Toys > Puzzles\n")
        ...     graph = read_path_graph(file)
        >>> graph.names, graph.parents
        (('Animals', 'Live Animals', 'Puzzles'), ((), ('1',), ('Toys',)))
    """
    if not separator:
        raise InputError("separator", "an empty text", "the text between two names, such as ' > '")
    rows: list[tuple[tuple[str, ...], str, int]] = []
    for number, line in numbered_lines(path):
        if line.startswith("#"):
            continue
        key, dash, joined = (part.strip() for part in line.partition(" - "))
        names = tuple(name.strip() for name in joined.split(separator))
        if not (key and dash and all(names)):
            expected = f"a line 'id - A{separator}B' without an empty name"
            raise InputError(f"{path}: line {number}", repr(line.strip()), expected)
        rows.append((names, key, number))
    rows.sort(key=lambda row: row[0])  # stable: lines of the same path keep their order
    id_of_path: dict[tuple[str, ...], str] = {}
    for names, key, _ in rows:
        id_of_path.setdefault(names, key)
    return CategoryGraph(
        ids=tuple(key for _, key, _ in rows),
        parents=tuple(
            (id_of_path.get(names[:-1], separator.join(names[:-1])),) if len(names) > 1 else ()
            for names, _, _ in rows
        ),
        names=tuple(names[-1] for names, _, _ in rows),
        source=str(path),
        places=tuple(f"line {number}" for _, _, number in rows),
        ordered=True,
    )

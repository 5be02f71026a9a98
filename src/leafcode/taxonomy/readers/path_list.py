"""Published path lists: one node per line, ``id - A > B > C``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from leafcode.errors import InputError
from leafcode.taxonomy.tree import Taxonomy


def read_path_list(path: str | Path, separator: str = " > ") -> Taxonomy:
    r"""Read a tree from lines ``id - A > B > C``, as Google publishes its product taxonomy.

    Blank lines and lines that start with ``#`` are skipped. Every node needs a line of its own, inner nodes
    too, for every node needs an id. Siblings are sorted by name; the order of the lines does not matter.

    Args:
        path: A UTF-8 text file.
        separator: Text between two names.

    Returns:
        The tree, whose keys are the ids.

    Raises:
        InputError: Naming the file and the row (= line, counted from 1): a line of another form, an id or a
            path that occurs twice, an empty name, a node without a line; or a file that cannot be read.

    References:
        Google, product taxonomy: https://www.google.com/basepages/producttype/taxonomy-with-ids.en-US.txt

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "taxonomy.txt")
        ...     _ = file.write_text("# version 1\n1 - Animals\n3237 - Animals > Live Animals\n")
        ...     tree = read_path_list(file)
        >>> tree.keys, tree.path(1)
        (('1', '3237'), ('Animals', 'Live Animals'))
    """
    where = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(where, f"a file that cannot be read ({error})", "a UTF-8 text file") from error

    ids: list[str] = []
    paths: list[str | None] = []  # None for a line that is skipped, so that rows stay line numbers
    line_of_id: dict[str, int] = {}
    for row, line in enumerate(text.split("\n"), start=1):
        node_id, dash, node_path = (part.strip() for part in line.partition(" - "))
        if not line.strip() or line.startswith("#"):
            ids.append("")
            paths.append(None)
            continue
        if not (node_id and dash):
            raise InputError(f"{where}: row {row}", repr(line.strip()), "a line 'id - A > B'")
        if node_id in line_of_id:
            found = f"the id {node_id!r} of row {line_of_id[node_id]} again"
            raise InputError(f"{where}: row {row}", found, "a unique id per line")
        line_of_id[node_id] = row
        ids.append(node_id)
        paths.append(node_path)

    tree, node_of_row = Taxonomy.from_paths(paths, separator, where)
    rows = np.flatnonzero(node_of_row >= 0)
    row_of_node = np.full(len(tree), -1, np.int64)
    row_of_node[node_of_row[rows[::-1]]] = rows[::-1]  # of several rows the first one stays
    repeated = rows[row_of_node[node_of_row[rows]] != rows]
    if len(repeated):
        row = int(repeated[0])
        found = f"the path {paths[row]!r} of row {row_of_node[node_of_row[row]] + 1} again"
        raise InputError(f"{where}: row {row + 1}", found, "one line per node")
    missing = np.flatnonzero(row_of_node < 0)
    if len(missing):
        below = int(row_of_node[missing[0] : tree.end[missing[0]]].max())
        found = f"no line for {tree.keys[missing[0]]!r}, which row {below + 1} lies below"
        raise InputError(where, found, "a line with an id for every node")
    return Taxonomy(tuple(ids[row] for row in row_of_node.tolist()), tree.names, tree.parents)

"""Parent tables: one node per row, with its id and the id of its parent."""

from __future__ import annotations

from pathlib import Path

from leafcode.taxonomy.readers.table_file import read_columns, text_column
from leafcode.taxonomy.tree import Taxonomy


def read_parent_table(
    path: str | Path,
    id_column: str = "id",
    parent_column: str = "parent_id",
    name_column: str | None = None,
) -> Taxonomy:
    r"""Read a tree from a Parquet, CSV or JSON Lines table of nodes and their parents.

    Args:
        path: The file; its suffix decides the format (see `read_columns`).
        id_column: Unique id of a node, text or whole numbers.
        parent_column: Id of its parent; null or empty for a root.
        name_column: Display name; the ids are the names if left out.

    Returns:
        The tree, whose keys are the ids, siblings sorted by id.

    Raises:
        InputError: Naming the file and the row (counted from 1, without the header): an id that is empty or
            occurs twice, a parent that is no id, an empty name; a cycle; or a file that cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "nodes.csv")
        ...     _ = file.write_text("id,parent_id,name\nA00,ch1,Cholera\nch1,,Infectious diseases\n")
        ...     read_parent_table(file, name_column="name").path(1)
        ('Infectious diseases', 'Cholera')
    """
    columns = [id_column, parent_column, *([name_column] if name_column is not None else [])]
    table = read_columns(path, columns)
    ids, parents = (text_column(table, column, str(path)).to_pylist() for column in columns[:2])
    names = None
    if name_column is not None:
        names = text_column(table, name_column, str(path), numbers=True).to_pylist()
    return Taxonomy.from_parents(ids, parents, names, where=str(path))

"""The formats in which a taxonomy can be written, chosen by suffix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from leafcode.errors import InputError
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.writers.nested_json import write_nested_json
from leafcode.taxonomy.writers.parent_table import write_parent_table
from leafcode.taxonomy.writers.path_list import write_path_list
from leafcode.taxonomy.writers.skos import write_skos

WRITERS: Mapping[str, Callable[[CategoryGraph, Path], None]] = MappingProxyType(
    {
        ".parquet": write_parent_table,
        ".csv": write_parent_table,
        ".jsonl": write_parent_table,
        ".txt": write_path_list,
        ".json": write_nested_json,
        ".ttl": write_skos,
    }
)
"""The writer of every suffix."""


def write_taxonomy(graph: CategoryGraph, path: str | Path, *, overwrite: bool = False) -> None:
    r"""Write categories in the format that the suffix names; `read_taxonomy` reads them back.

    Args:
        graph: The categories.
        path: The file: a parent table (.parquet, .csv, .jsonl), a path list (.txt), nested JSON (.json) or
            SKOS in Turtle (.ttl).
        overwrite: Replace a file that is there already.

    Raises:
        InputError: The suffix is another, the file is there already, it cannot be written, or the format
            cannot hold the categories (naming one): a path list and nested JSON hold trees only.

    Example:
        >>> import tempfile
        >>> graph = CategoryGraph(("1", "2"), ((), ("1",)), ("Pantry", "Spices"))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_taxonomy(graph, Path(folder, "taxonomy.txt"))
        ...     Path(folder, "taxonomy.txt").read_text()
        '1 - Pantry\n2 - Pantry > Spices\n'
    """
    path = Path(path)
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise InputError(str(path), f"the suffix {path.suffix!r}", f"one of {', '.join(WRITERS)}")
    if not path.parent.is_dir():
        raise InputError(str(path), "no such folder", "a folder that exists")
    if path.exists() and not overwrite:
        raise InputError(str(path), "a file that is there already", "a new file", "Or ask to overwrite it.")
    writer(graph, path)

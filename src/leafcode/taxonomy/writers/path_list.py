"""Path lists: a line ``id - A > B > C`` per category."""

from __future__ import annotations

from pathlib import Path

from leafcode.errors import InputError
from leafcode.files import write_text
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.tree import Taxonomy
from leafcode.taxonomy.writers.trees import tree_only

_SEPARATOR = " > "


def write_path_list(graph: CategoryGraph, path: Path) -> None:
    """Write a line per category, depth-first; see `read_path_list`.

    Raises:
        InputError: Naming a category: it has several parents, its id or its name holds what parts a line, or
            a sibling has the same name, so that the two paths are one; or the file cannot be written.
    """
    tree = tree_only(graph, "a path list")
    _check(tree, str(path))
    lines = zip(tree.keys, tree.paths(_SEPARATOR), strict=True)
    write_text(path, "".join(f"{key} - {line}\n" for key, line in lines))


def _check(tree: Taxonomy, where: str) -> None:
    """Raise an InputError for a category whose line would not be read as it was written."""
    seen: dict[tuple[int, str], str] = {}
    for key, name, parent in zip(tree.keys, tree.names, tree.parents.tolist(), strict=True):
        # Blanks at the ends are dropped in reading, and so make a separator of a bare ">" or "-".
        if key != key.strip() or key.startswith("#") or " - " in f"{key} " or "\n" in key or "\r" in key:
            expected = "an id without ' - ', a line break, a leading '#' or blanks at its ends"
            raise InputError(where, f"the id {key!r}", expected)
        if name != name.strip() or _SEPARATOR in f" {name} " or "\n" in name or "\r" in name:
            found = f"the name {name!r} of {key!r}"
            raise InputError(where, found, "a name without ' > ', a line break or blanks at its ends")
        if seen.setdefault((parent, name), key) != key:
            found = f"siblings {seen[parent, name]!r} and {key!r} of the same name {name!r}"
            raise InputError(where, found, "siblings of different names, for a path list")

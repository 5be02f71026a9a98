"""What formats that hold trees only ask of a graph."""

from __future__ import annotations

from leafcode.errors import InputError
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.tree import Taxonomy


def tree_only(graph: CategoryGraph, what: str) -> Taxonomy:
    """The tree of a graph in which no category has several parents.

    Args:
        graph: The categories.
        what: The format, named in errors.

    Raises:
        InputError: A category has several parents (naming it), or the graph is no tree.
    """
    row = next((row for row, above in enumerate(graph.parents) if len(above) > 1), None)
    if row is not None:
        found = f"{len(graph.parents[row])} parents of {graph.ids[row]!r}"
        hint = "Keep the primary parents (--parents primary), or unfold the graph (--parents unfold)."
        raise InputError(graph.where(row), found, f"one parent at most, for {what}", hint)
    return graph.taxonomy()

"""Nested JSON: categories that hold their children."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from leafcode.files import write_text
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.writers.trees import tree_only


def write_nested_json(graph: CategoryGraph, path: Path) -> None:
    """Write a list of roots, each an object with ``id``, ``name`` and, if it has any, ``children``.

    Raises:
        InputError: Naming a category: it has several parents; or the file cannot be written.
    """
    tree = tree_only(graph, "nested JSON")
    roots: list[dict[str, Any]] = []
    nodes: list[dict[str, Any]] = []
    for key, name, parent in zip(tree.keys, tree.names, tree.parents.tolist(), strict=True):
        node = {"id": key, "name": name}
        nodes.append(node)
        (roots if parent < 0 else nodes[parent].setdefault("children", [])).append(node)
    write_text(path, json.dumps(roots, ensure_ascii=False, indent=1) + "\n")

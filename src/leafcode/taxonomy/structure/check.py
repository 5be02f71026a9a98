"""All checks of a taxonomy, each run on what it needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError
from leafcode.taxonomy._arrays import LongArray
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.structure.balance import beneath, items_per_node
from leafcode.taxonomy.structure.category_means import category_means
from leafcode.taxonomy.structure.family_levels import FamilyLevel, family_levels
from leafcode.taxonomy.structure.figures import ItemSpread, TreeShape, item_spread, tree_shape
from leafcode.taxonomy.structure.finding import StructureFinding, by_importance
from leafcode.taxonomy.structure.graph_checks import cycles, missing_parents, repeated_ids, several_parents
from leafcode.taxonomy.structure.item_checks import (
    empty_branches,
    on_inner_nodes,
    overfull,
    single_items,
    without_siblings,
)
from leafcode.taxonomy.structure.meaning_checks import (
    FamilyFit,
    family_fit,
    nearer_families,
    unlike_siblings,
)
from leafcode.taxonomy.structure.name_checks import repeated_names, repeated_siblings
from leafcode.taxonomy.structure.shape_checks import lone_children, roots, uneven_branches, wide_nodes
from leafcode.taxonomy.tree import Taxonomy

GraphCheck: TypeAlias = Callable[[CategoryGraph], list[StructureFinding]]
TreeCheck: TypeAlias = Callable[[Taxonomy, LongArray], list[StructureFinding]]
"""Takes the tree and, of each node, the items beneath it, or the leaves if there are no items."""
ItemCheck: TypeAlias = Callable[[Taxonomy, LongArray], list[StructureFinding]]
"""Takes the tree and the items filed at each node."""
MeaningCheck: TypeAlias = Callable[[Taxonomy, Sequence[FamilyLevel]], list[StructureFinding]]

GRAPH_CHECKS: tuple[GraphCheck, ...] = (repeated_ids, missing_parents, cycles, several_parents)
MEANING_CHECKS: tuple[MeaningCheck, ...] = (unlike_siblings, nearer_families)
ITEM_CHECKS: tuple[ItemCheck, ...] = (
    overfull,
    on_inner_nodes,
    single_items,
    without_siblings,
    empty_branches,
)
TREE_CHECKS: tuple[TreeCheck, ...] = (
    repeated_siblings,
    wide_nodes,
    uneven_branches,
    lone_children,
    roots,
    repeated_names,
)
"""Findings of a severity stand in the order of the checks: what disagrees with the items comes first."""


@dataclass(frozen=True, eq=False)
class StructureReport:
    """What the checks of a taxonomy found.

    Attributes:
        tree: The tree; None if the file's faults leave none, and then there are no figures.
        shape: Its shape.
        spread: How items spread over it; None without items.
        fit: How its depths fit the embeddings; empty without embeddings.
        findings: Most important first.
    """

    tree: Taxonomy | None
    shape: TreeShape | None
    spread: ItemSpread | None
    fit: tuple[FamilyFit, ...]
    findings: tuple[StructureFinding, ...]


def check_structure(
    categories: CategoryGraph | Taxonomy,
    nodes: npt.NDArray[np.integer[Any]] | None = None,
    embeddings: npt.NDArray[np.floating[Any]] | None = None,
) -> StructureReport:
    """Check a taxonomy: as a file states it, as a tree, with its items, and against their embeddings.

    Args:
        categories: What a reader returned, or a tree.
        nodes: Integers (n,): node of each item in the tree, -1 for unlabelled items.
        embeddings: Floats (n, D), rows of `nodes`, those of labelled items finite and not zero.

    Returns:
        Figures and findings. A graph without a tree (its findings say why) has findings only.

    Raises:
        InputError: A node that is not in the tree, items on a graph that has no tree, or embeddings of
            another shape or, naming the row (counted from 1), without a direction.

    Example:
        >>> tree, nodes = Taxonomy.from_paths([*["Food > Tea > Mint"] * 2, "Food > Salt", "Ink"])
        >>> report = check_structure(tree, nodes)
        >>> [(found.kind.name, found.nodes[0]) for found in report.findings if found.severity == "warning"]
        [('one category holds most pairs', 'Food > Tea > Mint'), ('isolated root', 'Ink')]
        >>> report.shape.leaves_by_depth, round(report.spread.effective, 2)
        ((1, 1, 1), 2.83)
    """
    found: list[StructureFinding] = []
    if isinstance(categories, CategoryGraph):
        found = [each for check in GRAPH_CHECKS for each in check(categories)]
        if nodes is None and any(each.severity == "error" for each in found):
            return StructureReport(None, None, None, (), by_importance(found))
        tree = categories.taxonomy()
    else:
        tree = categories
    filed = None if nodes is None else items_per_node(tree, nodes)
    fit: tuple[FamilyFit, ...] = ()
    if embeddings is not None:
        if nodes is None:
            raise InputError("embeddings", "embeddings without nodes", "the node of each item")
        levels = family_levels(tree, category_means(tree, nodes, embeddings))
        found += [each for check in MEANING_CHECKS for each in check(tree, levels)]
        fit = family_fit(levels)
    spread = None
    sizes = beneath(tree, tree.is_leaf)
    if nodes is not None and filed is not None:
        found += [each for check in ITEM_CHECKS for each in check(tree, filed)]
        spread = item_spread(tree, filed, int(np.count_nonzero(nodes < 0)))
        sizes = beneath(tree, filed)
    found += [each for check in TREE_CHECKS for each in check(tree, sizes)]
    return StructureReport(tree, tree_shape(tree), spread, fit, by_importance(found))

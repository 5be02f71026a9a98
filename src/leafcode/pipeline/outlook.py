"""What a tree will and will not teach: pairs in a batch, and which grades fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.report.figures import count, listing, percent
from leafcode.sampling.pair_counts import PairCounts, average_hierarchical, expected_uniform
from leafcode.taxonomy import Grades, Taxonomy
from leafcode.taxonomy.structure import ItemSpread, TreeShape, beneath, items_per_node
from leafcode.training.config import SMALLEST_BATCH, TrainingConfig

ENOUGH_PARTNERS = 0.9
"""Share of items with a partner from which a uniform batch will do for pairs of one category."""


IDLE_LEVEL = 0.1
"""Share of all items without a sibling category from which a level is worth a sentence."""


@dataclass(frozen=True)
class Outlook:
    """What training with a tree has to expect.

    Attributes:
        batch_size: Items in the batches.
        uniform: Pairs in a uniform batch of labelled items; None with fewer than two of them.
        hierarchical: Pairs in a hierarchical batch; None with fewer labelled items than the smallest holds.
        grades: What to give for ``--grades``.
        points: A term and a sentence or two each, for people.
    """

    batch_size: int
    uniform: PairCounts | None
    hierarchical: PairCounts | None
    grades: str
    points: tuple[tuple[str, str], ...]


def training_outlook(
    tree: Taxonomy,
    shape: TreeShape,
    spread: ItemSpread | None = None,
    nodes: npt.NDArray[np.integer[Any]] | None = None,
    batch_size: int = TrainingConfig.contrast_batch_size,
) -> Outlook:
    """Count the pairs that batches will hold, and choose grades.

    Args:
        tree: The tree.
        shape: Its figures.
        spread: Figures of the items; None without items.
        nodes: Integers (n,), node of each item, -1 for unlabelled items.
        batch_size: Wanted items of a batch; all labelled items if there are fewer.

    Example:
        >>> from leafcode.taxonomy.structure import check_structure
        >>> tree, nodes = Taxonomy.from_paths(["A > x", "A > x", "A > y", "B"] * 4)
        >>> report = check_structure(tree, nodes)
        >>> found = training_outlook(tree, report.shape, report.spread, nodes, batch_size=8)
        >>> found.grades, round(found.uniform.same, 1), found.hierarchical
        ('depth', 9.3, None)
    """
    uniform = hierarchical = None
    grades, why = _grades(shape, spread)
    points = [("Grades", why)]
    if nodes is not None and spread is not None:
        batch_size = min(batch_size, spread.labelled)
        if batch_size >= 2:
            uniform = expected_uniform(nodes, tree, batch_size)
        if batch_size >= SMALLEST_BATCH:
            size = min(TrainingConfig.items_per_category, batch_size // 4)
            hierarchical = average_hierarchical(nodes, tree, batch_size, items_per_category=size)
        if uniform is not None:
            points = [*_sampler(uniform, hierarchical), *points, *_evenness(spread)]
        points += _levels(tree, nodes)
    return Outlook(batch_size, uniform, hierarchical, grades, tuple(points))


def _grades(shape: TreeShape, spread: ItemSpread | None) -> tuple[str, str]:
    """What to give for --grades, and why."""
    filed = np.array(shape.leaves_by_depth if spread is None else spread.by_depth)
    depths = np.arange(1, shape.depth + 1)
    below = filed * (depths > 1)
    if below.sum() == 0:
        why = "Nothing is filed below depth 1, so the same category is the only relation; any grades will do."
        return "depth", why
    if shape.depth == 2 and shape.roots > 1:
        return "depth", "No deeper than depth 2: --grades depth and --grades 1,0.5 are the same thing."
    # Siblings at depth d meet at depth d - 1, which the linear table grades (d - 1) / depth of the tree.
    siblings = float(below @ (depths - 1) / below.sum() / shape.depth)
    held = depths[filed > 0]
    span = f"depth {held[0]}" if len(held) == 1 else f"depths {held[0]} to {held[-1]}"
    if siblings < Grades.default().table[1]:
        return "1,0.5", (
            "By distance (--grades 1,0.5), which counts siblings 0.5. By depth they would count "
            f"{siblings:.2f} on average: the {'leaves' if spread is None else 'items'} lie at {span}, mostly "
            f"well above the deepest of {shape.depth} levels."
        )
    if len(held) == 1:
        return "depth", (
            f"By depth (--grades depth): all at {span}, so each level counts the same. "
            "--grades 1,0.5 if only siblings are alike."
        )
    return "depth", (
        f"By depth (--grades depth), for the tree is ragged ({span}): by distance, pairs that meet at one "
        f"node would be graded differently. Siblings count {siblings:.2f} on average, less higher up."
    )


def _sampler(uniform: PairCounts, hierarchical: PairCounts | None) -> list[tuple[str, str]]:
    def of(pairs: PairCounts) -> str:
        share, siblings = percent(pairs.with_partner / pairs.items, 0), _rounded(pairs.siblings)
        return f"{share} of the items have a partner of their category, and {siblings} pairs are siblings"

    text = f"In a uniform batch of {count(int(uniform.items))}, {of(uniform)}"
    if hierarchical is None:
        return [("Batches", f"{text}; a hierarchical batch takes at least {SMALLEST_BATCH} labelled items.")]
    text += f"; in a hierarchical one {of(hierarchical)}."
    if uniform.with_partner >= ENOUGH_PARTNERS * uniform.items:
        text += " Either will do for pairs of one category."
    else:
        text += " Draw hierarchical ones, in which small categories have their pairs."
    found = [("Batches", text)]
    if hierarchical.left_open > 0.01 * hierarchical.pairs:
        share = percent(hierarchical.left_open / hierarchical.pairs, 0)
        text = (
            f"{share} of the pairs of a hierarchical batch are of a category and its ancestor, and ignored."
        )
        found.append(("Left open", text))
    return found


def _evenness(spread: ItemSpread) -> list[tuple[str, str]]:
    if not spread.effective < spread.categories / 2:
        return []
    text = (
        f"{count(spread.categories)} categories hold items, but so unevenly that they are worth "
        f"{_rounded(spread.effective)} of one size: what most batches teach is those."
    )
    return [("Evenness", text)]


def _levels(tree: Taxonomy, nodes: npt.NDArray[np.integer[Any]]) -> list[tuple[str, str]]:
    """Depths at which the categories of many items have no other in use beside them."""
    filed = items_per_node(tree, nodes)
    held = beneath(tree, filed)
    used = np.bincount(tree.parents[held > 0] + 1, minlength=len(tree) + 1)[tree.parents + 1]
    found = []
    for depth in range(2, tree.max_depth + 1):
        alone = held[(tree.depths == depth) & (used == 1)].sum() / max(filed.sum(), 1)
        if alone >= IDLE_LEVEL:
            found.append(f"{percent(float(alone), 0)} of the items at depth {depth}")
    if not found:
        return []
    return [("Idle levels", f"No sibling in use, so nothing that the level could teach: {listing(found)}.")]


def _rounded(value: float) -> str:
    return count(round(value)) if value >= 10 else f"{value:.1f}"

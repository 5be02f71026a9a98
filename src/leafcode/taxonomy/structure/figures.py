"""Figures of a tree's shape and of how items spread over it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leafcode.taxonomy._arrays import LongArray
from leafcode.taxonomy.structure.balance import balance, beneath, check_counts, effective_number
from leafcode.taxonomy.tree import Taxonomy


@dataclass(frozen=True)
class TreeShape:
    """The shape of a tree.

    Attributes:
        nodes: Number of categories.
        leaves: Those without children.
        roots: Those without a parent.
        nodes_by_depth: Categories at depth 1, 2, …
        leaves_by_depth: Leaves at depth 1, 2, …
        widest: Most children of a node, the virtual root left out.
        balance: See `balance`, over leaves.
    """

    nodes: int
    leaves: int
    roots: int
    nodes_by_depth: tuple[int, ...]
    leaves_by_depth: tuple[int, ...]
    widest: int
    balance: float

    @property
    def depth(self) -> int:
        """Depth of the deepest node."""
        return len(self.nodes_by_depth)

    @property
    def even(self) -> bool:
        """Whether all leaves lie at one depth."""
        return sum(count > 0 for count in self.leaves_by_depth) == 1


@dataclass(frozen=True)
class ItemSpread:
    """How items spread over a tree.

    Attributes:
        items: Items, labelled or not.
        labelled: Those with a category.
        on_inner_nodes: Those on a category that has other items beneath it.
        by_depth: Items filed at depth 1, 2, …
        categories: Categories that items are filed on.
        singles: Those of them with one item.
        empty_leaves: Leaves without items.
        largest: Items in the largest category.
        median: Median items of the categories that items are filed on.
        effective: How many equally large categories would be as diverse; see `effective_number`.
        balance: See `balance`, over items.
    """

    items: int
    labelled: int
    on_inner_nodes: int
    by_depth: tuple[int, ...]
    categories: int
    singles: int
    empty_leaves: int
    largest: int
    median: float
    effective: float
    balance: float


def tree_shape(tree: Taxonomy) -> TreeShape:
    """Count the nodes of a tree.

    Example:
        >>> tree_shape(Taxonomy.from_paths(["A > x", "A > y", "B"])[0]).leaves_by_depth
        (1, 2)
    """
    by_depth = np.bincount(tree.depths, minlength=tree.max_depth + 1)[1:]
    leaves = np.bincount(tree.depths[tree.is_leaf], minlength=tree.max_depth + 1)[1:]
    return TreeShape(
        nodes=len(tree),
        leaves=int(leaves.sum()),
        roots=int(by_depth[0]),
        nodes_by_depth=tuple(by_depth.tolist()),
        leaves_by_depth=tuple(leaves.tolist()),
        widest=int(np.bincount(tree.parents + 1)[1:].max(initial=0)),
        balance=balance(tree),
    )


def item_spread(tree: Taxonomy, filed: LongArray, unlabelled: int = 0) -> ItemSpread:
    """Count the items of a tree.

    Args:
        tree: The tree.
        filed: int64 (n,), items filed at each node.
        unlabelled: Items filed nowhere.

    Raises:
        InputError: `filed` does not fit the tree.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["A > x", "A > x", "A", "B"])
        >>> found = item_spread(tree, np.bincount(nodes))
        >>> found.on_inner_nodes, found.singles, found.by_depth
        (1, 2, (2, 2))
    """
    check_counts(tree, filed)
    total = int(filed.sum())
    used = filed[filed > 0]
    return ItemSpread(
        items=total + unlabelled,
        labelled=total,
        on_inner_nodes=int(filed[beneath(tree, filed) > filed].sum()),
        by_depth=tuple(np.bincount(tree.depths, filed, tree.max_depth + 1)[1:].astype(int).tolist()),
        categories=len(used),
        singles=int(np.count_nonzero(used == 1)),
        empty_leaves=int(np.count_nonzero(filed[tree.is_leaf] == 0)),
        largest=int(used.max(initial=0)),
        median=float(np.median(used)) if len(used) else float("nan"),
        effective=effective_number(filed),
        balance=balance(tree, filed),
    )

"""Draw blocks of items by their place in the tree relative to a category: siblings, relatives, strangers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from leafcode.sampling.category_blocks import CategoryBlocks
from leafcode.sampling.epoch import LongArray

_BALANCING_SWEEPS = 50
_LARGEST = 0.8  # share of a branch among strangers, however large it is


class BlockPool:
    """Blocks of the categories with some property, to be drawn near a given category.

    Args:
        blocks: The blocks.
        member: Bool (C,): the categories with the property.
    """

    def __init__(self, blocks: CategoryBlocks, member: npt.NDArray[np.bool_]) -> None:
        self._first_block = blocks.first_block
        self._total = np.concatenate([[0], np.cumsum(np.diff(blocks.first_block) * member)])
        self._exist = bool(member.any())
        # Of each category, the range of the nearest ancestor-or-self with a member beneath; else everything.
        self._low, self._high = np.zeros_like(blocks.sizes), np.full_like(blocks.sizes, len(member))
        for ancestor in blocks.taxonomy.ancestors[blocks.categories].T:
            low, high = blocks.node_range[:, ancestor]
            found = (ancestor >= 0) & (self._total[high] > self._total[low])
            self._low[found], self._high[found] = low[found], high[found]

    def __bool__(self) -> bool:
        return self._exist

    def draw(self, rng: np.random.Generator, category: int) -> int:
        """One block, uniformly from the nearest subtree around the category (index) that has any."""
        low, high = self._total[self._low[category]], self._total[self._high[category]]
        ticket = rng.integers(low, high)
        drawn = np.searchsorted(self._total, ticket, side="right") - 1
        return int(self._first_block[drawn] + ticket - self._total[drawn])


class Siblings:
    """Blocks of the other categories under the same parent node. Roots are no siblings.

    Args:
        blocks: The blocks.

    Attributes:
        exist: Bool (C,): categories with at least one sibling category that has items.
    """

    def __init__(self, blocks: CategoryBlocks) -> None:
        parents = blocks.taxonomy.parents[blocks.categories]
        self._first_block = blocks.first_block
        self._order = np.argsort(parents, kind="stable")
        self._rank = np.argsort(self._order)
        self._total = np.concatenate([[0], np.cumsum(np.diff(blocks.first_block)[self._order])])
        self._low = np.searchsorted(parents[self._order], parents)
        self._high = np.searchsorted(parents[self._order], parents, side="right")
        self.exist: npt.NDArray[np.bool_] = (parents >= 0) & (self._high - self._low > 1)

    def draw(self, rng: np.random.Generator, category: int) -> int:
        """One block, uniformly from the siblings of a category (index) for which they `exist`."""
        rank = self._rank[category]
        own, own_end = self._total[rank], self._total[rank + 1]
        low, high = self._total[self._low[category]], self._total[self._high[category]]
        ticket = rng.integers(low, high - (own_end - own))
        ticket += (own_end - own) * (ticket >= own)
        drawn = np.searchsorted(self._total, ticket, side="right") - 1
        return int(self._first_block[self._order[drawn]] + ticket - self._total[drawn])


class Relatives:
    """The parents that a category can lead to, for batches of related items.

    Args:
        blocks: The blocks.
    """

    def __init__(self, blocks: CategoryBlocks) -> None:
        tree, (low, high) = blocks.taxonomy, blocks.node_range
        pairs = np.concatenate([[0], np.cumsum(blocks.sizes >= 2)])
        child = (high > low) & (tree.parents >= 0)
        branches = np.bincount(tree.parents[child], minlength=len(tree))
        parent = (branches >= 2) & (pairs[high] > pairs[low]) & ~_holds_all(blocks)
        ancestors = tree.ancestors[blocks.categories]
        self._parents = np.where((ancestors >= 0) & parent[ancestors], ancestors, -1)
        self._node_blocks = blocks.first_block[blocks.node_range]

    def draw(self, rng: np.random.Generator, category: int, count: int) -> LongArray:
        """At most ``count`` different blocks, uniformly from the subtree of a random parent of a category.

        Returns:
            int64 (blocks,) in random order, empty if the category (index) has no parent.
        """
        parents = self._parents[category]
        parents = parents[parents >= 0]
        if len(parents) == 0:
            return np.empty(0, np.int64)
        low, high = self._node_blocks[:, parents[rng.integers(len(parents))]].tolist()
        drawn: LongArray = low + rng.choice(high - low, min(high - low, count), replace=False)
        return drawn


class Strangers:
    """Blocks of unrelated categories: those on the other side of the first split of the tree.

    A *branch* is a topmost node that does not hold all labelled items. The *trunk*, the deepest node that
    does, lies outside every branch; items on it are related to everything.

    The strangers to a lead in branch t come from the other branches with weights a such that, if leads are
    spread like the items, so are their strangers: a_t · (sum of a - a_t) must be in proportion to the items.
    A few sweeps of iterative proportional fitting (Sinkhorn & Knopp, 1967) find them. No weights exist if a
    branch has more than half of all items; the sweeps then end at a compromise that leaves room for the rest.

    Args:
        blocks: The blocks.
        fraction: Share of a batch that strangers take.

    Attributes:
        branch: int64 (C,): branch (index) of each category, -1 on the trunk.
        count: Number of branches.
    """

    def __init__(self, blocks: CategoryBlocks, fraction: float) -> None:
        holds_all = _holds_all(blocks)
        top = np.full(len(blocks.categories), -1)
        for ancestor in blocks.taxonomy.ancestors[blocks.categories].T[::-1]:
            found = (ancestor >= 0) & ~holds_all[ancestor]
            top[found] = ancestor[found]
        branches, branch = np.unique(top[top >= 0], return_inverse=True)
        self.count = len(branches)
        self.branch: LongArray = np.concatenate([np.full(len(top) - len(branch), -1), branch])

        # Group 0 is the trunk, group t + 1 is branch t; together they are all blocks, in order.
        self._first = np.append(0, blocks.first_block[blocks.node_range[0, branches]])
        self._blocks = np.diff(np.append(self._first, blocks.first_block[-1]))
        items = np.bincount(self.branch + 1, blocks.sizes, self.count + 1).astype(np.float64)
        # The trunk is no relative of a lead, so strangers are its items' only way into a batch.
        share = np.append(items[0] / fraction, items[1:].sum() * _balanced(items[1:])) / items.sum()
        self._weights = share * self._blocks / np.maximum(items, 1)
        self._layout = blocks

    def draw(self, rng: np.random.Generator, branch: int, count: int) -> LongArray:
        """Different blocks outside a branch (index) that hold at least ``count`` items, or all such blocks.

        Returns:
            int64 (blocks,) in random order; the first is not from the trunk, if there is another branch.
        """
        low, size = int(self._first[branch + 1]), int(self._blocks[branch + 1])
        weights = self._weights.copy()
        weights[branch + 1] = 0.0  # no ticket falls on it
        total = np.cumsum(weights)
        if self.count < 2 or count < 1:
            drawn = np.empty(0, np.int64)
        else:
            ticket = rng.random(count) * total[-1]
            ticket[0] = weights[0] + ticket[0] * (1 - weights[0] / total[-1])
            last = len(total) - (2 if branch + 2 == len(total) else 1)
            group = np.minimum(np.searchsorted(total, ticket, side="right"), last)
            drawn = self._first[group] + (rng.random(count) * self._blocks[group]).astype(np.int64)
            ordered = np.sort(drawn)
            if (ordered[1:] == ordered[:-1]).any():  # seldom where there are many; then this is saved
                drawn = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
        if self._layout.count_items(drawn) < count:
            outside = np.concatenate([np.arange(low), np.arange(low + size, self._layout.first_block[-1])])
            drawn = np.append(drawn, rng.permutation(np.setdiff1d(outside, drawn, assume_unique=True)))
        return drawn


def _holds_all(blocks: CategoryBlocks) -> npt.NDArray[np.bool_]:
    """Bool (nodes of the tree,): nodes whose subtree holds every labelled item."""
    low, high = blocks.node_range
    held: npt.NDArray[np.bool_] = high - low == len(blocks.categories)
    return held


def _balanced(items: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Weights a of sum 1 with a_t · (1 - a_t) in proportion to the items, the greatest at most `_LARGEST`."""
    weights = items
    for _ in range(_BALANCING_SWEEPS if len(items) > 1 else 0):
        weights = np.sqrt(weights * items / (weights.sum() - weights))
        largest = int(weights.argmax())
        rest = weights.sum() - weights[largest]
        weights[largest] = min(weights[largest], rest * _LARGEST / (1 - _LARGEST))
    scaled: npt.NDArray[np.float64] = weights / max(weights.sum(), 1)
    return scaled

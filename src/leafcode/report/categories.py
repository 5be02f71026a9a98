"""The categories of coded items: a table of tree nodes from path texts, and what a code group holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

IntArray = npt.NDArray[np.int64]


class CategoryTable(NamedTuple):
    """Nodes of the category tree as far as items use them, parents before children."""

    names: list[str]
    parents: list[int]
    """-1 for a top category."""
    ancestors: IntArray
    """(n, D) node of each item at each depth, -1 below its own node and where it has none."""

    def path(self, node: int) -> list[str]:
        """Names from the top category down to `node`."""
        names: list[str] = []
        while node >= 0:
            names.append(self.names[node])
            node = self.parents[node]
        return names[::-1]

    @property
    def own(self) -> IntArray:
        """(n,) each item's own node, -1 where it has none."""
        depth = np.count_nonzero(self.ancestors >= 0, axis=1)
        padded = np.concatenate([np.full((len(depth), 1), -1, dtype=np.int64), self.ancestors], axis=1)
        own: IntArray = padded[np.arange(len(depth)), depth]
        return own


def read_categories(paths: Sequence[str | None], separator: str) -> CategoryTable:
    """Number the categories of n path texts.

    Example:
        >>> table = read_categories(["Dairy > Milk", None, "Dairy"], " > ")
        >>> table.names, table.parents, table.ancestors.tolist(), table.own.tolist()
        (['Dairy', 'Milk'], [-1, 0], [[0, 1], [-1, -1], [0, -1]], [1, -1, 0])
    """
    encoded = pa.array(paths, type=pa.string()).dictionary_encode()
    nodes: dict[tuple[int, str], int] = {}
    names: list[str] = []
    chains: list[list[int]] = []
    for text in encoded.dictionary.to_pylist():
        chain: list[int] = []
        for segment in text.split(separator):
            name = segment.strip()
            key = (chain[-1] if chain else -1, name)
            if key not in nodes:
                nodes[key] = len(names)
                names.append(name)
            chain.append(nodes[key])
        chains.append(chain)
    depth = max(map(len, chains), default=0)
    rows = np.full((len(chains) + 1, depth), -1, dtype=np.int64)
    for row, chain in enumerate(chains):
        rows[row, : len(chain)] = chain
    # An item without a path takes the last row, which is all -1.
    index = encoded.indices.fill_null(len(chains)).to_numpy(zero_copy_only=False).astype(np.int64)
    return CategoryTable(names, [parent for parent, _ in nodes], rows[index])


class MainCategories(NamedTuple):
    """What G groups of items mainly hold."""

    nodes: IntArray
    """(G, top) the most frequent categories at the group's depth, -1 where there are fewer."""
    shares: npt.NDArray[np.float64]
    """(G, top) their shares of the group's items that have a category, 0 where there are fewer."""
    top_share: npt.NDArray[np.float64]
    """(G,) share of the most frequent category of depth 1; NaN for a group without categories."""


def main_categories(groups: IntArray, n_groups: int, ancestors: IntArray, *, top: int = 3) -> MainCategories:
    """The most frequent categories of each group, as fine as one of them still holds the majority.

    A group is described at the deepest depth at which one category holds at least half of its items that
    have a category, and at depth 1 if there is none.

    Args:
        groups: int64 (n,), the group of each item, in [0, n_groups).
        n_groups: Number of groups.
        ancestors: int64 (n, D) node of each item at each depth, -1 below its own node.
        top: Number of categories to list for each group.

    Example:
        >>> ancestors = np.array([[0, 1], [0, 1], [0, 2], [3, -1]])
        >>> found = main_categories(np.array([0, 0, 0, 1]), 2, ancestors, top=2)
        >>> found.nodes.tolist(), found.shares.round(2).tolist()
        ([[1, 2], [3, -1]], [[0.67, 0.33], [1.0, 0.0]])
    """
    nodes = np.full((n_groups, top), -1, dtype=np.int64)
    shares = np.zeros((n_groups, top))
    top_share = np.full(n_groups, np.nan)
    if ancestors.shape[1] == 0:
        return MainCategories(nodes, shares, top_share)
    labelled = np.bincount(groups[ancestors[:, 0] >= 0], minlength=n_groups)
    width = int(ancestors.max(initial=0)) + 1
    for depth in range(ancestors.shape[1]):
        held = ancestors[:, depth] >= 0
        pairs, counts = np.unique(groups[held] * width + ancestors[held, depth], return_counts=True)
        group, node = np.divmod(pairs, width)
        order = np.lexsort((node, -counts, group))
        group, node, counts = group[order], node[order], counts[order]
        rank = np.arange(len(group)) - np.searchsorted(group, group)
        best = np.zeros(n_groups)
        best[group[rank == 0]] = counts[rank == 0] / labelled[group[rank == 0]]
        if depth == 0:
            top_share = np.where(labelled > 0, best, np.nan)
        chosen = (best[group] >= 0.5) | (depth == 0)
        # What a coarser depth listed must not show through where this depth has fewer categories.
        nodes[group[chosen]], shares[group[chosen]] = -1, 0.0
        chosen &= rank < top
        nodes[group[chosen], rank[chosen]] = node[chosen]
        shares[group[chosen], rank[chosen]] = counts[chosen] / labelled[group[chosen]]
    return MainCategories(nodes, shares, top_share)

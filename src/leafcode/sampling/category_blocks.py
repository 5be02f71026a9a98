"""Items sorted by category in tree order and cut into small blocks, from which batches are put together."""

from __future__ import annotations

import itertools
from dataclasses import InitVar, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from leafcode.sampling.epoch import LongArray
from leafcode.taxonomy import Taxonomy

_SORTED_AT_ONCE = 1 << 14
"""Items, or those of a category that has more."""


@dataclass(frozen=True)
class CategoryBlocks:
    """Blocks of about ``block_size`` items of one category, such that every subtree is a range of blocks.

    A *category* is a node on which items are filed. Labelled items stand in order of their node, which is
    depth-first, so the items of any subtree are a contiguous range, and so are its categories and blocks. A
    category of s items is cut into blocks of nearly equal size, at most ``block_size``, but never of a single
    item unless s = 1 (so three items are one block even for ``block_size = 2``). As every item lies in
    exactly one block, drawing blocks uniformly and without replacement draws items uniformly and without
    repetition.

    Arrays of the size of the catalogue are int32: an item takes 4 bytes here, and 8 more in an arrangement.

    Args:
        nodes: Integers (n,): node of each item, -1 for unlabelled items, which are left out. Fewer than 2^31
            items.
        taxonomy: The tree.
        block_size: At least 2.

    Attributes:
        items: int32 (N,): indices of the labelled items, in order of their node.
        categories: int64 (C,): nodes with items, ascending.
        sizes: int64 (C,): items of each category.
        first_block: int64 (C + 1,): blocks of category c are ``first_block[c], …, first_block[c + 1] - 1``.
        block_category: int32 (M,): index into ``categories`` of each block.
        block_start: int32 (M + 1,): block b holds the places ``block_start[b], …, block_start[b + 1] - 1`` of
            an `arrange`-ment.
        node_range: int64 (2, nodes of the tree): first and one past the last category (index) of each
            node's subtree.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["A > x"] * 5 + ["B", None, "A > y"])
        >>> blocks = CategoryBlocks(nodes, tree, 4)
        >>> blocks.items.tolist(), blocks.block_start.tolist(), blocks.block_category.tolist()
        ([0, 1, 2, 3, 4, 7, 5], [0, 3, 5, 6, 7], [0, 0, 1, 2])
    """

    nodes: InitVar[npt.NDArray[np.integer[Any]]]
    taxonomy: Taxonomy
    block_size: int
    items: npt.NDArray[np.int32] = field(init=False)
    categories: LongArray = field(init=False)
    sizes: LongArray = field(init=False)
    first_block: LongArray = field(init=False)
    block_category: npt.NDArray[np.int32] = field(init=False)
    block_start: npt.NDArray[np.int32] = field(init=False)
    node_range: LongArray = field(init=False)

    def __post_init__(self, nodes: npt.NDArray[np.integer[Any]]) -> None:
        items, by_node = _counting_sort(nodes, len(self.taxonomy))
        categories = np.flatnonzero(by_node)
        sizes = by_node[categories]
        blocks = np.clip(np.minimum(-(-sizes // self.block_size), sizes // 2), 1, None)
        first_block, first_item = _starts(blocks), _starts(sizes)
        block_category = np.repeat(np.arange(len(categories), dtype=np.int32), blocks)
        within = np.arange(first_block[-1]) - first_block[block_category]
        size, larger = np.divmod(sizes, blocks)
        start = first_item[block_category] + within * size[block_category]
        start += np.minimum(within, larger[block_category])
        every = np.arange(len(self.taxonomy))
        found = {
            "items": items,
            "categories": categories,
            "sizes": sizes,
            "first_block": first_block,
            "block_category": block_category,
            "block_start": np.append(start, len(items)).astype(np.int32),
            "node_range": np.stack(
                [np.searchsorted(categories, every), np.searchsorted(categories, self.taxonomy.end)]
            ),
        }
        for name, array in found.items():
            object.__setattr__(self, name, array)

    def arrange(self, rng: np.random.Generator) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Shuffle the items within each category, which puts them into new blocks.

        Returns:
            int32 (N,): item index at each place; and int32 (N,): the place of each entry of ``items``.
        """
        key = rng.random(len(self.items))
        order = np.empty(len(key), np.int32)
        first_item = _starts(self.sizes)
        # Some categories at a time: what fits the cache is sorted several times as fast.
        cuts = np.unique(np.searchsorted(first_item, np.arange(0, len(key), _SORTED_AT_ONCE)))
        for low, high in itertools.pairwise([*cuts.tolist(), len(self.sizes)]):
            begin, end = first_item[low], first_item[high]
            key[begin:end] += np.repeat(np.arange(low, high), self.sizes[low:high])
            order[begin:end] = np.argsort(key[begin:end]) + begin
        place = np.empty_like(order)
        place[order] = np.arange(len(order), dtype=np.int32)
        return self.items[order], place

    def block_at(self, place: int | np.integer[Any]) -> int:
        """The block that holds a place."""
        return int(np.searchsorted(self.block_start, place, side="right")) - 1

    def count_items(self, blocks: LongArray) -> int:
        """Number of items in the given blocks together."""
        return int((self.block_start[blocks + 1] - self.block_start[blocks]).sum())

    def places(self, blocks: LongArray, count: int) -> LongArray:
        """Places of the items of the given blocks, block after block, cut off after ``count``.

        Example:
            >>> tree, nodes = Taxonomy.from_paths(["A > x"] * 5 + ["B", None, "A > y"])
            >>> CategoryBlocks(nodes, tree, 4).places(np.array([3, 1, 0]), 5).tolist()
            [6, 3, 4, 0, 1]
        """
        start, sizes = self.block_start[blocks], self.block_start[blocks + 1] - self.block_start[blocks]
        total = np.cumsum(sizes)
        needed = int(np.searchsorted(total, count)) + 1
        start, sizes, total = start[:needed], sizes[:needed], total[:needed]
        if len(total) == 0:
            return total
        return (np.repeat(start - total + sizes, sizes) + np.arange(total[-1]))[:count]


def _counting_sort(
    nodes: npt.NDArray[np.integer[Any]], count: int
) -> tuple[npt.NDArray[np.int32], LongArray]:
    """Labelled items (N,) in order of their node, then as they stand; and the number of items of each node.

    To sort by small integers, they need only be counted. SciPy does just that to bring a sparse matrix, with
    a row for each node and a column for each item, into the order of its rows.
    """
    every = np.arange(len(nodes), dtype=np.int32)
    rows = np.asarray(nodes + 1, np.int32)  # the unlabelled come first
    filed = sparse.coo_array((np.ones(len(nodes), np.int8), (rows, every)), shape=(count + 1, len(nodes)))
    by_row = filed.tocsr()
    return by_row.indices[by_row.indptr[1] :], np.diff(by_row.indptr[1:]).astype(np.int64)


def _starts(counts: LongArray) -> LongArray:
    return np.concatenate([[0], np.cumsum(counts)])

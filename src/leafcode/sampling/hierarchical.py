"""Hierarchical batches: one parent category, its relatives, and strangers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError
from leafcode.sampling.category_blocks import CategoryBlocks
from leafcode.sampling.epoch import EpochBatchSampler, LongArray, check_integer
from leafcode.sampling.relatives import BlockPool, Relatives, Siblings, Strangers
from leafcode.taxonomy import Taxonomy

IntArray = npt.NDArray[np.int32]

# Random streams.
_SEEDS, _ARRANGEMENT, _BATCH = 0, 1, 2


class HierarchicalBatchSampler(EpochBatchSampler):
    """Batches that hold same-category, sibling and unrelated pairs, whatever the number of categories.

    The scheme of Instacart's hierarchical batch sampling (2026): pick a parent category, fill about half of
    the batch from its subtree, the rest from unrelated categories, several items per category. Changed so as
    to keep the catalogue's distribution, for batches built from uniformly drawn parents have another one:
    what is learned from them suits the small categories and fails the large.

    1. A *seed item* leads each batch. The seeds walk through a random permutation of all labelled items,
       shared by all ranks and carried on from epoch to epoch, then through the next. So every item leads one
       batch of each walk, and none is left out for ever.
    2. The *parent* is an ancestor of the seed's category (or the category itself) at a random depth, among
       those that have two child branches with items and a category of at least two items beneath. So
       parents come up in proportion to their items. Lone children and single items reach for the nearest
       such ancestor.
    3. The batch starts with ``items_per_category`` items of the seed's category, the seed among them, and as
       many of one sibling category. If the seed's category has no sibling, two siblings are taken from the
       nearest ancestor's subtree that has some; if nothing so far makes a same-category pair, a category of
       at least two items from the nearest such subtree is added.
    4. More categories of the parent's subtree fill the related part, ``items_per_category`` items each. If
       there is no parent, or its subtree is too small, step 5 makes up for it.
    5. *Unrelated* categories fill the rest: those outside the topmost ancestor that does not hold all
       labelled items. With several roots these are under other roots; with one root, or a chain of nodes at
       the top, on other sides of the first split. If there are too few, any other items follow.

    In steps 4 and 5 every item is equally likely: categories come up in proportion to their items, those
    below ``items_per_category`` as often as if they had that many. In step 5 branches are weighted such that
    their absence from the batches that they lead evens out. A branch with more than about 45% of the items
    still remains below its share, as do items whose relatives cannot fill the related part.

    Guarantees: a batch has exactly ``batch_size`` different items. It holds a pair from one category, a pair
    from two sibling categories (under a common parent node) and a pair of unrelated items, each of these
    whenever the labelled items have such a pair at all.

    If items are filed on a node that holds all labelled items, they are related to everything. Such a seed is
    joined by a second, random one, which then leads the batch.

    Args:
        nodes: Integers (n,): node of each item in ``taxonomy``, -1 for unlabelled items, which are not drawn.
        taxonomy: The category tree.
        batch_size: Items per batch, on each rank: at least ``4 * items_per_category``, at least 12.
        items_per_category: At least 2.
        related_fraction: Share of the batch for steps 3 and 4, between 0 and 1.
        num_batches: Batches of an epoch on each rank. By default an epoch draws about as many items as
            there are labelled ones: ceil(labelled / (batch_size * world_size)).
        seed: In [0, 2**64).
        rank: This process, in [0, world_size).
        world_size: Number of processes that train together.

    Raises:
        InputError: An argument is out of range, or there are fewer labelled items than ``batch_size``.

    Example:
        >>> paths = [f"{root} > {leaf}" for root in "ABC" for leaf in "xyz" for _ in range(10)]
        >>> tree, nodes = Taxonomy.from_paths(paths)
        >>> sampler = HierarchicalBatchSampler(nodes, tree, batch_size=16)
        >>> len(sampler)
        6
        >>> roots = [tree.path(node)[0] for node in nodes[sampler.batch(0)]]
        >>> len(set(roots[:8])), set(roots[:8]) & set(roots[8:])
        (1, set())
    """

    def __init__(
        self,
        nodes: npt.NDArray[np.integer[Any]],
        taxonomy: Taxonomy,
        *,
        batch_size: int,
        items_per_category: int = 4,
        related_fraction: float = 0.5,
        num_batches: int | None = None,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.items_per_category = check_integer("items_per_category", items_per_category, 2)
        self.batch_size = check_integer("batch_size", batch_size, max(12, 4 * items_per_category))
        if not 0 < related_fraction < 1:
            raise InputError("related_fraction", repr(related_fraction), "a number between 0 and 1")
        self.related_fraction = related_fraction
        labelled = _count_labelled(nodes, taxonomy)
        if labelled < batch_size:
            raise InputError("nodes", f"{labelled:,} labelled items", f"at least batch_size = {batch_size:,}")
        if num_batches is None:
            num_batches = -(-labelled // (batch_size * check_integer("world_size", world_size, 1)))
        super().__init__(num_batches, seed=seed, rank=rank, world_size=world_size)
        self._blocks = CategoryBlocks(nodes, taxonomy, items_per_category)
        self._siblings = Siblings(self._blocks)
        self._with_sibling = BlockPool(self._blocks, self._siblings.exist)
        self._with_pair = BlockPool(self._blocks, self._blocks.sizes >= 2)
        self._relatives = Relatives(self._blocks)
        self._strangers = Strangers(self._blocks, 1 - related_fraction)
        self._seeds: tuple[int, IntArray] | None = None
        self._arrangement: tuple[int, IntArray, IntArray] | None = None

    def batch(self, index: int) -> LongArray:
        """Item indices of one batch of the current epoch, on this rank; see `EpochBatchSampler.batch`.

        The order within the batch is that of the steps above: the seed's category first, unrelated items
        last.
        """
        index = check_integer("batch", index, 0, len(self) - 1)
        rng = self._generator(_BATCH, self.epoch, self.rank, index)
        items, place_of = self._arranged()
        blocks, size = self._blocks, self.batch_size

        core, lead = self._core(rng, blocks.block_at(place_of[self._seed(index)]))
        target = min(max(round(self.related_fraction * size), blocks.count_items(core)), size - 1)
        related = _without(self._relatives.draw(rng, lead, target), core)
        places = blocks.places(np.append(core, related), target)

        left = size - len(places)
        branch = int(self._strangers.branch[lead])
        strangers = _without(self._strangers.draw(rng, branch, left + blocks.count_items(core)), core)
        places = np.append(places, blocks.places(strangers, left))

        if len(places) < size:
            places = np.append(places, _unused(rng, len(items), places, size - len(places)))
        return items[places].astype(np.int64)

    def _core(self, rng: np.random.Generator, seed_block: int) -> tuple[LongArray, int]:
        """Step 3: the blocks that carry the guarantees, and the category (index) that leads the batch."""
        blocks, category = self._blocks, self._blocks.block_category
        core, lead = [seed_block], int(category[seed_block])
        if self._strangers.branch[lead] < 0 and self._strangers.count > 0:
            core.append(int(rng.integers(blocks.first_block[lead + 1], blocks.first_block[-1])))
            lead = int(category[core[-1]])
        sibling_of = lead
        if self._with_sibling and not self._siblings.exist[lead]:
            core.append(self._with_sibling.draw(rng, lead))
            sibling_of = int(category[core[-1]])
        if self._with_sibling:
            core.append(self._siblings.draw(rng, sibling_of))
        if self._with_pair and not (blocks.sizes[category[core]] >= 2).any():
            core.append(self._with_pair.draw(rng, lead))
        return np.array(core), lead

    def _seed(self, index: int) -> int:
        """The labelled item (index into ``CategoryBlocks.items``) that leads a batch."""
        labelled = len(self._blocks.items)
        step = (self.epoch * self.num_batches + index) * self.world_size + self.rank
        walk, place = divmod(step, labelled)
        if self._seeds is None or self._seeds[0] != walk:
            self._seeds = (
                walk,
                self._generator(_SEEDS, walk).permutation(np.arange(labelled, dtype=np.int32)),
            )
        return int(self._seeds[1][place])

    def _arranged(self) -> tuple[IntArray, IntArray]:
        """The epoch's arrangement of the items into blocks, the same on every rank; kept while it lasts."""
        if self._arrangement is None or self._arrangement[0] != self.epoch:
            rng = self._generator(_ARRANGEMENT, self.epoch)
            self._arrangement = (self.epoch, *self._blocks.arrange(rng))
        return self._arrangement[1:]


def _unused(rng: np.random.Generator, count: int, used: LongArray, size: int) -> LongArray:
    """So many different numbers below ``count``, none of which is used."""
    ascending = np.sort(used)
    drawn = rng.choice(count - len(used), size, replace=False)
    # The k-th that is not used comes after as many used ones as leave k before them.
    return np.asarray(drawn + np.searchsorted(ascending - np.arange(len(used)), drawn, side="right"))


def _without(drawn: LongArray, used: LongArray) -> LongArray:
    kept = np.ones(len(drawn), bool)
    for block in used.tolist():  # four at most
        kept &= drawn != block
    return drawn[kept]


def _count_labelled(nodes: npt.NDArray[np.integer[Any]], taxonomy: Taxonomy) -> int:
    """Check the nodes and count the labelled items."""
    if nodes.ndim != 1 or not np.issubdtype(nodes.dtype, np.integer):
        raise InputError("nodes", f"shape {nodes.shape} of {nodes.dtype}", "integers of shape (n,)")
    wrong = np.flatnonzero((nodes < -1) | (nodes >= len(taxonomy)))
    if len(wrong) > 0:
        found = f"the node {nodes[wrong[0]]}"
        raise InputError(f"nodes: row {wrong[0]}", found, f"a node id in [0, {len(taxonomy)}), or -1")
    return int(np.count_nonzero(nodes >= 0))

"""Batches of engaged pairs: items that are bought or viewed together, side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError
from leafcode.sampling.epoch import EpochBatchSampler, LongArray, check_integer

_BATCH = 0  # random stream


class PairBatchSampler(EpochBatchSampler):
    """Batches of k pairs of items, drawn in proportion to weight ** power, that share no item.

    Each pair is drawn in proportion to weight ** power among the pairs that have no item in common with those
    before it, so a popular item does not fill the batch: within a batch it is a positive once and everybody
    else's negative once.

    Guarantees: a batch has exactly ``batch_size`` different items; rows 2 i and 2 i + 1 are one of the given
    pairs, either item first with equal probability.

    Args:
        first: Integers (p,), at least 0: one item of each pair, such as ``Engagement.pairs()`` gives them.
        second: Integers (p,), the other item.
        weights: Floats (p,), positive: the association of each pair.
        batch_size: Items in a batch, an even number. The pairs must be so many that no draw can run out: at
            least ``batch_size`` - 1 of them without a common item, as a greedy choice finds them.
        power: 0 draws all pairs alike, 1 in proportion to their weight.
        num_batches: Batches of an epoch on each rank. By default an epoch draws about as many items as there
            are in the pairs: ceil(items / (batch_size * world_size)).
        seed: In [0, 2**64).
        rank: This process, in [0, world_size).
        world_size: Number of processes that train together.

    Raises:
        InputError: An argument is out of range, or there are too few pairs.

    Example:
        >>> first, second = np.arange(0, 40, 2), np.arange(1, 40, 2)
        >>> sampler = PairBatchSampler(first, second, np.ones(20), batch_size=8)
        >>> batch = sampler.batch(0)
        >>> len(sampler), len(set(batch.tolist())), (batch[0::2] // 2 == batch[1::2] // 2).all().item()
        (5, 8, True)
    """

    def __init__(
        self,
        first: npt.NDArray[np.integer[Any]],
        second: npt.NDArray[np.integer[Any]],
        weights: npt.NDArray[np.floating[Any]],
        *,
        batch_size: int,
        power: float = 1.0,
        num_batches: int | None = None,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.batch_size = check_integer("batch_size", batch_size, 2)
        if batch_size % 2:
            raise InputError("batch_size", repr(batch_size), "an even number: two items for each pair")
        if not 0 <= power < np.inf:
            raise InputError("power", repr(power), "a number of at least 0")
        self.power = float(power)
        pairs = _check_pairs(first, second, weights)
        # Numbered densely, so that arrays by item are short; one column per pair.
        self._items, dense = np.unique(pairs, return_inverse=True)
        self._pairs = dense.reshape(2, -1).astype(np.int64)
        log_weights = self.power * np.log(np.asarray(weights, np.float64))
        self._weights = np.exp(log_weights - log_weights.max(initial=-np.inf))
        self._cumulative = np.cumsum(self._weights)
        # Pairs that can be chosen together are at most twice as many as any draw ends up with.
        shuffled = self._pairs[:, np.random.default_rng(0).permutation(pairs.shape[1])]
        apart = len(_disjoint(shuffled, len(self._items)))
        if apart < batch_size - 1:
            found = f"{pairs.shape[1]:,} pairs, of which {apart:,} share no item"
            expected = f"at least batch_size - 1 = {batch_size - 1:,} that share no item"
            raise InputError("pairs", found, expected, f"At most batch_size = {(apart + 1) // 2 * 2} here.")
        if num_batches is None:
            size = batch_size * check_integer("world_size", world_size, 1)
            num_batches = -(-len(self._items) // size)
        super().__init__(num_batches, seed=seed, rank=rank, world_size=world_size)

    def batch(self, index: int) -> LongArray:
        """Item indices of one batch of the current epoch, on this rank; see `EpochBatchSampler.batch`."""
        index = check_integer("batch", index, 0, len(self) - 1)
        rng = self._generator(_BATCH, self.epoch, self.rank, index)
        wanted, n_items = self.batch_size // 2, len(self._items)
        # Drawn with replacement, pairs that meet an earlier one passed over: cheap, and nearly always enough.
        points = rng.random(2 * self.batch_size) * self._cumulative[-1]
        drawn = np.searchsorted(self._cumulative, points, side="right").clip(max=len(self._weights) - 1)
        chosen = drawn[_disjoint(self._pairs[:, drawn], n_items)][:wanted]
        if len(chosen) < wanted:
            # The same law over all pairs left: in the order of exponential variables over their weights.
            taken = np.zeros(n_items, bool)
            taken[self._pairs[:, chosen]] = True
            left = np.flatnonzero(~taken[self._pairs].any(axis=0))
            with np.errstate(divide="ignore", over="ignore"):  # a weight that underflowed comes last
                keys = rng.standard_exponential(len(left)) / self._weights[left]
            left = left[np.argsort(keys, kind="stable")]
            more = left[_disjoint(self._pairs[:, left], n_items)]
            chosen = np.append(chosen, more[: wanted - len(chosen)])
        both = self._pairs[:, chosen]
        swapped = rng.random(wanted) < 0.5
        both = np.where(swapped, both[::-1], both)
        return self._items[both.T.ravel()]


def _disjoint(pairs: LongArray, n_items: int) -> LongArray:
    """Places of the pairs (2, p) that meet no earlier chosen one, as a loop from the first on would choose.

    In each round every pair that comes first at both its items is chosen, and those that meet it drop out.
    The first pair left is always among them; random orders take about log(p) rounds.
    """
    alive = np.arange(pairs.shape[1])
    chosen: list[LongArray] = []
    while len(alive):
        ends = pairs[:, alive]
        earliest = np.full(n_items, len(alive))
        np.minimum.at(earliest, ends.ravel(), np.tile(np.arange(len(alive)), 2))
        leads = (earliest[ends] == np.arange(len(alive))).all(axis=0)
        taken = np.zeros(n_items, bool)
        taken[ends[:, leads]] = True
        chosen.append(alive[leads])
        alive = alive[~taken[ends].any(axis=0)]
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, np.int64)


def _check_pairs(
    first: npt.NDArray[Any], second: npt.NDArray[Any], weights: npt.NDArray[Any]
) -> npt.NDArray[np.int64]:
    """The pairs as int64 (2, p), once they and their weights are known to be in order."""
    for where, items in (("first", first), ("second", second)):
        items = np.asarray(items)
        if items.ndim != 1 or not np.issubdtype(items.dtype, np.integer):
            raise InputError(where, f"{items.dtype} of shape {items.shape}", "integers of shape (p,)")
    if not np.shape(first) == np.shape(second) == np.shape(weights):
        found = f"shapes {np.shape(first)}, {np.shape(second)} and {np.shape(weights)}"
        raise InputError("pairs", found, "first, second and weights of one shape (p,)")
    pairs, weights = np.stack([first, second]).astype(np.int64), np.asarray(weights, np.float64)
    for name, wrong, expected in (
        ("pairs", (pairs < 0).any(axis=0) | (pairs[0] == pairs[1]), "two different items of at least 0"),
        ("weights", ~((weights > 0) & np.isfinite(weights)), "a positive number"),
    ):
        if wrong.any():
            row = int(np.argmax(wrong))
            found = str(pairs[:, row].tolist() if name == "pairs" else weights[row])
            raise InputError(f"{name}: row {row}", found, expected)
    return pairs

"""Plain batches: every item once an epoch."""

from __future__ import annotations

import numpy as np

from leafcode.errors import InputError
from leafcode.sampling.epoch import EpochBatchSampler, LongArray, check_integer

_ORDER = 0  # random stream


class UniformBatchSampler(EpochBatchSampler):
    """Batches of a new random permutation each epoch.

    All batches have ``batch_size`` items, save those of the last step: there the remaining items are split
    evenly over the ranks (``drop_last=False``) or left out of this epoch (``drop_last=True``). So every item
    comes exactly once an epoch, and every rank has the same number of batches. Should fewer items remain
    than there are ranks, the ranks left without one repeat one of the first ``world_size`` items instead of
    getting an empty batch.

    Args:
        n: Number of items.
        batch_size: Items per batch, on each rank.
        seed: In [0, 2**64).
        rank: This process, in [0, world_size).
        world_size: Number of processes that train together.
        drop_last: Leave out a last step that is not full.

    Raises:
        InputError: An argument is out of range, or ``drop_last`` leaves no batch.

    Example:
        >>> sampler = UniformBatchSampler(10, batch_size=4, seed=1)
        >>> len(sampler), [len(batch) for batch in sampler]
        (3, [4, 4, 2])
        >>> sorted(item for batch in sampler for item in batch)
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
        >>> sampler.set_epoch(7)
        >>> sampler.batch(2).tolist() == list(sampler)[2]
        True
    """

    def __init__(
        self,
        n: int,
        batch_size: int,
        *,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        drop_last: bool = False,
    ) -> None:
        self.n = check_integer("n", n, 1)
        self.batch_size = check_integer("batch_size", batch_size, 1)
        step = self.batch_size * check_integer("world_size", world_size, 1)
        if drop_last and n < step:
            found = f"{n:,} items for {world_size} batches of {batch_size:,}"
            raise InputError(
                "drop_last", found, "at least one full step", "Lower batch_size, or keep the last."
            )
        super().__init__(
            n // step if drop_last else -(-n // step), seed=seed, rank=rank, world_size=world_size
        )
        self._order: tuple[int, LongArray] | None = None

    def batch(self, index: int) -> LongArray:
        """Item indices of one batch of the current epoch, on this rank; see `EpochBatchSampler.batch`."""
        index = check_integer("batch", index, 0, len(self) - 1)
        order = self._permutation()
        step = self.batch_size * self.world_size
        first, left = index * step, min(step, self.n - index * step)
        share, extra = divmod(left, self.world_size)
        start = first + self.rank * share + min(self.rank, extra)
        stop = start + share + (self.rank < extra)
        if start == stop:  # fewer items left than ranks
            start = self.rank % self.n
            stop = start + 1
        return order[start:stop].copy()

    def _permutation(self) -> LongArray:
        """The epoch's order of all items, the same on every rank; kept while the epoch lasts."""
        if self._order is None or self._order[0] != self.epoch:
            self._order = (self.epoch, self._generator(_ORDER, self.epoch).permutation(np.arange(self.n)))
        return self._order[1]

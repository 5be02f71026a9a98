"""One global batch, shared out among processes."""

from __future__ import annotations

from leafcode.errors import InputError
from leafcode.sampling.epoch import EpochBatchSampler, LongArray, check_integer


class ShardedBatchSampler(EpochBatchSampler):
    """Every process draws the same global batch and takes its equal share, a run of consecutive items.

    A sampler with a ``world_size`` of its own composes each process's batch by itself. Here the *global*
    batch is composed, as on one process. So with the embeddings gathered
    (`leafcode.large_batches.gather_with_gradient`), training on several processes sees the same batches, in
    the same order of rows, as training on one.

    Guarantees: the shares of all ranks, put together in the order of the ranks, are the batch of the given
    sampler; all are of one size. Drawing the whole batch costs every process what it costs one.

    Args:
        sampler: Draws the global batches; made for one process. It is moved to the epoch at hand, so do not
            iterate over it beside this one.
        rank: This process, in [0, world_size).
        world_size: Number of processes that train together; must divide the size of every batch.

    Raises:
        InputError: An argument is out of range, the sampler is made for several processes, or its first or
            last batch cannot be divided.

    Example:
        >>> from leafcode.sampling import UniformBatchSampler
        >>> whole = UniformBatchSampler(8, batch_size=4, seed=1)
        >>> shares = [ShardedBatchSampler(whole, rank=rank, world_size=2) for rank in range(2)]
        >>> [share.batch(1).tolist() for share in shares], whole.batch(1).tolist()
        ([[2, 6], [3, 7]], [2, 6, 3, 7])
    """

    def __init__(self, sampler: EpochBatchSampler, rank: int, world_size: int) -> None:
        if sampler.world_size != 1:
            raise InputError("sampler", f"one for {sampler.world_size} processes", "one with world_size=1")
        super().__init__(len(sampler), seed=sampler.seed, rank=rank, world_size=world_size)
        self._sampler = sampler
        for index in {0, len(self) - 1}:
            self.batch(index)  # wrong sizes show at once, not at the end of the first epoch

    def batch(self, index: int) -> LongArray:
        """This rank's items of one batch of the current epoch; see `EpochBatchSampler.batch`.

        Raises:
            InputError: There is no such batch, or the number of processes does not divide its size.
        """
        index = check_integer("batch", index, 0, len(self) - 1)
        self._sampler.set_epoch(self.epoch)
        whole = self._sampler.batch(index)
        share, left = divmod(len(whole), self.world_size)
        if left:
            found = f"batch {index} with {len(whole):,} items for {self.world_size} processes"
            hint = "Choose another batch_size; a uniform sampler needs drop_last=True."
            raise InputError("sampler", found, f"a multiple of {self.world_size}", hint)
        return whole[self.rank * share : (self.rank + 1) * share]

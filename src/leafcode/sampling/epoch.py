"""What all batch samplers share: epochs, ranks, resuming and random numbers without state."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

from leafcode.errors import InputError

LongArray = npt.NDArray[np.int64]
_LAST_EPOCH = 2**31 - 1


class EpochBatchSampler(Sampler[list[int]], ABC):
    """Abstract batch sampler whose batch b of epoch e is a pure function of (seed, e, rank, b).

    Nothing that was drawn before has an influence, so any batch can be asked for at once with `batch`, and a
    run resumes in constant time. To be passed as ``batch_sampler`` to a ``torch.utils.data.DataLoader``.

    Call `set_epoch` before each epoch, as with ``torch.utils.data.DistributedSampler``; otherwise every epoch
    repeats the same batches.

    Args:
        num_batches: Batches of an epoch on each rank.
        seed: In [0, 2**64).
        rank: This process, in [0, world_size).
        world_size: Number of processes that train together; all see the same number of batches.

    Raises:
        InputError: An argument is out of range.
    """

    def __init__(self, num_batches: int, *, seed: int, rank: int, world_size: int) -> None:
        super().__init__()
        self.num_batches = check_integer("num_batches", num_batches, 1)
        self.seed = check_integer("seed", seed, 0, 2**64 - 1)
        self.world_size = check_integer("world_size", world_size, 1)
        self.rank = check_integer("rank", rank, 0, world_size - 1)
        self._epoch = self._position = self._resume_at = 0

    @abstractmethod
    def batch(self, index: int) -> LongArray:
        """Item indices of one batch of the current epoch, on this rank.

        Args:
            index: In [0, len(self)).

        Returns:
            int64 (items of the batch,).

        Raises:
            InputError: There is no such batch.
        """

    def step_batch(self, step: int) -> LongArray:
        """Batch of a training step, counted from 0 over all epochs; goes to the epoch of the step."""
        epoch, index = divmod(check_integer("step", step, 0), self.num_batches)
        self.set_epoch(epoch)
        return self.batch(index)

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[list[int]]:
        start, self._resume_at = self._resume_at, 0
        self._position = start
        for index in range(start, self.num_batches):
            self._position = index + 1
            yield self.batch(index).tolist()

    @property
    def epoch(self) -> int:
        """The current epoch, from 0."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Go to an epoch. Setting the epoch that is already current changes nothing.

        Raises:
            InputError: The epoch is negative.
        """
        epoch = check_integer("epoch", epoch, 0, _LAST_EPOCH)
        if epoch != self._epoch:
            self._epoch, self._position, self._resume_at = epoch, 0, 0

    def state_dict(self) -> dict[str, int]:
        """Where the sampler stands: the epoch, and how many of its batches it has handed out.

        A DataLoader with workers asks for batches ahead of the training step. Then save the step's own epoch
        and batch number instead; the keys are these two.
        """
        return {"epoch": self._epoch, "batch": self._position}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Resume: the next iteration goes on at batch ``state["batch"]`` of epoch ``state["epoch"]``.

        ``len(self)`` stays the length of a whole epoch.

        Raises:
            InputError: A key is missing or unknown, or there is no such batch.
        """
        if set(state) != {"epoch", "batch"}:
            raise InputError("sampler state", f"the keys {sorted(state)}", "the keys 'batch' and 'epoch'")
        epoch = check_integer("sampler state: epoch", state["epoch"], 0, _LAST_EPOCH)
        batch = check_integer("sampler state: batch", state["batch"], 0, self.num_batches)
        self._epoch, self._position, self._resume_at = epoch, batch, batch

    def _generator(self, stream: int, epoch: int, rank: int = 0, index: int = 0) -> np.random.Generator:
        """Random numbers of their own for every (seed, stream, epoch, rank, index).

        Philox is counter-based (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011): the
        numbers are a function of key and counter, so there is nothing to seed or to skip. The lowest word of
        the counter is left for the draws.
        """
        key = np.array([self.seed, stream], np.uint64)
        counter = np.array([0, index, rank, epoch], np.uint64)
        return np.random.Generator(np.random.Philox(key=key, counter=counter))


def check_integer(where: str, value: int, low: int, high: float = math.inf) -> int:
    """An integer (also a NumPy one) in [low, high] as an int.

    Raises:
        InputError: It is not.

    Example:
        >>> check_integer("batch_size", np.int64(8), 1)
        8
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        upper = "" if high == math.inf else f" and at most {high:,}"
        raise InputError(where, repr(value), f"an integer of at least {low:,}{upper}")
    return int(value)

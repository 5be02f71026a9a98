"""The processes that train one model together, each on its share of every batch."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from leafcode.errors import LostProcessError, TrainingError

_TIMEOUT = timedelta(minutes=10)
"""Of what processes exchange in training, where all of them have the same work."""

_PATIENCE = timedelta(days=2)
"""Of `World.wait`: embedding or measuring a catalogue is the work of one process, and takes its time."""


class Share(NamedTuple):
    """What a process has of a batch."""

    rows: slice
    weight: float
    """Share of its mean in the mean of the batch; those of all processes add up to 1."""


@dataclass(frozen=True)
class World:
    """Processes that train one model; as a rule there is one, and then nothing is exchanged.

    Every process has all inputs and the same model, and knows the batch of every step, for batches are
    functions of the step. It takes a run of consecutive items of it. All of them must call the same methods
    in the same order.

    Attributes:
        rank: This process, in [0, size).
        size: Number of processes.
        waiting: Process group of `wait`, where there are several processes.

    Example:
        >>> World(rank=1, size=2).share(5)
        Share(rows=slice(2, 5, None), weight=0.6)
        >>> World(rank=1, size=2).share(1)  # fewer items than processes: all of them take the batch
        Share(rows=slice(0, 1, None), weight=0.5)
    """

    rank: int = 0
    size: int = 1
    waiting: dist.ProcessGroup | None = None

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and shows progress."""
        return self.rank == 0

    def share(self, count: int) -> Share:
        """This process's part of a batch of `count` items; never empty, for no loss has a mean of nothing."""
        if count < self.size:
            return Share(slice(0, count), 1 / self.size)
        first, last = count * self.rank // self.size, count * (self.rank + 1) // self.size
        return Share(slice(first, last), (last - first) / count)

    def gather(self, rows: Tensor, count: int) -> Tensor:
        """The rows (count, ...) of a whole batch, from those of each process's share; without gradient."""
        if len(rows) == count:
            return rows
        whole = rows.new_zeros(count, *rows.shape[1:])
        whole[self.share(count).rows] = rows
        # Shares differ in size, which an all-gather would not have; and to add zeros is exact.
        self.sum_([whole])
        return whole

    @torch.no_grad()
    def sum_(self, tensors: Sequence[Tensor]) -> None:
        """Add up tensors of one dtype over the processes, in place and in one exchange."""
        if self.size > 1:
            together = torch.cat([tensor.flatten() for tensor in tensors])
            with self._explained():
                dist.all_reduce(together)
            parts = torch.split(together, [tensor.numel() for tensor in tensors])
            for tensor, part in zip(tensors, parts, strict=True):
                tensor.copy_(part.view_as(tensor))

    @torch.no_grad()
    def broadcast_(self, tensors: Iterable[Tensor]) -> None:
        """Give all processes the tensors of the first one, in place."""
        if self.size > 1:
            with self._explained():
                for tensor in tensors:
                    dist.broadcast(tensor, 0)

    def check_same(self, what: str, text: str, device: torch.device) -> None:
        """Check that all processes have the same text.

        Raises:
            TrainingError: They do not; raised on all of them.
        """
        if self.size > 1:
            digest = torch.tensor(list(hashlib.sha256(text.encode()).digest()), device=device)
            digests = self.gather(digest.expand(1, -1), self.size)
            other = torch.nonzero((digests != digests[0]).any(1)).flatten().tolist()
            if other:
                raise TrainingError(
                    f"Processes {', '.join(map(str, other))} have {what} other than that of process 0. All "
                    "of them must be given the same arguments, and see the same files."
                )

    def wait(self) -> None:
        """Wait until all processes have come here, however long that takes."""
        if self.size > 1:
            with self._explained():
                dist.barrier(self.waiting)

    @contextmanager
    def first_goes_first(self) -> Iterator[None]:
        """Let the first process do something alone, then all the others."""
        if not self.is_first:
            self.wait()
        yield
        if self.is_first:
            self.wait()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            found = f"Process {self.rank} of {self.size} lost another one ({reason})."
            raise LostProcessError(found) from error


_JOINS = itertools.count()
_ALONE = World()
_CURRENT: ContextVar[World] = ContextVar("world", default=_ALONE)


def current_world() -> World:
    """The processes that train together here: this one alone, unless within `join_world`."""
    return _CURRENT.get()


@contextmanager
def join_world(device: str | torch.device) -> Iterator[World]:
    """Train with the other processes that were started together, by torchrun for instance.

    Within it, `leafcode.training.Trainer` shares out its batches. All processes must do the same.

    Args:
        device: Of this process; GPUs talk by NCCL, CPUs by Gloo.
    """
    device = torch.device(device)
    cuda = device.type == "cuda"
    if cuda:
        torch.cuda.set_device(device)
    store, rank, size = next(rendezvous("env://", timeout=_TIMEOUT))
    # The store may outlive the processes, and then still has the addresses of those that torchrun replaced.
    attempt = f"{os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}, world {next(_JOINS)}"
    dist.init_process_group(
        "nccl" if cuda else "gloo",
        store=PrefixStore(f"attempt {attempt}", store),
        rank=rank,
        world_size=size,
        timeout=_TIMEOUT,
        device_id=device if cuda else None,
    )
    world = World(rank, size, dist.new_group(backend="gloo", timeout=_PATIENCE))
    token = _CURRENT.set(world)
    try:
        yield world
    finally:
        _CURRENT.reset(token)
    # Not after an error: to take leave of a process that is gone may take for ever.
    dist.destroy_process_group()

"""Random numbers that depend on a seed and on what they are for, never on what was drawn before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import numpy as np
import numpy.typing as npt
import torch

_VALIDATION_SAMPLE = 2_048


class Stream(IntEnum):
    """What random numbers are for; streams do not depend on one another."""

    INITIALISE = 0
    REVIVE = 1
    DEPTH = 2
    DROPOUT = 3
    VALIDATE = 4


def stream_seed(seed: int, stream: Stream, *place: int) -> int:
    """A seed of 63 bits for a place, such as a step, in a stream.

    Example:
        >>> stream_seed(0, Stream.DEPTH, 5) == stream_seed(0, Stream.DEPTH, 5)
        True
        >>> stream_seed(0, Stream.DEPTH, 5) == stream_seed(0, Stream.DEPTH, 6)
        False
    """
    return int(np.random.SeedSequence([seed, int(stream), *place]).generate_state(1, np.uint64)[0] >> 1)


def stream_generator(seed: int, stream: Stream, *place: int) -> torch.Generator:
    """A CPU generator for a place in a stream."""
    return torch.Generator().manual_seed(stream_seed(seed, stream, *place))


def validation_sample(
    items: npt.NDArray[np.int64], seed: int, most: int = _VALIDATION_SAMPLE
) -> npt.NDArray[np.int64]:
    """At most so many of the items (n,), ascending if they are, always the same ones."""
    order = torch.randperm(len(items), generator=stream_generator(seed, Stream.VALIDATE)).numpy()
    return np.asarray(items[np.sort(order[:most])], np.int64)


@contextmanager
def seeded(seed: int, gpu: torch.device | None = None) -> Iterator[None]:
    """Within it, random numbers on the CPU depend on the seed alone; what comes after is untouched.

    Args:
        seed: At least 0.
        gpu: One on which they do so too; other GPUs go on as if nothing had been seeded.

    Example:
        >>> with seeded(3):
        ...     first = torch.nn.Linear(2, 2).weight
        >>> with seeded(3):
        ...     bool(torch.equal(first, torch.nn.Linear(2, 2).weight))
        True
    """
    with torch.random.fork_rng(devices=[] if gpu is None else [gpu]):
        torch.default_generator.manual_seed(seed)
        if gpu is not None:
            with torch.cuda.device(gpu):
                torch.cuda.manual_seed(seed)
        yield

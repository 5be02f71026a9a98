"""Batches made ahead of the steps that need them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def prefetch(make: Callable[[int], T], steps: Iterable[int], ahead: int = 1) -> Generator[T, None, None]:
    """What `make` makes for each of the steps, in their order.

    It is called in one thread, which works on the next steps while the caller is busy with this one: rows of
    memory-mapped files come from the disk meanwhile.

    Args:
        make: A function of the step alone.
        steps: Numbers of the steps.
        ahead: How many steps ahead it may be.

    Raises:
        Exception: Whatever `make` raises, at the step that it was called for.

    Example:
        >>> list(prefetch(lambda step: step**2, range(4)))
        [0, 1, 4, 9]
    """
    waiting: deque[Future[T]] = deque()
    with ThreadPoolExecutor(1, "prefetch") as thread:
        for step in steps:
            waiting.append(thread.submit(make, step))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

"""Work on several threads, in each of which torch computes with one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

_Given = TypeVar("_Given")
_Found = TypeVar("_Found")

_PATIENCE = 60.0
"""Seconds that threads may take to begin."""


@contextmanager
def one_thread_each(
    threads: int,
) -> Iterator[Callable[[Callable[[_Given], _Found], Iterable[_Given]], Iterable[_Found]]]:
    """``map`` on so many threads, in each of which torch computes with one; results in order.

    Many small operations gain little from threads that meet after each of them.
    """
    if threads < 2:
        yield map
        return
    all_begun, before = threading.Barrier(threads + 1, timeout=_PATIENCE), torch.get_num_threads()

    def begin() -> None:
        torch.get_num_threads()  # a thread that has not asked would take over what is set below
        torch.set_num_threads(1)
        all_begun.wait()

    with ThreadPoolExecutor(threads, initializer=begin) as pool:
        for _ in range(threads):
            pool.submit(int)
        all_begun.wait()
        # What a thread sets for itself, threads that begin later take over.
        torch.set_num_threads(before)
        yield pool.map

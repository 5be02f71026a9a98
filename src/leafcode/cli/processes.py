"""A command in several processes that torchrun started."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch

from leafcode.cli.options import pick_device
from leafcode.errors import InputError, LostProcessError
from leafcode.serving import RunFolder
from leafcode.training import join_world

_GRACE = 3.0
"""Seconds until a process ends that has lost another one. Then torchrun has seen which one failed first."""


class Place(NamedTuple):
    """Which of the processes that torchrun started this is."""

    rank: int
    local_rank: int
    """Among those on this machine."""
    size: int

    @classmethod
    def from_environment(cls) -> Place:
        """As RANK, LOCAL_RANK and WORLD_SIZE have it; the only one where they are not set.

        Raises:
            InputError: One of them is no number.
        """
        names = ("RANK", "LOCAL_RANK", "WORLD_SIZE")
        if not all(name in os.environ for name in names):
            return cls(0, 0, 1)
        wrong = next((name for name in names if not os.environ[name].isdecimal()), None)
        if wrong is not None:
            raise InputError(wrong, repr(os.environ[wrong]), "a number, as torchrun sets it", "Unset it?")
        return cls(*(int(os.environ[name]) for name in names))

    def device(self, name: str) -> str:
        """The device of this process: of several, each takes a GPU of its own, or all take the CPU.

        Args:
            name: As in `pick_device`.

        Raises:
            InputError: A device that is not there, or that is not for several processes.
        """
        if self.size == 1:
            return pick_device(name)
        if name in ("auto", "cuda") and torch.cuda.is_available():
            return pick_device(f"cuda:{self.local_rank}")
        if pick_device(name) != "cpu":
            found = f"{pick_device(name)} for {self.size} processes"
            raise InputError("--device", found, "cpu, or cuda, of which each process takes one")
        return "cpu"


@contextmanager
def training_together(place: Place, device: str, folder: RunFolder) -> Iterator[None]:
    """Train with the other processes, and if one of them fails, say how to go on.

    Args:
        place: This process.
        device: Of this process.
        folder: What they train.

    Raises:
        LostProcessError: Another process has failed.
    """
    if place.size == 1:
        yield
        return

    def way_on() -> str:
        if not folder.checkpoint.exists():
            return "There is no checkpoint yet."
        return (
            f"The same command with --resume goes on from {folder.checkpoint}, with any number of processes."
        )

    def ended() -> str:
        return (
            f"leafcode: process {place.rank} of {place.size} was ended, as torchrun does when another one "
            f"fails; its report tells which. {way_on()}"
        )

    with _last_words(ended):
        try:
            with join_world(device):
                yield
        except LostProcessError as error:
            time.sleep(_GRACE)
            raise LostProcessError(f"{error} {way_on()}") from error


@contextmanager
def _last_words(words: Callable[[], str]) -> Iterator[None]:
    """Say something should SIGTERM end the process, be it in the midst of a call that does not return."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def listen() -> None:
        with os.fdopen(reader, "rb", buffering=0) as signals:
            while number := signals.read(1):
                if number[0] == signal.SIGTERM:
                    print(words(), file=sys.stderr, flush=True)
                    os._exit(128 + signal.SIGTERM)

    threading.Thread(target=listen, daemon=True).start()
    # What is written to the pipe comes from the handler in C, whatever Python is busy with.
    handler, wakeup = signal.signal(signal.SIGTERM, lambda *_: None), signal.set_wakeup_fd(writer)
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGTERM, handler)
        os.close(writer)

"""Jobs in several processes, such that one that fails or dies takes no other with it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Generic, TypeVar

import torch
from threadpoolctl import threadpool_limits

from leafcode.errors import LeafcodeError

Job = TypeVar("Job")

_PATIENCE = 5.0
"""Seconds that a process has to end when it is told to."""


@dataclass(frozen=True)
class Failure:
    """Why a job has no result.

    Attributes:
        message: For the user, in one line.
        details: The traceback; empty after an error that the user can mend.
    """

    message: str
    details: str = ""


@dataclass(frozen=True)
class Progress(Generic[Job]):
    """A job that was begun or has ended.

    Attributes:
        job: The job.
        ended: Whether it has ended; otherwise it was begun.
        failure: Why it has no result; None if it was begun, or has one.
    """

    job: Job
    ended: bool
    failure: Failure | None = None


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_jobs(
    work: Callable[[Job], None], jobs: Sequence[Job], processes: int
) -> Generator[Progress[Job], None, None]:
    """Do jobs in order, several at a time, and tell of each when it begins and ends.

    Processes are started afresh (spawned, which CUDA needs) and share the cores evenly. One that dies, for
    want of memory say, is replaced. Closing the generator early, as after an interruption, ends them all.
    With one process the jobs are done in this one.

    Args:
        work: What to do with a job; an importable function, or a `functools.partial` of one.
        jobs: What it is called with.
        processes: At most so many at a time.

    Yields:
        Progress, two of each job.

    Example:
        >>> [(p.job, p.ended, p.failure) for p in run_jobs(lambda job: None, [1], 1)]
        [(1, False, None), (1, True, None)]
    """
    processes = min(processes, len(jobs))
    if processes <= 1:
        for job in jobs:
            yield Progress(job, False)
            yield Progress(job, True, _attempt(work, job))
        return
    queue = deque(jobs)
    crew: dict[Connection, tuple[SpawnProcess, Job]] = {}
    threads = max(1, available_cores() // processes)
    try:
        while queue or crew:
            while queue and len(crew) < processes:
                connection, process = _start(work, threads)
                crew[connection] = process, queue.popleft()
                _send(connection, crew[connection][1])
                yield Progress(crew[connection][1], False)
            for ready in wait(list(crew)):
                connection = next(one for one in crew if one is ready)
                process, job = crew[connection]
                try:
                    failure = connection.recv()
                except (EOFError, ConnectionError):  # it died
                    process.join()
                    del crew[connection]
                    yield Progress(job, True, _death(process.exitcode))
                    continue
                yield Progress(job, True, failure)
                if queue:
                    crew[connection] = process, queue.popleft()
                    _send(connection, crew[connection][1])
                    yield Progress(crew[connection][1], False)
                else:
                    connection.close()
                    process.join()
                    del crew[connection]
    finally:
        for process, _ in crew.values():
            process.terminate()
        for connection, (process, _) in crew.items():
            process.join(_PATIENCE)
            process.kill()  # one in the middle of a long computation does not hear
            process.join()
            connection.close()


def _send(connection: Connection, job: Job) -> None:
    """Give a process its job; one that has died meanwhile is found so when it is listened to."""
    with contextlib.suppress(BrokenPipeError):
        connection.send(job)


def _start(work: Callable[[Job], None], threads: int) -> tuple[Connection, SpawnProcess]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(work, theirs, threads), daemon=True)
    with _interrupts_ignored():
        process.start()
    theirs.close()  # so that the pipe ends when the process does
    return ours, process


def _serve(work: Callable[[Job], None], connection: Connection, threads: int) -> None:
    """The life of a process: do one job after another until the pipe is closed."""
    # When told to end it leaves by way of every `finally`, and nothing is left over.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    torch.set_num_threads(threads)
    with threadpool_limits(threads), contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            connection.send(_attempt(work, connection.recv()))


def _attempt(work: Callable[[Job], None], job: Job) -> Failure | None:
    try:
        work(job)
    except (LeafcodeError, OSError) as error:
        return Failure(" ".join(str(error).splitlines()))
    except Exception as error:
        # A bug, or a library's complaint: other jobs may do without it, but its place must not get lost.
        return Failure(" ".join(f"{type(error).__name__}: {error}".splitlines()), traceback.format_exc())
    return None


def _death(status: int | None) -> Failure:
    if status is not None and status < 0:
        name = signal.Signals(-status).name
        return Failure(f"its process was ended by {name}, perhaps for want of memory; try fewer --jobs")
    return Failure(f"its process ended with status {status}")


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Processes started in the block take no notice of Ctrl-C: their parent does, and ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

"""Parts made by the workers of a Ray cluster; a worker that dies costs nothing but its time."""

from __future__ import annotations

import logging
import sys
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from leafcode.errors import InputError, LeafcodeError
from leafcode.pipeline.part_folder import Part
from leafcode.pipeline.parts import PartJob

TRIES = 4
"""How often a part is begun before its failure counts."""


@dataclass(frozen=True)
class RayEngine:
    """A pool of Ray actors, each of which loads the models once and does one part after the other.

    Use `ray_engine`. Only an actor that lives is given a part. One that dies, with its machine perhaps, is
    replaced as soon as the cluster has room, and its part goes to the actor that is free next; so does a part
    whose files could not be read or written (`OSError`). Ray's own restarts are not used: with them a part
    waits until there is room for its dead actor again, which the others may hold to the end.

    Attributes:
        device: Torch device of a worker: ``cuda`` (each has a GPU) or ``cpu`` (each has a core).
        workers: Actors at a time, where the cluster has room for them.
        progress: Show a progress bar.
    """

    device: str
    workers: int
    progress: bool = True

    def __call__(self, job: PartJob, parts: Sequence[Part]) -> None:
        """Call the job for every part.

        Raises:
            LeafcodeError: What the job raises, at once.
            OSError: Files that could not be read or written, in `TRIES` attempts.
            InputError: A part whose worker died each time, or workers that die when they start.
        """
        ray = _import_ray()
        kind = ray.remote(max_restarts=0, **{"num_gpus" if self.device == "cuda" else "num_cpus": 1})(_Worker)
        shared = ray.put(job)
        waiting, left, tries = deque(parts), len(parts), Counter[Part | None]()
        hired: list[Any] = []
        busy: dict[Any, tuple[Any, Part | None]] = {}  # what each is doing; None: it starts

        def hire() -> None:
            hired.append(kind.remote(shared))
            busy[hired[-1].__ray_ready__.remote()] = hired[-1], None

        def again(part: Part | None, error: Exception) -> None:
            tries[part] += 1
            if tries[part] == TRIES:
                raise error
            waiting.extendleft([part] if part else [])

        bar = tqdm(total=left, desc="parts", unit="part", disable=not self.progress)
        try:
            for _ in range(min(self.workers, left)):
                hire()
            while left:
                [ended], _ = ray.wait(list(busy), num_returns=1)
                worker, part = busy.pop(ended)
                try:
                    ray.get(ended)
                except ray.exceptions.RayActorError as error:
                    ray.kill(worker)  # one that is only out of reach
                    again(part, _death(job, part, error))
                    hire()
                    continue
                except ray.exceptions.RayTaskError as error:
                    if isinstance(error.cause, LeafcodeError):
                        raise error.cause from None
                    if not isinstance(error.cause, OSError):
                        raise
                    again(part, error.cause)
                else:
                    done = part is not None
                    left -= done
                    bar.update(done)
                    tries[None] = 0
                if waiting:
                    part = waiting.popleft()
                    busy[worker.make.remote(part)] = worker, part
                else:
                    ray.kill(worker)
        finally:
            bar.close()
            for worker in hired:
                ray.kill(worker)


class _Worker:
    """The actor."""

    def __init__(self, job: PartJob) -> None:
        self._job = job

    def make(self, part: Part) -> None:
        self._job(part)


@contextmanager
def ray_engine(
    *, address: str | None = None, workers: int | None = None, device: str = "auto", progress: bool = True
) -> Iterator[RayEngine]:
    """An engine on a Ray cluster, connected for as long as the block lasts.

    Args:
        address: Of the cluster; None for the one that this machine belongs to, or else one of this machine
            alone, started for the block. A program that is connected already stays so.
        workers: Actors at a time; None for as many as the cluster has GPUs, or else cores.
        device: ``auto`` takes GPUs if the cluster has any; ``cuda`` or ``cpu``.
        progress: Show a progress bar.

    Raises:
        InputError: Ray is not installed, another device, no GPU in the cluster, or fewer than one worker.
    """
    if device not in ("auto", "cuda", "cpu"):
        raise InputError("--device", repr(device), "auto, cuda or cpu", "Ray gives each worker a GPU.")
    if workers is not None and workers < 1:
        raise InputError("--workers", str(workers), "at least 1")
    ray = _import_ray()
    with ExitStack() as stack:
        if not ray.is_initialized():
            stack.enter_context(redirect_stdout(sys.stderr))  # where Ray shall tell of workers that died
            ray.init(address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
            stack.callback(ray.shutdown)
        room = ray.cluster_resources()
        gpus, cores = int(room.get("GPU", 0)), int(room.get("CPU", 0))
        if device == "cuda" and not gpus:
            raise InputError("--device", "'cuda', in a cluster without GPUs", "auto or cpu")
        chosen = "cuda" if gpus and device != "cpu" else "cpu"
        yield RayEngine(chosen, workers or max(1, gpus if chosen == "cuda" else cores), progress)


def _import_ray() -> Any:  # noqa: ANN401 (installed or not, its types are not checked)
    try:
        import ray
    except ImportError as error:
        hint = "pip install 'leafcode[ray]'"
        raise InputError("--engine ray", "no package ray", "the package", hint) from error
    return ray


def _death(job: PartJob, part: Part | None, error: Exception) -> InputError:
    reason = " ".join(str(error).split())
    if part is None:
        where, expected = "ray: a new worker", "one that can start"
        hint = "Every machine needs the leafcode and the packages that this one has."
    else:
        where, expected = job.inputs.where(part.name), "one that lives until the part is made"
        hint = "For want of memory, take smaller files or fewer --workers."
    return InputError(where, f"a worker that died {TRIES} times ({reason})", expected, hint)

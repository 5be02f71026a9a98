"""Options that say where files in many parts are worked on."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from leafcode.cli.options import pick_device
from leafcode.pipeline.parts import Engine, LocalEngine
from leafcode.pipeline.ray_engine import ray_engine


def add_engine_options(group: argparse._ArgumentGroup) -> None:
    """The engine, and the cluster of the engine ray."""
    group.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="of a folder of files, make one after the other here, or many at a time in a Ray cluster",
    )
    group.add_argument(
        "--ray-address",
        metavar="ADDRESS",
        help="of the cluster, such as ray://head:10001; otherwise the one of this machine",
    )
    group.add_argument(
        "--workers", type=int, metavar="N", help="Ray workers; otherwise one per GPU, or per core without any"
    )


@contextmanager
def chosen_engine(options: argparse.Namespace) -> Iterator[Engine]:
    """The engine that the options name, for as long as the block lasts.

    Raises:
        InputError: A device that is not there, or no Ray.
    """
    progress = not options.quiet
    if options.engine == "local":
        yield LocalEngine(pick_device(options.device), progress)
        return
    with ray_engine(
        address=options.ray_address, workers=options.workers, device=options.device, progress=progress
    ) as engine:
        yield engine

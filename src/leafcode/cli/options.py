"""Options that several commands share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from leafcode.errors import InputError


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows defaults, and examples as they are written."""


def cache_folder() -> Path:
    """Where vectors of texts are kept: $LEAFCODE_CACHE, or leafcode in the user's cache folder."""
    named = os.environ.get("LEAFCODE_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leafcode"


def pick_device(name: str) -> str:
    """The device to use; ``auto`` takes CUDA, then MPS, then the CPU.

    Raises:
        InputError: A device that is not there.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InputError("--device", repr(name), "a device of this machine, such as cpu or cuda") from error
    return name


def add_machine_options(parser: argparse.ArgumentParser) -> None:
    """Options about where the work is done, and what is shown meanwhile."""
    group = parser.add_argument_group("machine")
    group.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    group.add_argument(
        "--cache",
        type=Path,
        default=cache_folder(),
        help="folder in which vectors of texts are kept, so that a text is embedded once",
    )
    group.add_argument("--quiet", action="store_true", help="show no progress bars")


def add_item_options(parser: argparse.ArgumentParser, *, defaults: bool) -> None:
    """Options about the columns of a catalogue.

    Args:
        parser: The command's.
        defaults: Whether the options have defaults of their own; otherwise None stands for those of the run.
    """
    group = parser.add_argument_group("columns of the catalogue")
    shown = {} if defaults else {"default": argparse.SUPPRESS}
    group.add_argument(
        "--id-column", metavar="COLUMN", help="unique ids", **({"default": "id"} if defaults else shown)
    )
    group.add_argument(
        "--text",
        metavar="COLUMN",
        nargs="+",
        help="what describes an item; several columns are joined",
        **({"default": ["text"]} if defaults else shown),
    )
    group.add_argument(
        "--path", metavar="COLUMN", help="category path of an item, such as Pantry > Spices", **shown
    )
    group.add_argument("--embedding", metavar="COLUMN", help="vectors to use instead of the texts", **shown)
    group.add_argument(
        "--embeddings", metavar="FILE", help=".npy or .safetensors to use instead of the texts", **shown
    )


def numbers(kind: type[int] | type[float]) -> object:
    """An argparse type for numbers joined by commas."""

    def parse(text: str) -> tuple[int | float, ...]:
        return tuple(kind(part) for part in text.split(","))

    parse.__name__ = f"{kind.__name__}s joined by commas"
    return parse

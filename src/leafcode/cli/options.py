"""Options that several commands share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from leafcode.errors import InputError


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows defaults where there are any, and examples as they are written."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False) else super()._get_help_string(action)


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
        torch.zeros(1, device=name).item()
    except (RuntimeError, AssertionError) as error:
        raise InputError("--device", repr(name), "a device of this machine, such as cpu or cuda") from error
    return name


def add_machine_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Options about where the work is done, and what is shown meanwhile; gives the group, to add to it."""
    group = parser.add_argument_group("machine")
    group.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    group.add_argument(
        "--cache",
        type=Path,
        default=cache_folder(),
        help="folder in which vectors of texts are kept, so that a text is embedded once",
    )
    group.add_argument("--quiet", action="store_true", help="show no progress bars")
    return group


def add_again_options(parser: argparse.ArgumentParser, what: str, resume: str) -> None:
    """Options about what lies in the output folder already.

    Args:
        parser: The command's.
        what: What may lie there, such as "run".
        resume: Help of --resume.
    """
    group = parser.add_argument_group(f"an earlier {what} in the same folder").add_mutually_exclusive_group()
    group.add_argument("--resume", action="store_true", help=resume)
    group.add_argument("--overwrite", action="store_true", help="replace it")


def add_item_options(parser: argparse.ArgumentParser, *, defaults: bool) -> None:
    """Options about the columns of a catalogue.

    Args:
        parser: The command's.
        defaults: Whether the options have defaults of their own; otherwise None stands for those of the run.
    """
    group = parser.add_argument_group("columns of the catalogue")

    def add(name: str, text: str, default: object = argparse.SUPPRESS, **more: Any) -> None:  # noqa: ANN401
        group.add_argument(name, help=text, default=default if defaults else argparse.SUPPRESS, **more)

    add("--id-column", "unique ids", "id", metavar="COLUMN")
    add(
        "--text",
        "what describes an item; several columns are joined; --text alone where there is none, but vectors",
        ["text"],
        metavar="COLUMN",
        nargs="*",
    )
    add("--path", "category path of an item, such as Pantry > Spices", None, metavar="COLUMN")
    add("--embedding", "column of vectors to use instead of the texts", None, metavar="COLUMN")
    text = ".npy or .safetensors to use instead of the texts; several, such as one for each file of items"
    add("--embeddings", text, None, metavar="FILE", nargs="+")


def given_files(names: Sequence[str]) -> str | tuple[str, ...]:
    """Files of an option that takes several; one as it is.

    Example:
        >>> given_files(["a.parquet"]), given_files(["a.parquet", "b.parquet"])
        ('a.parquet', ('a.parquet', 'b.parquet'))
    """
    return names[0] if len(names) == 1 else tuple(names)


def numbers(kind: type[int] | type[float]) -> Callable[[str], tuple[int | float, ...]]:
    """An argparse type for numbers joined by commas."""

    def parse(text: str) -> tuple[int | float, ...]:
        return tuple(kind(part) for part in text.split(","))

    parse.__name__ = f"{kind.__name__}s joined by commas"
    return parse

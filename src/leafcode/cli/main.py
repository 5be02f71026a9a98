"""Entry point of the command `leafcode`."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

import torch

from leafcode.cli import (
    audit,
    compare,
    embed,
    encode,
    evaluate,
    export,
    fit,
    review,
    similar,
    taxonomy,
    tune,
)
from leafcode.cli.processes import Place
from leafcode.errors import InputError, LeafcodeError

_COMMANDS = (fit, encode, embed, evaluate, similar, export, compare, tune, taxonomy, audit, review)


class _Parser(argparse.ArgumentParser):
    """Reports a wrong command line as every other error is reported: in one line."""

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        self.exit(2, f"leafcode: error: {message}; see {self.prog} --help\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser with all commands."""
    parser = _Parser(
        prog="leafcode",
        description="Semantic IDs that respect a catalogue's category tree.",
        epilog="leafcode COMMAND --help shows the options of a command, with examples.",
    )
    parser.add_argument("--version", action="version", version=f"leafcode {version('leafcode')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Words of the command line; those of the process if left out.

    Returns:
        0, or 2 after an error that the user can mend, or 130 after Ctrl-C.

    Raises:
        SystemExit: After --help or --version (status 0), or words that are no command line (status 2).
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that has no λ shall not end the work
    options, place = build_parser().parse_args(arguments), Place(0, 0, 1)
    try:
        place = Place.from_environment()
        if place.size > 1 and options.run is not fit.run:
            raise InputError(
                "torchrun", f"{place.size} processes", "one; only leafcode fit trains in several"
            )
        options.run(options)
    except BrokenPipeError:
        # The reader of the output has gone (| head); there is nobody left to tell.
        sys.stderr.close()
        return 0
    except (LeafcodeError, OSError) as error:
        return _told(str(error), place)
    except (MemoryError, torch.OutOfMemoryError) as error:
        hint = "Smaller batches (--batch-size), --device cpu, or a sample of the items take less."
        return _told(f"out of memory. {hint} {error}", place)
    except KeyboardInterrupt:
        hint = " The same command goes on with --resume." if hasattr(options, "resume") else ""
        print(f"leafcode: stopped.{hint}", file=sys.stderr)
        return 130
    return 0


def _told(message: str, place: Place) -> int:
    """Tell of an error; the exit status."""
    # Libraries explain themselves over several lines; a log should have one per error.
    who = f"error in process {place.rank}" if place.size > 1 else "error"
    print(f"leafcode: {who}:", " ".join(message.splitlines()).rstrip(), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())

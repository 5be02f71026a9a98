"""leafcode taxonomy: commands about a category tree alone."""

from __future__ import annotations

from typing import Any

from leafcode.cli import taxonomy_check, taxonomy_convert
from leafcode.cli.options import HelpFormatter

_COMMANDS = (taxonomy_check, taxonomy_convert)


def add_parser(commands: Any) -> None:  # noqa: ANN401 (argparse has no public type for it)
    """Add the group of commands."""
    parser = commands.add_parser(
        "taxonomy",
        help="check a category tree, or convert it to another format",
        description="Commands about a category tree, without a catalogue.",
        formatter_class=HelpFormatter,
    )
    group = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_parser(group)

"""leafcode similar: items whose codes are near."""

from __future__ import annotations

import argparse
import json
from typing import Any

from leafcode.cli.options import HelpFormatter, add_machine_options, pick_device
from leafcode.cli.table import text_table
from leafcode.pipeline import Run

_EXAMPLES = """examples:
  leafcode similar run/ "whole bean coffee"
  leafcode similar run/ --id 4711 -k 20
"""


def add_parser(commands: Any) -> None:  # noqa: ANN401 (argparse has no public type for it)
    """Add the command."""
    parser = commands.add_parser(
        "similar",
        help="items whose codes are near a text's or an item's",
        description="Items near a text or an item by code: longest shared prefix first, then by cosine.",
        epilog=_EXAMPLES,
        formatter_class=HelpFormatter,
    )
    parser.add_argument("run_folder", metavar="run", help="folder of a finished run")
    query = parser.add_mutually_exclusive_group(required=True)
    query.add_argument("text", nargs="?", help="a text to look up")
    query.add_argument("--id", help="an item to look up")
    parser.add_argument("-k", type=int, default=10, help="number of items")
    parser.add_argument("--json", action="store_true", help="print JSON, one object per line")
    add_machine_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    finished = Run.open(options.run_folder)
    if options.id is not None:
        found = finished.similar(options.id, k=options.k)
    else:
        vectors = finished.source.embed(
            [options.text], cache=options.cache, device=pick_device(options.device), progress=False
        )
        found = finished.similar(vectors[0], k=options.k)
    rows = found.to_pylist()
    if options.json:
        for row in rows:
            print(json.dumps(row))
        return
    for row in rows:
        row["cosine"] = f"{row['cosine']:.3f}"
    print(text_table(rows))

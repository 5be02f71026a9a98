"""leafcode taxonomy convert: a category tree from one format to another."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from leafcode.cli.options import HelpFormatter
from leafcode.cli.taxonomy_options import add_taxonomy_options, formats_help, read_graph
from leafcode.taxonomy.writers import WRITERS, write_taxonomy

_EXAMPLES = """examples:
  leafcode taxonomy convert thesaurus.ttl categories.parquet --language en
  leafcode taxonomy convert taxonomy-with-ids.en-US.txt taxonomy.json
  leafcode taxonomy convert thesaurus.rdf categories.json --parents primary

"""


def add_parser(commands: Any) -> None:  # noqa: ANN401 (argparse has no public type for it)
    """Add the command."""
    parser = commands.add_parser(
        "convert",
        help="write a taxonomy in another format",
        description="Read a taxonomy in any format and write it as a parent table (.parquet, .csv, .jsonl), "
        "a path list (.txt), nested JSON (.json) or SKOS (.ttl).",
        epilog=_EXAMPLES + formats_help(),
        formatter_class=HelpFormatter,
    )
    parser.add_argument("file", help="the taxonomy")
    parser.add_argument("out", type=Path, help=f"file to write; its suffix is one of {', '.join(WRITERS)}")
    parser.add_argument(
        "--parents",
        choices=("all", "primary", "unfold"),
        default="all",
        help="all: every parent, which path lists and nested JSON cannot hold; primary: the first only; "
        "unfold: a category beneath each of its parents, with its names in all languages",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there already")
    add_taxonomy_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    graph = read_graph(options)
    if options.parents == "primary":
        graph = graph.primary_only()
    elif options.parents == "unfold":
        graph = graph.unfolded()
    write_taxonomy(graph, options.out, overwrite=options.overwrite)
    several = sum(len(above) > 1 for above in graph.parents)
    roots = sum(not above for above in graph.parents)
    print(f"{len(graph):,} categories, {roots:,} roots, {several:,} with several parents: {options.out}")

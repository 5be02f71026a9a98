"""leafcode embed: vectors of texts, kept with the items."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from leafcode.cli.engine_options import add_engine_options, chosen_engine
from leafcode.cli.options import HelpFormatter, add_machine_options
from leafcode.pipeline import CatalogSource, embed_parts
from leafcode.pipeline.source import DEFAULT_MODEL

_EXAMPLES = """examples:
  leafcode embed items.parquet --text title brand --out vectors/
  leafcode fit vectors/items.parquet --text title brand --embedding embedding --path path --out run/
  leafcode embed s3://shop/items/ --text title --out s3://shop/vectors/ --half --engine ray
"""


def add_parser(commands: Any) -> None:  # noqa: ANN401 (argparse has no public type for it)
    """Add the command."""
    parser = commands.add_parser(
        "embed",
        help="vectors of the texts of items",
        description="Copy Parquet files of items with one more column: embedding, the vectors of the texts.",
        epilog=_EXAMPLES,
        formatter_class=HelpFormatter,
    )
    parser.add_argument("items", help="a Parquet file, or a folder of them")
    parser.add_argument("--out", required=True, help="folder of the copies; those that are there stay")
    parser.add_argument("--id-column", default="id", metavar="COLUMN", help="unique ids")
    parser.add_argument(
        "--text", default=["text"], nargs="+", metavar="COLUMN", help="texts; several columns are joined"
    )
    parser.add_argument("--model", default=DEFAULT_MODEL, help="sentence-transformers model, as in fit")
    parser.add_argument("--half", action="store_true", help="float16 instead of float32")
    add_engine_options(add_machine_options(parser))
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    source = CatalogSource(
        options.items, id_column=options.id_column, text_columns=tuple(options.text), model=options.model
    )
    cache: Path = options.cache
    with chosen_engine(options) as engine:
        files = embed_parts(source, options.items, options.out, engine, half=options.half, cache=cache)
    print(f"{files} files in {options.out}")

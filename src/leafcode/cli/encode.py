"""leafcode encode: Semantic IDs for more items."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from leafcode.cli.options import HelpFormatter, add_item_options, add_machine_options, pick_device
from leafcode.cli.table import check_table_path, write_table
from leafcode.errors import InputError
from leafcode.pipeline import Run

_EXAMPLES = """examples:
  leafcode encode run/ new_items.parquet --out ids.parquet
  leafcode encode run/ new_items.csv --text name --out ids.csv

The items need no category. IDs are entered in run/ids.parquet, so that a later call never gives
one of them to another item; an item that comes again gets the ID that it has.
"""


def add_parser(commands: Any) -> None:  # noqa: ANN401 (argparse has no public type for it)
    """Add the command."""
    parser = commands.add_parser(
        "encode",
        help="Semantic IDs for more items",
        description="Give Semantic IDs to items that a run has not seen, or has.",
        epilog=_EXAMPLES,
        formatter_class=HelpFormatter,
    )
    parser.add_argument("run_folder", metavar="run", help="folder of a finished run")
    parser.add_argument("items", help="items: Parquet, CSV, TSV or JSON Lines")
    parser.add_argument("--out", required=True, type=Path, help="table of IDs: .parquet, .csv or .jsonl")
    add_item_options(parser, defaults=False)
    add_machine_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    check_table_path(options.out)
    finished = Run.open(options.run_folder)
    taken = (Path(options.items), *finished.folder.files)
    if options.out.resolve() in [path.resolve() for path in taken]:
        raise InputError(str(options.out), "a file that encode reads", "another name for its output")
    given = vars(options)
    changes = {
        field: given[name]
        for name, field in (("id_column", "id_column"), ("path", "path_column"))
        if name in given
    }
    if "text" in given:
        changes["text_columns"] = tuple(given["text"])
    if "embedding" in given or "embeddings" in given:
        changes |= {"embedding_column": given.get("embedding"), "embeddings_file": given.get("embeddings")}
    if finished.source.embeddings_file and "embeddings_file" not in changes:
        # The file of the run belongs to the items of the run.
        changes["embeddings_file"] = str(Path(options.items).with_suffix(".npy"))
    # Categories have no part in an ID: without --path none are read.
    nothing = {"path_column": None, "category_column": None, "taxonomy_file": None}
    source = dataclasses.replace(finished.source, items=options.items, **nothing | changes)
    progress = not options.quiet
    catalog = source.load(cache=options.cache, device=pick_device(options.device), progress=progress)
    dim = finished.model.config.embedding_dim
    if catalog.embeddings is not None and catalog.embeddings.shape[1] != dim:
        place = source.embeddings_file or source.items
        if source.embedding_column is not None:
            place += f": column {source.embedding_column!r}"
        found = f"vectors of {catalog.embeddings.shape[1]} dimensions"
        raise InputError(place, found, f"{dim}, as the run was trained on")
    table = finished.encode(catalog, progress=progress)
    write_table(table, options.out)
    print(f"{table.num_rows} IDs in {options.out}")

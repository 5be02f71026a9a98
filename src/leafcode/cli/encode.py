"""leafcode encode: Semantic IDs for more items."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from leafcode.cli.engine_options import add_engine_options, chosen_engine
from leafcode.cli.options import HelpFormatter, add_item_options, add_machine_options, pick_device
from leafcode.cli.table import check_table_path, write_table
from leafcode.errors import InputError
from leafcode.pipeline import CatalogSource, Run, encode_parts

_EXAMPLES = """examples:
  leafcode encode run/ new_items.parquet --out ids.parquet
  leafcode encode run/ new_items.csv --text name --out ids.csv
  leafcode encode run/ s3://shop/items/ --out s3://shop/ids/ --engine ray

The items need no category. IDs are entered in run/ids.parquet, so that a later call never gives
one of them to another item; an item that comes again gets the ID that it has. A folder of Parquet
files becomes a folder of IDs, file by file; the same command goes on where it was stopped.
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
    parser.add_argument("items", help="items: Parquet, CSV, TSV or JSON Lines; or a folder of Parquet files")
    parser.add_argument(
        "--out", required=True, help="table of IDs: .parquet, .csv or .jsonl; a folder for a folder"
    )
    add_item_options(parser, defaults=False)
    add_engine_options(add_machine_options(parser))
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    if "://" in options.items or Path(options.items).is_dir():
        _encode_folder(options)
        return
    out = Path(options.out)
    check_table_path(out)
    if options.engine == "ray":
        raise InputError(options.items, "one file, with --engine ray", "a folder of Parquet files")
    finished = Run.open(options.run_folder)
    taken = (Path(options.items), *finished.folder.files)
    if out.resolve() in [path.resolve() for path in taken]:
        raise InputError(options.out, "a file that encode reads", "another name for its output")
    source = _source(options, finished)
    progress = not options.quiet
    catalog = source.load(cache=options.cache, device=pick_device(options.device), progress=progress)
    source.check_dimension(catalog, finished.model.config.embedding_dim)
    table = finished.encode(catalog, progress=progress)
    write_table(table, out)
    print(f"{table.num_rows} IDs in {out}")


def _encode_folder(options: argparse.Namespace) -> None:
    finished = Run.open(options.run_folder)
    source = _source(options, finished)
    if source.embeddings_file is not None:
        expected, hint = "vectors in a column of the files", "Name the column with --embedding."
        raise InputError(options.items, "a folder, and vectors in a file of their own", expected, hint)
    with chosen_engine(options) as engine:
        count = encode_parts(finished, source, options.items, options.out, engine, cache=options.cache)
    print(f"{count} IDs in {options.out}")


def _source(options: argparse.Namespace, finished: Run) -> CatalogSource:
    """The items, read as those of the run unless the options say otherwise."""
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
    return dataclasses.replace(finished.source, items=options.items, **nothing | changes)

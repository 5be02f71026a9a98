"""leafcode encode: Semantic IDs for more items."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from leafcode.catalog import CatalogPart
from leafcode.cli.engine_options import add_engine_options, chosen_engine
from leafcode.cli.options import (
    HelpFormatter,
    add_item_options,
    add_machine_options,
    given_files,
    pick_device,
)
from leafcode.cli.table import check_table_path, write_batches
from leafcode.errors import InputError
from leafcode.pipeline import CatalogSource, Run, encode_parts
from leafcode.taxonomy.readers import find_files

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
    parser.add_argument(
        "items",
        nargs="+",
        help="items: Parquet, CSV, TSV or JSON Lines; a folder or glob of Parquet; several",
    )
    parser.add_argument(
        "--out",
        required=True,
        help="table of IDs: .parquet, .csv or .jsonl; or a folder, with a file for each of a folder of items",
    )
    add_item_options(parser, defaults=False)
    add_engine_options(add_machine_options(parser))
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    if not Path(options.out).suffix:
        _encode_folder(options)
        return
    out = Path(options.out)
    check_table_path(out)
    if options.engine == "ray":
        raise InputError("--engine", "ray, and one table of IDs", "a folder as --out, and a folder of items")
    finished = Run.open(options.run_folder)
    files = find_files(options.items)
    if out.resolve() in [path.resolve() for path in (*files, *finished.folder.files)]:
        raise InputError(options.out, "a file that encode reads", "another name for its output")
    beside = given_files([str(file.with_suffix(".npy")) for file in files])
    source = _source(options, finished, given_files(options.items), beside)
    progress, device = not options.quiet, pick_device(options.device)
    # Only texts that are embedded have a bar of their own: it would come again with every part.
    parts = source.load_parts(cache=options.cache, device=device, progress=progress and source.embeds_texts)
    parts = _of_dimension(parts, finished.model.config.embedding_dim, source)
    bar = progress and not source.embeds_texts
    count = write_batches(finished.encode_stream(parts, device=device, progress=bar), out)
    print(f"{count} IDs in {out}")


def _encode_folder(options: argparse.Namespace) -> None:
    if len(options.items) > 1:
        expected = "one folder of items, or a table of IDs: .parquet, .csv, .jsonl"
        raise InputError(options.out, "a folder, for several files", expected)
    finished = Run.open(options.run_folder)
    source = _source(options, finished, options.items[0], None)
    beside = finished.source.embeddings_file is not None and source.embedding_column is None
    if beside or source.embeddings_file is not None:
        expected, hint = "vectors in a column of the files", "Name the column with --embedding."
        raise InputError(options.items[0], "a folder, and vectors in a file of their own", expected, hint)
    with chosen_engine(options) as engine:
        count = encode_parts(finished, source, options.items[0], options.out, engine, cache=options.cache)
    print(f"{count} IDs in {options.out}")


def _source(
    options: argparse.Namespace,
    finished: Run,
    items: str | tuple[str, ...],
    beside: str | tuple[str, ...] | None,
) -> CatalogSource:
    """The items, read as those of the run unless the options say otherwise.

    Args:
        options: Of the command.
        finished: The run.
        items: Their files.
        beside: Files of vectors beside them, where the run had its vectors in a file.
    """
    given = vars(options)
    changes = {
        field: given[name]
        for name, field in (("id_column", "id_column"), ("path", "path_column"))
        if name in given
    }
    if "text" in given:
        changes["text_columns"] = tuple(given["text"])
    if "embedding" in given or "embeddings" in given:
        vectors = given_files(given["embeddings"]) if "embeddings" in given else None
        changes |= {"embedding_column": given.get("embedding"), "embeddings_file": vectors}
    if finished.source.embeddings_file and "embeddings_file" not in changes:
        # The file of the run belongs to the items of the run.
        changes["embeddings_file"] = beside
    # Categories have no part in an ID: without --path none are read.
    nothing = {"path_column": None, "category_column": None, "taxonomy_file": None}
    return dataclasses.replace(finished.source, items=items, **nothing | changes)


def _of_dimension(parts: Iterable[CatalogPart], dim: int, source: CatalogSource) -> Iterator[CatalogPart]:
    """The parts, once their vectors are known to be of the run's dimension."""
    for part in parts:
        source.check_dimension(part.catalog, dim, str(part.rows) if source.embedding_column else None)
        yield part

"""Options that say which catalogue to read and how, for every command that trains on one."""

from __future__ import annotations

import argparse

from leafcode.cli.options import add_item_options, given_files
from leafcode.errors import InputError
from leafcode.pipeline import CatalogSource
from leafcode.pipeline.source import DEFAULT_MODEL, PARENTS
from leafcode.taxonomy.readers import FORMATS


def add_catalog_options(parser: argparse.ArgumentParser) -> None:
    """The catalogue's file, its columns, its tree and the model that embeds it."""
    parser.add_argument(
        "items",
        nargs="+",
        help="catalogue: Parquet, CSV, TSV or JSON Lines; a folder or glob of Parquet; several",
    )
    add_item_options(parser, defaults=True)
    parser.add_argument_group("embedding").add_argument(
        "--model",
        default=DEFAULT_MODEL,
        help="sentence-transformers model that embeds the texts: a name, a folder, or package:NAME of an "
        "installed package",
    )
    tree = parser.add_argument_group("category tree, where the catalogue has no path column")
    tree.add_argument("--category", metavar="COLUMN", help="column with ids of tree nodes")
    tree.add_argument("--taxonomy", metavar="FILE", help="a taxonomy in any format that leafcode reads")
    tree.add_argument(
        "--taxonomy-format", default="auto", metavar="NAME", help=f"auto (by suffix), {', '.join(FORMATS)}"
    )
    tree.add_argument(
        "--taxonomy-option",
        action="append",
        metavar="NAME=VALUE",
        help="an option of the format's reader, see leafcode taxonomy convert --help; may be repeated",
    )
    tree.add_argument(
        "--taxonomy-columns",
        metavar="COLUMN",
        nargs="+",
        default=["id", "parent_id"],
        help="id, parent and optionally name column of the parent table",
    )
    tree.add_argument(
        "--parents",
        choices=PARENTS,
        default="primary",
        help="where a category of the taxonomy has several: the first; or the category beneath each of them",
    )
    tree.add_argument("--separator", default=" > ", help="between the categories of a path")
    tree.add_argument(
        "--paths-separator",
        metavar="TEXT",
        help="between the paths, or categories, of an item that has several, such as '|'; lists need none",
    )


def catalog_source(options: argparse.Namespace) -> CatalogSource:
    """The catalogue that the options of `add_catalog_options` name.

    Raises:
        InputError: ``--taxonomy-columns`` does not name two or three columns.

    Example:
        >>> parser = argparse.ArgumentParser()
        >>> add_catalog_options(parser)
        >>> source = catalog_source(parser.parse_args(["items.csv", "--text", "name", "--path", "path"]))
        >>> source.items, source.text_columns, source.path_column
        ('items.csv', ('name',), 'path')
    """
    columns = options.taxonomy_columns
    if len(columns) not in (2, 3):
        found = f"{len(columns)} columns ({' '.join(columns)})"
        raise InputError("--taxonomy-columns", found, "the id, the parent and possibly the name column")
    return CatalogSource(
        items=given_files(options.items),
        id_column=options.id_column,
        text_columns=tuple(options.text),
        path_column=options.path,
        separator=options.separator,
        category_column=options.category,
        taxonomy_file=options.taxonomy,
        taxonomy_columns=(columns[0], columns[1], columns[2] if len(columns) > 2 else None),
        embedding_column=options.embedding,
        embeddings_file=options.embeddings and given_files(options.embeddings),
        model=options.model,
        taxonomy_format=options.taxonomy_format,
        taxonomy_options=tuple(options.taxonomy_option or ()),
        paths_separator=options.paths_separator,
        parents=options.parents,
    )

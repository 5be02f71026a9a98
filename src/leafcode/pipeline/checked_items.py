"""The items for the check of a taxonomy: filed by key, by path, or by a tree of their own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from leafcode.catalog import Catalog, read_catalog
from leafcode.errors import FileRows, InputError
from leafcode.pipeline.items import check_one_path
from leafcode.pipeline.source import CatalogSource
from leafcode.taxonomy import Taxonomy
from leafcode.taxonomy.readers import coded_column, find_files, read_columns


def read_checked_items(
    source: CatalogSource,
    taxonomy: Taxonomy | None = None,
    *,
    cache: Path | None = None,
    device: str | None = None,
    progress: bool = True,
) -> Catalog:
    """Read items and find their places in a taxonomy.

    Args:
        source: The file and its columns; vectors are optional. Texts are embedded if there are text columns.
        taxonomy: The tree that the items are filed in, by its keys (category column) or by the names of its
            nodes (path column); None if the path column makes the tree.
        cache: Folder in which vectors of texts are kept.
        device: Torch device of the embedding model.
        progress: Show progress bars.

    Returns:
        The catalogue, with embeddings if the source has any.

    Raises:
        InputError: Neither or both of the columns are named, or anything wrong with the file; naming the row,
            a path that is not in the taxonomy or a key that is none of its own, or an item of several.
    """
    if (source.path_column is None) == (source.category_column is None):
        found = "neither" if source.path_column is None else "both"
        raise InputError(source.place, f"{found} of category and path column", "one of them")
    by_names = taxonomy is not None and source.path_column is not None
    catalog = read_catalog(
        source.items,
        **source.columns | ({"path_column": None} if by_names else {}),
        category_column=source.category_column,
        taxonomy=None if by_names else taxonomy,
        embeddings_file=source.embeddings_file,
    )
    check_one_path(catalog, source.place)
    if taxonomy is not None and source.path_column is not None:
        catalog = _filed_by_names(catalog, source, source.path_column, taxonomy)
    if source.text_columns and source.embeds_texts:
        vectors = source.embed(catalog.texts or [], cache=cache, device=device, progress=progress)
        catalog = dataclasses.replace(catalog, embeddings=vectors)
    return catalog


def _filed_by_names(catalog: Catalog, source: CatalogSource, column: str, taxonomy: Taxonomy) -> Catalog:
    """The items on the nodes whose names, from the root down, are the texts of a column."""
    paths = taxonomy.paths(source.separator)
    seen: set[str] = set()
    for path in paths:
        if path in seen:
            expected = "paths that name one category each"
            raise InputError("taxonomy", f"two categories {path!r}", expected, "File items by --category.")
        seen.add(path)
    by_path = Taxonomy(tuple(paths), taxonomy.names, taxonomy.parents)
    files = find_files(source.items)
    tables, names = [read_columns(file, [column]) for file in files], tuple(map(str, files))
    coded = coded_column(tables, column, names)
    parts = pc.split_pattern(coded.dictionary, pattern=source.separator)
    flat = pc.utf8_trim_whitespace(parts.flatten())
    trimmed = pa.LargeListArray.from_arrays(parts.offsets.cast(pa.int64()), flat)
    joined = pc.binary_join(trimmed, pa.scalar(source.separator, pa.large_string()))
    where = FileRows(names, tuple(table.num_rows for table in tables), (column,))
    nodes = by_path.find_all(pa.DictionaryArray.from_arrays(coded.indices, joined), where)
    return dataclasses.replace(catalog, nodes=nodes, taxonomy=taxonomy)

"""A catalogue read a part at a time, for what is done item by item."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from leafcode.catalog.embeddings import check_embeddings, load_vectors_beside
from leafcode.catalog.items import Catalog, ItemColumns, check_arguments
from leafcode.catalog.rows import let_go
from leafcode.catalog.vector_column import BATCH, vector_rows
from leafcode.errors import FileRows
from leafcode.taxonomy.readers import count_rows, find_files, read_batches


class CatalogPart(NamedTuple):
    """Items that stand together in a file, of a catalogue that is read a part at a time."""

    catalog: Catalog
    rows: FileRows
    """Where they stand."""


def read_catalog_parts(
    path: str | Path | Sequence[str | Path],
    *,
    id_column: str = "id",
    text_columns: Sequence[str] = ("text",),
    path_column: str | None = None,
    separator: str = " > ",
    embedding_column: str | None = None,
    embeddings_file: str | Path | Sequence[str | Path] | None = None,
    paths_separator: str | None = None,
    rows: int = BATCH,
) -> Iterator[CatalogPart]:
    r"""Read a catalogue as `read_catalog` does, so many rows at a time at most.

    Parquet files and memory-mapped vectors of any size take no more memory than such a part; files of other
    formats are read whole, one after the other. Every part has a taxonomy of its own paths, and none if all
    are null. An id that comes in two parts is not noticed.

    Args:
        path: As for `read_catalog`, as all that is not named here.
        id_column: See there.
        text_columns: See there.
        path_column: See there.
        separator: See there.
        embedding_column: See there.
        embeddings_file: See there.
        paths_separator: See there.
        rows: Items of a part, at most.

    Raises:
        InputError: As for `read_catalog`, when the part is reached; of too few or many vectors at once.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "items.csv")
        ...     _ = file.write_text("id,text\n7,salt\n8,soap\n9,milk\n")
        ...     [part.catalog.ids.tolist() for part in read_catalog_parts(file, rows=2)]
        [['7', '8'], ['9']]
    """
    check_arguments(path_column, None, None, embedding_column, embeddings_file)
    columns = ItemColumns(id_column, text_columns, path_column, separator, paths_separator=paths_separator)
    files = find_files(path)
    vectors, read = None, 0
    if embeddings_file is not None:
        counts = tuple(count_rows(file) for file in files)
        vectors, beside = load_vectors_beside(embeddings_file, FileRows(tuple(map(str, files)), counts))
    wanted = [*columns.names, *([] if embedding_column is None else [embedding_column])]
    for file in files:
        begun = read
        for table in read_batches(file, wanted, rows, columns.coded):
            place = FileRows((str(file),), (table.num_rows,), first=read - begun)
            part = columns.catalog([table], place, whole=False)
            block = None
            if vectors is not None:
                block = vectors[read : read + len(part)]
                check_embeddings(block, beside.after(read))
            elif embedding_column is not None:
                where = place._replace(columns=(embedding_column,))
                block = vector_rows(table[embedding_column], where)
                check_embeddings(block, where)
            read += len(part)
            yield CatalogPart(dataclasses.replace(part, embeddings=block), place)
            if vectors is not None:
                let_go(vectors)

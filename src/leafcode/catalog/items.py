"""Items tied to the nodes of a taxonomy, read from Parquet, CSV or JSON Lines."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leafcode.catalog.embeddings import check_embeddings, load_vectors_beside
from leafcode.catalog.listed_texts import listed_texts
from leafcode.catalog.vector_column import read_vector_column
from leafcode.errors import FileRows, InputError
from leafcode.taxonomy import Taxonomy, Unfolded, places_from_keys, places_from_paths
from leafcode.taxonomy.readers import (
    coded_column,
    find_files,
    first_null,
    read_columns,
    text_column,
)

TEXT_SEPARATOR = " | "
"""Stands between the texts of an item that has several text columns."""


@dataclass(frozen=True, eq=False)
class Catalog:
    """Items, each with an id and, where known, a text, a category and an embedding.

    Args:
        ids: PyArrow ``large_string`` array (n,) of unique texts (see `check`); any sequence becomes one.
        texts: A text per item, or None.
        nodes: int32 (n,), the category of each item as a node of ``taxonomy``, -1 for an unlabelled item.
        taxonomy: The category tree; None only if no item is labelled.
        embeddings: Floats (n, D), possibly memory-mapped, or `Rows` that stand for them; or None.
        places: int32 (n, P), all categories of each item, first that of ``nodes``, padded with -1; None where
            no item has more than one. See `leafcode.taxonomy.places_from_paths`.
        remarks: What a user should know of how it was read, a sentence each.

    Raises:
        InputError: An id is no text, lengths differ, a node is not in the taxonomy, or the places do not
            begin with the nodes.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["Pantry > Salt", None])
        >>> catalog = Catalog(["7", "8"], ["salt", "mystery"], nodes, tree)
        >>> len(catalog), catalog.labelled.tolist(), catalog.subset(catalog.labelled).ids.tolist()
        (2, [True, False], ['7'])
    """

    ids: pa.LargeStringArray
    texts: list[str] | None
    nodes: npt.NDArray[np.int32]
    taxonomy: Taxonomy | None = None
    embeddings: npt.NDArray[np.floating[Any]] | None = None
    places: npt.NDArray[np.int32] | None = None
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", _as_texts(self.ids))
        n = len(self.ids)
        for name, column in (("texts", self.texts), ("nodes", self.nodes), ("embeddings", self.embeddings)):
            if column is not None and len(column) != n:
                raise InputError(f"catalog: {name}", f"{len(column)} rows", f"{n}, one per id")
        known = 0 if self.taxonomy is None else len(self.taxonomy)
        if n and not -1 <= int(self.nodes.min()) <= int(self.nodes.max()) < known:
            found = f"node ids from {self.nodes.min()} to {self.nodes.max()}"
            raise InputError("catalog: nodes", found, f"-1, or ids of the {known} nodes of the taxonomy")
        if self.places is not None:
            _check_places(self.places, self.nodes, known)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def labelled(self) -> npt.NDArray[np.bool_]:
        """Bool (n,): items that have a category."""
        return np.asarray(self.nodes >= 0)

    def check(self) -> None:
        """Check what is checked of a catalogue that is read from a file: every id and every embedding.

        Raises:
            InputError: Naming the item (counted from 1): an id is missing, empty or there twice, or an
                embedding cannot be used, see `check_embeddings`.

        Example:
            >>> Catalog(["7", ""], None, np.full(2, -1)).check()
            Traceback (most recent call last):
            leafcode.errors.InputError: catalog: column 'ids': row 2: found no id; expected an id
        """
        _check_ids(self.ids, FileRows(("catalog",), (len(self),), ("ids",)))
        if self.embeddings is not None:
            check_embeddings(self.embeddings, "catalog: embeddings")

    def subset(self, index: npt.NDArray[np.bool_] | npt.NDArray[np.integer[Any]]) -> Catalog:
        """The items that a mask (n,) or an array of positions picks; the taxonomy stays whole.

        Raises:
            InputError: A mask of another length, or a position out of range.
        """
        index = np.asarray(index)
        if index.dtype == np.bool_ and index.shape == (len(self),):
            places = np.flatnonzero(index)
        elif np.issubdtype(index.dtype, np.integer) and index.ndim == 1:
            places = index.astype(np.int64)
            if len(places) and not 0 <= int(places.min()) <= int(places.max()) < len(self):
                found = f"positions from {places.min()} to {places.max()}"
                raise InputError("index", found, f"positions in [0, {len(self)})")
        else:
            found = f"{index.dtype} {index.shape}"
            raise InputError("index", found, f"bool ({len(self)},) or integers of one dimension")
        return Catalog(
            self.ids.take(pa.array(places)),
            None if self.texts is None else [self.texts[place] for place in places.tolist()],
            self.nodes[places],
            self.taxonomy,
            None if self.embeddings is None else self.embeddings[places],
            None if self.places is None else self.places[places],
            self.remarks,
        )


def _as_texts(ids: pa.Array | Sequence[str] | npt.NDArray[np.object_]) -> pa.LargeStringArray:
    """Ids as a PyArrow ``large_string`` array."""
    if isinstance(ids, pa.Array):
        return ids.cast(pa.large_string())
    try:
        return pa.array(ids, pa.large_string())
    except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
        raise InputError("catalog: ids", f"an id that is no text ({error})", "texts") from error


def read_catalog(
    path: str | Path | Sequence[str | Path],
    *,
    id_column: str = "id",
    text_columns: Sequence[str] = ("text",),
    path_column: str | None = None,
    separator: str = " > ",
    category_column: str | None = None,
    taxonomy: Taxonomy | Unfolded | None = None,
    embedding_column: str | None = None,
    embeddings_file: str | Path | Sequence[str | Path] | None = None,
    paths_separator: str | None = None,
) -> Catalog:
    r"""Read a catalogue; the suffix decides between Parquet, CSV, TSV and JSON Lines.

    Categories come either as full paths, from which the tree is built, or as keys of a given tree. A null
    (in CSV an empty cell) leaves the item unlabelled. A column of lists gives an item several, the first of
    them its primary one; so does text with a ``paths_separator``.

    Args:
        path: The file; or several whose rows follow one another: a sequence of files, a glob, or a folder of
            Parquet files, see `leafcode.taxonomy.readers.find_files`.
        id_column: Unique ids, text or whole numbers; kept as text.
        text_columns: Columns whose texts, without surrounding white space, are joined by ``" | "``; nulls
            and blanks are left out. Empty for a catalogue without texts.
        path_column: Category paths, root to leaf; see `Taxonomy.from_paths`.
        separator: Text between two names of a path.
        category_column: Keys of nodes of ``taxonomy``.
        taxonomy: The tree that ``category_column`` refers to, or a taxonomy of several parents, unfolded: an
            item then stands at every place of its category, the first in the tree being its primary one.
        embedding_column: Lists of numbers, all of one length; float16 stays, all else is read as float32.
        embeddings_file: ``.npy`` or ``.safetensors`` with one row per item, in the order of the items; or
            several, such as one for each file of items; see `load_embeddings`.
        paths_separator: Text between two paths, or keys, of an item that has several; None where the column
            holds one each, or lists.

    Returns:
        The catalogue, items in the order of the files.

    Raises:
        InputError: Naming the file and, where there is one, the column and the row (counted from 1, without
            a header): unreadable files, missing columns, null or duplicate ids, items without text, bad
            paths, unknown keys, embeddings of uneven length, with a NaN or of zeros only, or arguments that
            exclude each other.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "items.csv")
        ...     _ = file.write_text("id,name,brand,path\n7,salt,,Pantry > Salt\n8,soap,Sud,\n")
        ...     catalog = read_catalog(file, text_columns=("name", "brand"), path_column="path")
        >>> catalog.ids.tolist(), catalog.texts, catalog.nodes.tolist()
        (['7', '8'], ['salt', 'soap | Sud'], [1, -1])
    """
    check_arguments(path_column, category_column, taxonomy, embedding_column, embeddings_file)
    columns = ItemColumns(
        id_column, text_columns, path_column, separator, category_column, taxonomy, paths_separator
    )
    files = find_files(path)
    tables = [read_columns(file, columns.names, columns.coded) for file in files]
    rows = FileRows(tuple(map(str, files)), tuple(table.num_rows for table in tables))
    catalog = columns.catalog(tables, rows)
    if embedding_column is not None:
        vectors = read_vector_column(files, embedding_column, rows.counts)
        return dataclasses.replace(catalog, embeddings=vectors)
    if embeddings_file is not None:
        vectors, places = load_vectors_beside(embeddings_file, rows)
        check_embeddings(vectors, places)
        return dataclasses.replace(catalog, embeddings=vectors)
    return catalog


class ItemColumns(NamedTuple):
    """Which columns hold what, vectors apart; see `read_catalog`."""

    ids: str
    texts: Sequence[str]
    path: str | None
    separator: str
    category: str | None = None
    taxonomy: Taxonomy | Unfolded | None = None
    paths_separator: str | None = None

    @property
    def names(self) -> list[str]:
        """All of them."""
        return [self.ids, *self._texts, *self.coded]

    @property
    def _texts(self) -> tuple[str, ...]:
        return (self.texts,) if isinstance(self.texts, str) else tuple(self.texts)

    @property
    def coded(self) -> list[str]:
        """Those whose texts repeat."""
        return [name for name in (self.path, self.category) if name is not None]

    def catalog(self, tables: Sequence[pa.Table], rows: FileRows, *, whole: bool = True) -> Catalog:
        """The items of tables that follow one another; `whole`: a column without any category is an error."""
        # A part may begin within its file.
        firsts = [rows.first, *[0] * len(rows.files)]
        each = zip(rows.files, rows.counts, firsts, strict=False)
        places = [FileRows((file,), (count,), first=first) for file, count, first in each]
        pairs = list(zip(tables, map(str, places), strict=True))
        ids = pa.chunked_array([text_column(table, self.ids, where) for table, where in pairs])
        ids = ids.combine_chunks()
        _check_ids(ids, rows._replace(columns=(self.ids,)))
        texts: list[str] | None = None
        if self._texts:
            joined = (_join_texts(*pair, self._texts, self.ids) for pair in zip(tables, places, strict=True))
            texts = list(itertools.chain.from_iterable(joined))
        nodes = np.full(len(ids), -1, np.int32)
        several: npt.NDArray[np.int32] | None = None
        taxonomy = None if isinstance(self.taxonomy, Unfolded) else self.taxonomy
        for name in self.coded:
            place = rows._replace(columns=(name,))
            if self._may_be_several(tables[0], name):
                listed = [listed_texts(table, name, where, self.paths_separator) for table, where in pairs]
                flat = list(itertools.chain.from_iterable(listed))
                if any(flat) or whole:
                    taxonomy, several = self._places(flat, str(place))
                    nodes = several[:, 0].copy()
                continue
            coded = coded_column(tables, name, [where for _, where in pairs])
            if len(coded.dictionary) == 0 and not whole:
                continue
            if taxonomy is None:
                taxonomy, nodes = Taxonomy.from_paths(coded, self.separator, place)
            elif len(coded.dictionary) == 0:
                raise _no_category(str(place))
            else:
                nodes = taxonomy.find_all(coded, place)
        if several is not None and several.shape[1] == 1:
            several = None
        return Catalog(ids, texts, nodes, taxonomy, None, several)

    def _may_be_several(self, table: pa.Table, name: str) -> bool:
        """Whether a column gives items more categories than one."""
        kind = table.schema.field(name).type
        listed = pa.types.is_list(kind) or pa.types.is_large_list(kind)
        return listed or self.paths_separator is not None or isinstance(self.taxonomy, Unfolded)

    def _places(
        self, listed: Sequence[list[str] | str | None], where: str
    ) -> tuple[Taxonomy, npt.NDArray[np.int32]]:
        """The tree, and all categories of each item in it."""
        if self.taxonomy is None:
            return places_from_paths(listed, self.separator, where)
        if not any(listed):
            raise _no_category(where)
        if isinstance(self.taxonomy, Unfolded):
            return self.taxonomy.taxonomy, self.taxonomy.places(listed, where)
        return self.taxonomy, places_from_keys(self.taxonomy, listed, where)


def _no_category(where: str) -> InputError:
    return InputError(where, "no category in any row", "at least one", "Drop the category column?")


def _check_places(places: npt.NDArray[np.int32], nodes: npt.NDArray[np.int32], known: int) -> None:
    if places.ndim != 2 or len(places) != len(nodes) or not np.array_equal(places[:, 0], nodes):
        found = f"shape {places.shape}, or other nodes in the first column"
        raise InputError("catalog: places", found, f"shape ({len(nodes)}, P), first the nodes of the items")
    if places.size and not -1 <= int(places.min()) <= int(places.max()) < known:
        found = f"node ids from {places.min()} to {places.max()}"
        raise InputError("catalog: places", found, f"-1, or ids of the {known} nodes of the taxonomy")
    gaps = np.flatnonzero(((places[:, :-1] < 0) & (places[:, 1:] >= 0)).any(axis=1))
    if len(gaps):
        raise InputError(f"catalog: places: item {gaps[0] + 1}", "a place behind -1", "-1 behind all places")


def check_arguments(
    path_column: str | None,
    category_column: str | None,
    taxonomy: Taxonomy | Unfolded | None,
    embedding_column: str | None,
    embeddings_file: str | Path | Sequence[str | Path] | None,
) -> None:
    """Arguments that `read_catalog` takes do not exclude each other.

    Raises:
        InputError: They do.
    """
    if path_column is not None and category_column is not None:
        raise InputError("arguments", "path_column and category_column", "one of them")
    if (category_column is None) != (taxonomy is None):
        given = "taxonomy" if category_column is None else "category_column"
        raise InputError("arguments", f"only {given}", "category_column and taxonomy together")
    if embedding_column is not None and embeddings_file is not None:
        raise InputError("arguments", "embedding_column and embeddings_file", "one of them")


def _check_ids(ids: pa.LargeStringArray, where: FileRows) -> None:
    row = first_null(pc.if_else(pc.equal(ids, ""), None, ids))
    if row is not None:
        raise InputError(where.row(row), "no id", "an id")
    code = np.asarray(ids.dictionary_encode().indices)
    repeated = np.flatnonzero(np.bincount(code) > 1)
    if len(repeated) == 0:
        return
    shown = []
    for value in repeated[:3]:
        rows = np.flatnonzero(code == value)
        more = ", …" if len(rows) > 3 else ""
        if len(where.files) == 1:
            places = f"rows {', '.join(str(where.first + row + 1) for row in rows[:3].tolist())}"
        else:
            places = ", ".join(where._replace(columns=()).row(row) for row in rows[:3].tolist())
        shown.append(f"{ids[int(rows[0])].as_py()!r} in {places}{more}")
    raise InputError(str(where), f"{len(repeated)} id(s) more than once: {'; '.join(shown)}", "unique ids")


def _join_texts(table: pa.Table, where: FileRows, columns: Sequence[str], id_column: str) -> list[str]:
    trimmed = [
        pc.utf8_trim_whitespace(text_column(table, name, str(where), numbers=True)) for name in columns
    ]
    filled = [pc.if_else(pc.equal(text, ""), None, text) for text in trimmed]
    empty = np.flatnonzero(np.all([np.asarray(text.is_null()) for text in filled], axis=0))
    if len(empty):
        row = int(empty[0])
        place = where._replace(columns=tuple(columns)).row(row)
        place += f" (id {text_column(table, id_column, str(where))[row].as_py()!r})"
        raise InputError(place, "no text", "text to embed", f"{len(empty)} item(s) have no text.")
    # Only now: PyArrow 26 drops a row that holds nulls alone, which would move up all rows below it.
    separator = pa.scalar(TEXT_SEPARATOR, pa.large_string())
    joined = pc.binary_join_element_wise(*filled, separator, null_handling="skip")
    texts: list[str] = joined.to_pylist()
    return texts

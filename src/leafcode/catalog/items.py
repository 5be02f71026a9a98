"""Items tied to the nodes of a taxonomy, read from Parquet, CSV or JSON Lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leafcode.catalog.embeddings import check_embeddings, load_embeddings
from leafcode.catalog.listed_texts import listed_texts
from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy, Unfolded, places_from_keys, places_from_paths
from leafcode.taxonomy.readers import first_null, read_columns, text_column

TEXT_SEPARATOR = " | "
"""Stands between the texts of an item that has several text columns."""


@dataclass(frozen=True, eq=False)
class Catalog:
    """Items, each with an id and, where known, a text, a category and an embedding.

    Args:
        ids: Object array (n,) of unique texts.
        texts: A text per item, or None.
        nodes: int32 (n,), the category of each item as a node of ``taxonomy``, -1 for an unlabelled item.
        taxonomy: The category tree; None only if no item is labelled.
        embeddings: Floats (n, D), possibly memory-mapped, or None.
        places: int32 (n, P), all categories of each item, first that of ``nodes``, padded with -1; None where
            no item has more than one. See `leafcode.taxonomy.places_from_paths`.

    Raises:
        InputError: Lengths differ, a node is not in the taxonomy, or the places do not begin with the nodes.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["Pantry > Salt", None])
        >>> catalog = Catalog(np.array(["7", "8"], object), ["salt", "mystery"], nodes, tree)
        >>> len(catalog), catalog.labelled.tolist(), catalog.subset(catalog.labelled).ids.tolist()
        (2, [True, False], ['7'])
    """

    ids: npt.NDArray[np.object_]
    texts: list[str] | None
    nodes: npt.NDArray[np.int32]
    taxonomy: Taxonomy | None = None
    embeddings: npt.NDArray[np.floating[Any]] | None = None
    places: npt.NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
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
            self.ids[places],
            None if self.texts is None else [self.texts[place] for place in places.tolist()],
            self.nodes[places],
            self.taxonomy,
            None if self.embeddings is None else self.embeddings[places],
            None if self.places is None else self.places[places],
        )


def read_catalog(
    path: str | Path,
    *,
    id_column: str = "id",
    text_columns: Sequence[str] = ("text",),
    path_column: str | None = None,
    separator: str = " > ",
    category_column: str | None = None,
    taxonomy: Taxonomy | Unfolded | None = None,
    embedding_column: str | None = None,
    embeddings_file: str | Path | None = None,
    paths_separator: str | None = None,
) -> Catalog:
    r"""Read a catalogue; the suffix decides between Parquet, CSV, TSV and JSON Lines.

    Categories come either as full paths, from which the tree is built, or as keys of a given tree. A null
    (in CSV an empty cell) leaves the item unlabelled. A column of lists gives an item several, the first of
    them its primary one; so does text with a ``paths_separator``.

    Args:
        path: The file.
        id_column: Unique ids, text or whole numbers; kept as text.
        text_columns: Columns whose texts, without surrounding white space, are joined by ``" | "``; nulls
            and blanks are left out. Empty for a catalogue without texts.
        path_column: Category paths, root to leaf; see `Taxonomy.from_paths`.
        separator: Text between two names of a path.
        category_column: Keys of nodes of ``taxonomy``.
        taxonomy: The tree that ``category_column`` refers to, or a taxonomy of several parents, unfolded: an
            item then stands at every place of its category, the first in the tree being its primary one.
        embedding_column: Lists of numbers, all of one length, read as float32.
        embeddings_file: ``.npy`` or ``.safetensors`` with one row per item, in the order of the items; see
            `load_embeddings`.
        paths_separator: Text between two paths, or keys, of an item that has several; None where the column
            holds one each, or lists.

    Returns:
        The catalogue, items in the order of the file.

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
    where = str(path)
    _check_arguments(path_column, category_column, taxonomy, embedding_column, embeddings_file)
    text_columns = (text_columns,) if isinstance(text_columns, str) else tuple(text_columns)
    optional = (path_column, category_column, embedding_column)
    table = read_columns(path, [id_column, *text_columns, *(name for name in optional if name is not None)])

    ids = text_column(table, id_column, where)
    _check_ids(ids, f"{where}: column {id_column!r}")
    texts = _join_texts(table, text_columns, ids, where) if text_columns else None
    places, tree = np.full((len(ids), 1), -1, np.int32), None
    if path_column is not None:
        paths = listed_texts(table, path_column, where, paths_separator)
        tree, places = places_from_paths(paths, separator, f"{where}: column {path_column!r}")
    elif category_column is not None and taxonomy is not None:
        keys = listed_texts(table, category_column, where, paths_separator)
        place = f"{where}: column {category_column!r}"
        if not any(keys):
            raise InputError(place, "no category in any row", "at least one", "Drop the category column?")
        if isinstance(taxonomy, Unfolded):
            tree, places = taxonomy.taxonomy, taxonomy.places(keys, place)
        else:
            tree, places = taxonomy, places_from_keys(taxonomy, keys, place)

    embeddings = None
    if embedding_column is not None:
        place = f"{where}: column {embedding_column!r}"
        embeddings = _embedding_column(table[embedding_column], place)
        check_embeddings(embeddings, place)
    elif embeddings_file is not None:
        embeddings = load_embeddings(embeddings_file)
        if len(embeddings) != len(ids):
            raise InputError(str(embeddings_file), f"{len(embeddings)} rows", f"{len(ids)}, as in {where}")
        check_embeddings(embeddings, str(embeddings_file))
    named = np.array(ids.to_pylist(), object)
    several = places if places.shape[1] > 1 else None
    return Catalog(named, texts, places[:, 0].copy(), tree, embeddings, several)


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


def _check_arguments(
    path_column: str | None,
    category_column: str | None,
    taxonomy: Taxonomy | Unfolded | None,
    embedding_column: str | None,
    embeddings_file: str | Path | None,
) -> None:
    if path_column is not None and category_column is not None:
        raise InputError("arguments", "path_column and category_column", "one of them")
    if (category_column is None) != (taxonomy is None):
        given = "taxonomy" if category_column is None else "category_column"
        raise InputError("arguments", f"only {given}", "category_column and taxonomy together")
    if embedding_column is not None and embeddings_file is not None:
        raise InputError("arguments", "embedding_column and embeddings_file", "one of them")


def _check_ids(ids: pa.LargeStringArray, where: str) -> None:
    row = first_null(pc.if_else(pc.equal(ids, ""), None, ids))
    if row is not None:
        raise InputError(f"{where}: row {row + 1}", "no id", "an id")
    code = np.asarray(ids.dictionary_encode().indices, np.int64)
    repeated = np.flatnonzero(np.bincount(code) > 1)
    if len(repeated) == 0:
        return
    shown = []
    for value in repeated[:3]:
        rows = np.flatnonzero(code == value)
        more = ", …" if len(rows) > 3 else ""
        shown.append(f"{ids[int(rows[0])].as_py()!r} in rows {', '.join(map(str, rows[:3] + 1))}{more}")
    raise InputError(where, f"{len(repeated)} id(s) more than once: {'; '.join(shown)}", "unique ids")


def _join_texts(table: pa.Table, columns: Sequence[str], ids: pa.LargeStringArray, where: str) -> list[str]:
    trimmed = [pc.utf8_trim_whitespace(text_column(table, name, where, numbers=True)) for name in columns]
    filled = [pc.if_else(pc.equal(text, ""), None, text) for text in trimmed]
    empty = np.flatnonzero(np.all([np.asarray(text.is_null()) for text in filled], axis=0))
    if len(empty):
        row = int(empty[0])
        place = f"{where}: column {' + '.join(map(repr, columns))}: row {row + 1} (id {ids[row].as_py()!r})"
        raise InputError(place, "no text", "text to embed", f"{len(empty)} item(s) have no text.")
    # Only now: PyArrow 26 drops a row that holds nulls alone, which would move up all rows below it.
    separator = pa.scalar(TEXT_SEPARATOR, pa.large_string())
    joined = pc.binary_join_element_wise(*filled, separator, null_handling="skip")
    texts: list[str] = joined.to_pylist()
    return texts


def _embedding_column(column: pa.ChunkedArray, where: str) -> npt.NDArray[np.float32]:
    kind = column.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not is_list or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        raise InputError(where, f"values of type {kind}", "lists of numbers")
    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), -1), np.int64)
    odd = np.flatnonzero((lengths != lengths[0]) | (lengths < 1))
    if len(odd):
        found = "no vector" if lengths[odd[0]] < 1 else f"{lengths[odd[0]]} numbers"
        expected = f"{lengths[0]} numbers as in row 1" if lengths[0] > 0 else "a list of numbers"
        raise InputError(f"{where}: row {odd[0] + 1}", found, expected)
    parts: list[npt.NDArray[np.float32]] = []
    for chunk in column.chunks:  # never one array: its 32-bit offsets could overflow
        values = chunk.flatten()
        null = first_null(values)
        if null is not None:
            row = (sum(part.size for part in parts) + null) // int(lengths[0])
            raise InputError(f"{where}: row {row + 1}", "a null among the numbers", "finite numbers")
        with np.errstate(over="ignore"):  # what overflows becomes infinite, which the check of rows reports
            parts.append(np.asarray(values).astype(np.float32))
    return np.concatenate(parts).reshape(len(column), -1)

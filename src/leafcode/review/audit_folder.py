"""What an audit leaves on disk, read and checked for review."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leafcode.audit import KINDS
from leafcode.errors import InputError
from leafcode.serving.storage import read_json, read_table
from leafcode.taxonomy import Taxonomy
from leafcode.taxonomy.structure import beneath

FORMAT, VERSION = "leafcode audit", 1


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


class _Holds(NamedTuple):
    """What a column must hold."""

    words: str
    fits: Callable[[pa.DataType], bool]


_TEXT, _NUMBERS = _Holds("text", _is_text), _Holds("numbers", _is_number)
_WHOLE = _Holds("whole numbers", pa.types.is_integer)
_ANY = _Holds("values", lambda kind: True)  # checked where it is read
_COLUMNS = {
    "id": _TEXT,
    "text": _TEXT,
    "probability": _NUMBERS,
    "kind": _TEXT,
    "path": _TEXT,
    "suggested_path": _TEXT,
    "neighbors": _ANY,
    "item": _WHOLE,
}
_CATEGORY_COLUMNS = {"path": _TEXT, "kind": _TEXT, "other_path": _TEXT, "score": _NUMBERS}
_EVIDENCE = {"id": _TEXT, "similarity": _NUMBERS, "path": _TEXT}


@dataclass(frozen=True, eq=False)
class Evidence:
    """Similar items of every finding, one list after the other.

    Attributes:
        offsets: int64 (n + 1,): those of finding ``i`` are ``offsets[i], …, offsets[i + 1] - 1``.
        ids: Id of each similar item (m,).
        similarity: float64 (m,).
        nodes: int64 (m,), the node that each is filed at.
    """

    offsets: npt.NDArray[np.int64]
    ids: pa.ChunkedArray
    similarity: npt.NDArray[np.float64]
    nodes: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Audit:
    """The findings of an audit, most doubtful first, and where the catalogue lies; made by `read_audit`.

    Attributes:
        folder: The folder.
        source: Where the catalogue came from: the fields of `leafcode.pipeline.CatalogSource`.
        taxonomy: The tree; ``given``, ``suggested`` and the evidence are nodes of it.
        ids: Id per finding (n,).
        texts: Text per finding; None where the item has none.
        probability: float64 (n,), that the item is filed wrongly.
        kinds: int64 (n,), places in `leafcode.audit.KINDS`.
        given: int64 (n,), the node that the item is filed at.
        suggested: int64 (n,), the node where it seems to belong; -1 for none.
        items: int64 (n,), row in the catalogue, counted from 0.
        evidence: Similar items.
        categories: Findings about categories, or None where the audit has none.
    """

    folder: Path
    source: Mapping[str, Any]
    taxonomy: Taxonomy
    ids: list[str]
    texts: list[str | None]
    probability: npt.NDArray[np.float64]
    kinds: npt.NDArray[np.int64]
    given: npt.NDArray[np.int64]
    suggested: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]
    evidence: Evidence
    categories: pa.Table | None

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The finding of each item, by id."""
        return {identity: row for row, identity in enumerate(self.ids)}

    @cached_property
    def node_of(self) -> dict[str, int]:
        """The node of each key."""
        return {key: node for node, key in enumerate(self.taxonomy.keys)}

    @cached_property
    def filed(self) -> npt.NDArray[np.int64]:
        """int64 (nodes,), items filed at each node or beneath it."""
        return beneath(self.taxonomy, np.bincount(self.given, minlength=len(self.taxonomy)))


def read_audit(folder: str | Path) -> Audit:
    """Read the folder of an audit.

    Args:
        folder: Holds audit.json, findings.parquet and taxonomy.parquet, and possibly categories.parquet.

    Raises:
        InputError: A file is missing, damaged or of another version, or a row (counted from 1) does not hold
            what it must: an unknown kind, a path that is no node, a probability outside [0, 1], a repeated
            id.
    """
    folder = Path(folder)
    if not folder.is_dir():
        found = "a file" if folder.exists() else "no such folder"
        raise InputError(str(folder), found, "the folder of an audit")
    source = _read_source(folder / "audit.json")
    taxonomy = Taxonomy.from_table(read_table(folder / "taxonomy.parquet"), str(folder / "taxonomy.parquet"))
    where = str(folder / "findings.parquet")
    table = _with_columns(read_table(folder / "findings.parquet"), _COLUMNS, where)
    if table.num_rows == 0:
        raise InputError(where, "no finding", "at least one row", "No item of the catalogue has a category.")

    ids = table["id"].to_pylist()
    row_of = {identity: row for row, identity in enumerate(ids)}
    if len(row_of) < len(ids):
        row = next(row for row, identity in enumerate(ids) if row_of[identity] != row)
        raise InputError(f"{where}: row {row + 1}", f"the id {ids[row]!r}, which comes again", "unique ids")
    probability = _floats(table["probability"])
    _check_rows((probability >= 0) & (probability <= 1), table["probability"], where, "a number in [0, 1]")
    kinds = _floats(pc.index_in(table["kind"], value_set=pa.array(map(str, KINDS), table["kind"].type)))
    _check_rows(kinds >= 0, table["kind"], where, f"one of {', '.join(KINDS)}")
    items = _floats(table["item"])
    _check_rows(items >= 0, table["item"], where, "the row of an item, counted from 0")

    categories = None
    if (folder / "categories.parquet").exists():
        place = folder / "categories.parquet"
        categories = _with_columns(read_table(place), _CATEGORY_COLUMNS, str(place))
        for name in ("path", "other_path"):
            _nodes(categories[name], taxonomy, f"{place}: column {name!r}", nulls=name != "path")
    return Audit(
        folder=folder,
        source=source,
        taxonomy=taxonomy,
        ids=ids,
        texts=table["text"].to_pylist(),
        probability=probability,
        kinds=kinds.astype(np.int64),
        given=_nodes(table["path"], taxonomy, f"{where}: column 'path'", nulls=False),
        suggested=_nodes(table["suggested_path"], taxonomy, f"{where}: column 'suggested_path'", nulls=True),
        items=items.astype(np.int64),
        evidence=_read_evidence(table["neighbors"], taxonomy, f"{where}: column 'neighbors'"),
        categories=categories,
    )


def _read_source(path: Path) -> Mapping[str, Any]:
    about = read_json(path)
    given = (about.get("format"), about.get("version")) if isinstance(about, dict) else None
    if not isinstance(about, dict) or given != (FORMAT, VERSION):
        found = "no audit" if given is None or given[0] != FORMAT else f"version {given[1]}"
        raise InputError(str(path), found, f"an audit of format version {VERSION}")
    source = about.get("source")
    if not isinstance(source, dict) or not isinstance(source.get("items"), str | list):
        raise InputError(f"{path}: source", repr(source), "an object that names the catalogue as 'items'")
    if not (source.get("path_column") or source.get("category_column")):
        raise InputError(f"{path}: source", "neither of them", "a path_column or a category_column")
    return source


def _read_evidence(column: pa.ChunkedArray, taxonomy: Taxonomy, where: str) -> Evidence:
    kind = column.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    is_struct = is_list and pa.types.is_struct(kind.value_type)
    fields = {field.name: field.type for field in kind.value_type} if is_struct else {}
    if not all(name in fields and holds.fits(fields[name]) for name, holds in _EVIDENCE.items()):
        raise InputError(where, f"values of type {kind}", "lists of structs of id, similarity and path")
    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0), np.int64)
    each = pc.list_flatten(column)
    return Evidence(
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        ids=pc.struct_field(each, "id"),
        similarity=_floats(pc.struct_field(each, "similarity")),
        nodes=_nodes(pc.struct_field(each, "path"), taxonomy, where, nulls=False),
    )


def _with_columns(table: pa.Table, columns: Mapping[str, _Holds], where: str) -> pa.Table:
    for name, holds in columns.items():
        if table.column_names.count(name) != 1:
            raise InputError(where, f"the columns {', '.join(table.column_names)}", f"a column {name!r}")
        kind = table.schema.field(name).type
        if not holds.fits(kind):
            raise InputError(f"{where}: column {name!r}", f"values of type {kind}", holds.words)
    return table


def _floats(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Numbers, NaN for a null."""
    return np.asarray(pc.cast(column, pa.float64()).to_numpy(), np.float64)


def _check_rows(good: npt.NDArray[np.bool_], column: pa.ChunkedArray, where: str, expected: str) -> None:
    bad = np.flatnonzero(~good)  # a comparison with NaN is false, so that nulls are bad too
    if len(bad):
        raise InputError(f"{where}: row {bad[0] + 1}", repr(column[int(bad[0])].as_py()), expected)


def _nodes(column: pa.ChunkedArray, taxonomy: Taxonomy, where: str, *, nulls: bool) -> npt.NDArray[np.int64]:
    """Nodes of keys, -1 for a null."""
    known = pc.index_in(column, value_set=pa.array(taxonomy.keys, column.type))
    good = np.asarray(known.is_valid())
    if nulls:
        good |= np.asarray(column.is_null())
    _check_rows(good, column, where, "the key of a node of taxonomy.parquet")
    return np.asarray(pc.fill_null(known, -1), np.int64)

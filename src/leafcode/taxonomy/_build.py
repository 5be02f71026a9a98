"""From paths or a parent table to checked nodes in pre-order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leafcode.errors import FileRows, InputError, row_place
from leafcode.taxonomy._arrays import IntArray, LongArray, node_depths, preorder


class PathNodes(NamedTuple):
    """Nodes found in a list of paths, in pre-order.

    Attributes:
        names: Last segment of each node's path.
        parents: int32 (n,), -1 for a root.
        node_of_row: int32, the node of each input row, -1 for a null.
    """

    names: list[str]
    parents: IntArray
    node_of_row: IntArray


def nodes_from_paths(
    paths: Sequence[str | None] | pa.Array | pa.ChunkedArray, separator: str, where: str | FileRows
) -> PathNodes:
    """Split paths and number their nodes depth-first, siblings sorted by name (code-point order).

    Args:
        paths: One path per row, root first; None for a row without a category. As a PyArrow array of texts,
            possibly dictionary-encoded, none becomes a Python object.
        separator: Text between two segments; white space around segments is dropped.
        where: Place named in errors.

    Returns:
        The nodes and the node of every row.

    Raises:
        InputError: A row is not text, holds an empty segment, or no row holds a path.
    """
    column = text_array(paths, str(where))
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    path_of_row = np.asarray(coded.indices.fill_null(-1), np.int64)
    if len(coded.dictionary) == 0:
        raise InputError(
            str(where), "no category path in any row", "at least one path", "Drop the path column?"
        )
    parts = pc.split_pattern(coded.dictionary, pattern=separator)
    starts = np.asarray(parts.offsets, np.int64)
    segments = pc.utf8_trim_whitespace(parts.flatten())
    _check_segments(segments, starts, separator, column, path_of_row, where)

    distinct = segments.dictionary_encode()
    order = np.asarray(pc.array_sort_indices(distinct.dictionary), np.int64)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    segment = rank[np.asarray(distinct.indices, np.int64)]

    node_of_path = np.full(len(starts) - 1, -1, np.int64)
    parents: list[LongArray] = []
    ranks: list[LongArray] = []
    found = 0
    for depth in range(int(np.diff(starts).max())):
        paths_here = np.flatnonzero(np.diff(starts) > depth)
        # A node is its parent and its segment: one integer holds both, so unique() finds the nodes.
        pair = (node_of_path[paths_here] + 1) * len(order) + segment[starts[paths_here] + depth]
        unique, inverse = np.unique(pair, return_inverse=True)
        parents.append(unique // len(order) - 1)
        ranks.append(unique % len(order))
        node_of_path[paths_here] = found + inverse
        found += len(unique)

    parent, name_rank = np.concatenate(parents), np.concatenate(ranks)
    old = preorder(parent, name_rank)
    new = np.append(np.empty(found, np.int64), -1)  # the last place maps "no node" to itself
    new[old] = np.arange(found)
    sorted_names = distinct.dictionary.take(pa.array(order)).take(pa.array(name_rank[old])).to_pylist()
    node_of_row = new[np.append(node_of_path, -1)[path_of_row]]
    return PathNodes(sorted_names, new[parent[old]].astype(np.int32), node_of_row.astype(np.int32))


def joined_paths(names: Sequence[str], parents: IntArray, separator: str) -> list[str]:
    """Names from the root down to each node, joined; parents (n,), -1 for a root, before their children."""
    paths: list[str] = []
    for name, parent in zip(names, parents.tolist(), strict=True):
        paths.append(name if parent < 0 else paths[parent] + separator + name)
    return paths


class TableNodes(NamedTuple):
    """Nodes of a parent table, in pre-order: keys, names and parents as in `Taxonomy`."""

    keys: tuple[str, ...]
    names: tuple[str, ...]
    parents: IntArray


def nodes_from_table(
    ids: Sequence[str],
    parents: Sequence[str | None],
    names: Sequence[str],
    where: str,
    *,
    sort_siblings: bool,
) -> TableNodes:
    """Number the nodes of a parent table depth-first.

    Args:
        ids: A unique text per node.
        parents: The parent's id; None or an empty text for a root.
        names: Display names.
        where: Place named in errors.
        sort_siblings: Sort siblings by id (code-point order); otherwise they keep the order of their rows.

    Returns:
        The nodes.

    Raises:
        InputError: See `Taxonomy.from_parents`.
    """
    if not len(ids) == len(parents) == len(names) > 0:
        found = f"{len(ids)} ids, {len(parents)} parents, {len(names)} names"
        raise InputError(where, found, "at least one node, and the same number of each")
    id_array, parent_array, name_array = (text_array(column, where) for column in (ids, parents, names))
    check_filled(id_array, where, "id")
    check_filled(name_array, where, "name")
    check_unique(ids, where)
    is_root = np.asarray(pc.equal(pc.fill_null(parent_array, ""), ""))
    parent = np.asarray(pc.index_in(parent_array, value_set=id_array).fill_null(-1), np.int64)
    orphans = np.flatnonzero(~is_root & (parent < 0))
    if len(orphans):
        row = int(orphans[0])
        raise InputError(
            f"{where}: row {row + 1}",
            f"the parent {parents[row]!r} of {ids[row]!r}",
            "an id of the same table",
            f"{len(orphans)} row(s) name a parent that is missing.",
        )
    parent[is_root] = -1
    check_acyclic(parent, ids, where)
    rank = np.arange(len(ids))
    if sort_siblings:
        rank[np.asarray(pc.array_sort_indices(id_array), np.int64)] = np.arange(len(ids))
    old = preorder(parent, rank)
    new = np.append(np.empty(len(old), np.int64), -1)
    new[old] = np.arange(len(old))
    keys, texts = (tuple(column.take(pa.array(old)).to_pylist()) for column in (id_array, name_array))
    return TableNodes(keys, texts, new[parent[old]].astype(np.int32))


def text_array(values: Sequence[str | None] | pa.Array | pa.ChunkedArray, where: str) -> pa.Array:
    """Texts and nulls as a PyArrow ``large_string`` array; anything else is an InputError naming its row.

    A PyArrow array stays as it is, and one in chunks becomes one.
    """
    if isinstance(values, pa.ChunkedArray):
        return pa.concat_arrays(values.cast(pa.large_string()).chunks or [pa.array([], pa.large_string())])
    if isinstance(values, pa.Array):
        return values
    if isinstance(values, str):
        raise InputError(where, f"the text {values!r}", "a sequence of texts")
    try:
        return pa.array(values, type=pa.large_string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError) as error:
        odd = next((i for i, v in enumerate(values) if not (v is None or _is_text(v))), None)
        if odd is None:
            raise
        raise InputError(f"{where}: row {odd + 1}", repr(values[odd]), "text or None") from error


def _is_text(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


def _check_segments(
    segments: pa.Array,
    starts: LongArray,
    separator: str,
    column: pa.Array,
    path_of_row: LongArray,
    where: str | FileRows,
) -> None:
    bad = pc.equal(segments, "")
    bare = separator.strip()
    if bare and bare != separator:  # "A > > B" leaves the segment "> B": an empty name in disguise
        bad = pc.or_(bad, pc.equal(segments, bare))
        bad = pc.or_(bad, pc.starts_with(segments, pattern=bare + " "))
        bad = pc.or_(bad, pc.ends_with(segments, pattern=" " + bare))
    places = np.flatnonzero(np.asarray(bad))
    if len(places) == 0:
        return
    path = int(np.searchsorted(starts, places[0], side="right")) - 1
    row = int(np.flatnonzero(path_of_row == path)[0])
    text = column[row].as_py()
    found = f"an empty segment in {text!r}" if text.strip() else "an empty path"
    raise InputError(
        row_place(where, row),
        found,
        f"names joined by {separator!r}",
        "Use a null for an item without a category.",
    )


def check_filled(column: pa.Array, where: str, what: str) -> None:
    """Raise an InputError naming the first row that is null or an empty text."""
    empty = np.flatnonzero(np.asarray(pc.equal(pc.fill_null(column, ""), "")))
    if len(empty):
        raise InputError(f"{where}: row {empty[0] + 1}", f"an empty {what}", f"the {what} of a node")


def check_unique(keys: Sequence[str], where: str) -> None:
    """Raise an InputError naming the first key that repeats, and its rows."""
    if len(set(keys)) == len(keys):
        return
    first: dict[str, int] = {}
    for row, key in enumerate(keys):
        if key in first:
            raise InputError(
                where, f"the id {key!r} in rows {first[key] + 1} and {row + 1}", "a unique id per node"
            )
        first[key] = row


def first_cycle(parents: npt.NDArray[np.int64]) -> list[int]:
    """Rows of a cycle from child to parent, none if there is no cycle; parents (n,) are rows, -1 for a root.

    Example:
        >>> first_cycle(np.array([1, 2, 1, -1]))
        [1, 2]
    """
    lost = np.flatnonzero(node_depths(parents) == 0)
    if len(lost) == 0:
        return []
    row = int(lost[0])
    seen: dict[int, int] = {}
    while row not in seen:
        seen[row] = len(seen)
        row = int(parents[row])
    return [each for each, step in seen.items() if step >= seen[row]]


def check_acyclic(parents: npt.NDArray[np.int64], ids: Sequence[str], where: str) -> None:
    """Raise an InputError listing the nodes of a cycle; parents (n,) are rows, -1 for a root."""
    cycle = [ids[row] for row in first_cycle(parents)]
    if not cycle:
        return
    shown = " -> ".join(map(repr, [*cycle[:10], *(["…"] if len(cycle) > 10 else []), cycle[0]]))
    raise InputError(where, f"a cycle of {len(cycle)} node(s): {shown}", "every node to lead up to a root")

"""The category tree as immutable arrays, numbered depth-first."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from leafcode.errors import FileRows, InputError, row_place
from leafcode.taxonomy._arrays import IntArray, ancestor_matrix, levels, node_depths, subtree_sizes
from leafcode.taxonomy._build import check_unique, joined_paths, nodes_from_paths, nodes_from_table

MAX_DEPTH = 1024
"""Deepest tree accepted. The ancestor matrix takes 4 · nodes · depth bytes; published trees stay below 20."""


@dataclass(frozen=True, eq=False, repr=False)
class Taxonomy:
    """A category tree, or several trees side by side (a forest).

    Nodes are numbered depth-first (pre-order): a parent comes before its children, and the subtree of node
    ``v`` is the contiguous range ``v, …, end[v] - 1``. Several roots hang from a *virtual root* of depth 0,
    which is not a node. All arrays are read-only.

    Usually made by `from_paths`, `from_parents` or a reader; the constructor takes nodes that already stand
    in pre-order and checks that they do.

    Args:
        keys: A unique, non-empty text per node: the joined path, or the node id of a parent table.
        names: A display name per node; names may repeat.
        parents: Integers (n,), the parent of each node, -1 for a root.

    Attributes:
        keys: See above.
        names: See above.
        parents: int32 (n,).
        depths: int32 (n,), 1 for a root.
        end: int32 (n,), one past the last node of each subtree.
        ancestors: int32 (n, max_depth): ``ancestors[v, d - 1]`` is the ancestor of ``v`` at depth ``d``
            (``v`` itself at its own depth), -1 below that depth.

    Raises:
        InputError: Lengths differ, a key repeats, the order is not a pre-order, there is no node, or the tree
            is deeper than `MAX_DEPTH`.

    Example:
        >>> tree = Taxonomy(("a", "a1", "a2", "b"), ("A", "One", "Two", "B"), np.array([-1, 0, 0, -1]))
        >>> tree
        Taxonomy(4 nodes, 3 leaves, 2 roots, depth 2)
        >>> tree.end.tolist(), tree.ancestors.tolist()
        ([3, 2, 3, 4], [[0, -1], [0, 1], [0, 2], [3, -1]])
    """

    keys: tuple[str, ...]
    names: tuple[str, ...]
    parents: IntArray
    depths: IntArray = field(init=False)
    end: IntArray = field(init=False)
    ancestors: IntArray = field(init=False)

    def __post_init__(self) -> None:
        n = len(self.keys)
        parents = np.array(self.parents)  # a copy: the caller's array must not be able to change the tree
        if n == 0 or len(self.names) != n or parents.shape != (n,):
            found = f"{n} keys, {len(self.names)} names, parents of shape {parents.shape}"
            raise InputError("taxonomy", found, "at least one node, and the same number of each")
        check_unique(self.keys, "taxonomy")
        in_order = np.issubdtype(parents.dtype, np.integer) and bool(
            (parents < np.arange(n)).all() and (parents >= -1).all()
        )
        if not in_order:
            raise InputError("taxonomy: parents", "a parent after its child", "integers in [-1, own id)")
        parents = parents.astype(np.int32)
        depths = node_depths(parents)
        if int(depths.max()) > MAX_DEPTH:
            raise InputError("taxonomy", f"a tree of depth {depths.max()}", f"a depth of at most {MAX_DEPTH}")
        by_level = levels(depths)
        ancestors = ancestor_matrix(parents, depths, by_level)
        # Pre-order: what precedes a node lies inside its parent's subtree.
        inner = np.flatnonzero(parents >= 0)
        if bool((ancestors[inner - 1, depths[inner] - 2] != parents[inner]).any()):
            raise InputError("taxonomy: parents", "a subtree in pieces", "nodes in depth-first order")
        end = (np.arange(n) + subtree_sizes(parents, by_level)).astype(np.int32)
        arrays = {"parents": parents, "depths": depths, "end": end, "ancestors": ancestors}
        for name, array in arrays.items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "keys", tuple(self.keys))
        object.__setattr__(self, "names", tuple(self.names))

    @classmethod
    def from_paths(
        cls,
        paths: Sequence[str | None] | pa.Array | pa.ChunkedArray,
        separator: str = " > ",
        where: str | FileRows = "path",
    ) -> tuple[Taxonomy, IntArray]:
        """Build a tree from one category path per item, and find every item's node.

        Inner nodes are created where paths pass through them. Siblings are sorted by name (code-point
        order), so the same set of paths gives the same tree whatever the order of the rows. White space
        around names is dropped.

        Args:
            paths: Root to leaf, e.g. ``"Pantry > Spices"``; None for an unlabelled item. A PyArrow array of
                texts, possibly dictionary-encoded, is taken as it is.
            separator: Text between two names.
            where: Place named in errors, e.g. ``"items.csv: column 'path'"``.

        Returns:
            The tree, whose keys are the joined paths, and int32 (len(paths),): each item's node, -1 for None.

        Raises:
            InputError: Naming the row (counted from 1): an empty path, an empty name between separators, or
                a value that is not text. Also if every path is None.

        Example:
            >>> tree, nodes = Taxonomy.from_paths(["Pantry > Spices", "Dairy", None, "Pantry > Oils"])
            >>> tree.keys
            ('Dairy', 'Pantry', 'Pantry > Oils', 'Pantry > Spices')
            >>> nodes.tolist()
            [3, 0, -1, 2]
        """
        if not separator:
            raise InputError("separator", "an empty text", "the text between two names, such as ' > '")
        found = nodes_from_paths(paths, separator, where)
        keys = tuple(joined_paths(found.names, found.parents, separator))
        return cls(keys, tuple(found.names), found.parents), found.node_of_row

    @classmethod
    def from_parents(
        cls,
        ids: Sequence[str],
        parents: Sequence[str | None],
        names: Sequence[str] | None = None,
        where: str = "parent table",
    ) -> Taxonomy:
        """Build a tree from a table of nodes and their parents, rows in any order.

        Siblings are sorted by id (code-point order), so the order of the rows does not matter.

        Args:
            ids: A unique text per node.
            parents: The parent's id; None or an empty text for a root.
            names: Display names; the ids if left out.
            where: Place named in errors.

        Returns:
            The tree, whose keys are the ids.

        Raises:
            InputError: A duplicate or empty id, a parent that is no id (naming the row, counted from 1), or a
                cycle (listing its nodes).

        Example:
            >>> tree = Taxonomy.from_parents(["A00", "ch1", "A01"], ["ch1", None, "ch1"])
            >>> tree.keys, tree.parents.tolist()
            (('ch1', 'A00', 'A01'), [-1, 0, 0])
        """
        shown = ids if names is None else names
        return cls(*nodes_from_table(ids, parents, shown, where, sort_siblings=True))

    def __len__(self) -> int:
        return len(self.keys)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Taxonomy):
            return NotImplemented
        same_text = self.keys == other.keys and self.names == other.names
        return same_text and np.array_equal(self.parents, other.parents)

    def __hash__(self) -> int:
        return hash((self.keys, self.parents.tobytes()))

    def __repr__(self) -> str:
        roots, leaves = int((self.parents < 0).sum()), int(self.is_leaf.sum())
        return f"Taxonomy({len(self):,} nodes, {leaves:,} leaves, {roots:,} roots, depth {self.max_depth})"

    @property
    def max_depth(self) -> int:
        """Depth of the deepest node; a tree of roots only has depth 1."""
        return int(self.ancestors.shape[1])

    @cached_property
    def is_leaf(self) -> npt.NDArray[np.bool_]:
        """Bool (n,): nodes without children. Read-only."""
        leaf: npt.NDArray[np.bool_] = self.end == np.arange(len(self)) + 1
        leaf.flags.writeable = False
        return leaf

    @cached_property
    def _family(self) -> tuple[IntArray, npt.NDArray[np.int64]]:
        """Nodes sorted by parent, and the place where the children of parent p start, at index p + 1."""
        order = np.argsort(self.parents, kind="stable").astype(np.int32)
        order.flags.writeable = False
        return order, np.searchsorted(self.parents[order], np.arange(-1, len(self) + 1))

    @cached_property
    def _index(self) -> dict[str, int]:
        return {key: node for node, key in enumerate(self.keys)}

    def children(self, node: int) -> IntArray:
        """Children of a node in order, or the roots for ``node = -1`` (the virtual root).

        Returns:
            int32 (number of children,), read-only.

        Example:
            >>> Taxonomy(("a", "a1", "a2", "b"), ("",) * 4, np.array([-1, 0, 0, -1])).children(0).tolist()
            [1, 2]
        """
        if not -1 <= node < len(self):
            raise InputError("node", str(node), f"a node id in [0, {len(self)}), or -1 for the roots")
        order, start = self._family
        return order[start[node + 1] : start[node + 2]]

    def path(self, node: int) -> tuple[str, ...]:
        """Names from the root down to a node.

        Example:
            >>> tree, _ = Taxonomy.from_paths(["Pantry > Spices > Salt"])
            >>> tree.path(2)
            ('Pantry', 'Spices', 'Salt')
        """
        if not 0 <= node < len(self):
            raise InputError("node", str(node), f"a node id in [0, {len(self)})")
        return tuple(self.names[v] for v in self.ancestors[node].tolist() if v >= 0)

    def paths(self, separator: str = " > ") -> list[str]:
        """Names from the root down to every node, joined; see `path`.

        Example:
            >>> Taxonomy.from_paths(["Pantry > Spices"])[0].paths(" / ")
            ['Pantry', 'Pantry / Spices']
        """
        return joined_paths(self.names, self.parents, separator)

    def find(self, key: str) -> int:
        """Node id of a key.

        Raises:
            InputError: No node has this key; the hint names the keys most like it.

        Example:
            >>> tree, _ = Taxonomy.from_paths(["Pantry > Spices"])
            >>> tree.find("Pantry > Spices")
            1
        """
        return int(self.find_all([key])[0])

    def find_all(self, keys: Sequence[str | None] | pa.Array, where: str | FileRows = "key") -> IntArray:
        """Node ids of many keys, or of a PyArrow array of them: int32 (len(keys),), -1 for None.

        Raises:
            InputError: A key is not in the tree, naming its row (counted from 1) and the keys most like it.
        """
        if isinstance(keys, pa.Array):
            coded = keys if pa.types.is_dictionary(keys.type) else keys.dictionary_encode()
            known = [self._index.get(key, -2) for key in coded.dictionary.to_pylist()]
            node: IntArray = np.array([*known, -1], np.int32)[np.asarray(coded.indices.fill_null(len(known)))]
            unknown = np.flatnonzero(node == -2)
            if len(unknown) == 0:
                return node
            where = row_place(where, int(unknown[0]))
            keys = [keys[int(unknown[0])].as_py()]
        index = self._index
        try:
            return np.array([-1 if key is None else index[key] for key in keys], np.int32)
        except KeyError:
            row = next(i for i, key in enumerate(keys) if key is not None and key not in index)
        place = str(where) if len(keys) == 1 else row_place(where, row)
        close = difflib.get_close_matches(str(keys[row]), self.keys, n=3)
        hint = f"Did you mean {' or '.join(map(repr, close))}?" if close else None
        raise InputError(place, repr(keys[row]), "the key of a node of the taxonomy", hint)

    def to_table(self) -> pa.Table:
        """The tree as a ``pyarrow.Table`` with columns key, parent_key (null for a root) and name.

        Rows stand in node order, so that `from_table` gives back an equal tree.

        Example:
            >>> Taxonomy.from_paths(["A > B"])[0].to_table().to_pylist()[1]
            {'key': 'A > B', 'parent_key': 'A', 'name': 'B'}
        """
        keys = pa.array(self.keys, type=pa.string())
        parent_keys = keys.take(pa.array(self.parents, mask=self.parents < 0))
        return pa.table({"key": keys, "parent_key": parent_keys, "name": pa.array(self.names, pa.string())})

    @classmethod
    def from_table(cls, table: pa.Table, where: str = "taxonomy table") -> Taxonomy:
        """Build a tree from what `to_table` returned; siblings keep the order of their rows.

        Raises:
            InputError: A column is missing, or the rows do not form a tree (see `from_parents`).
        """
        missing = [name for name in ("key", "parent_key", "name") if name not in table.column_names]
        if missing:
            raise InputError(where, f"the columns {table.column_names}", f"a column {missing[0]!r}")
        keys, parents, names = (table[name].to_pylist() for name in ("key", "parent_key", "name"))
        return cls(*nodes_from_table(keys, parents, names, where, sort_siblings=False))

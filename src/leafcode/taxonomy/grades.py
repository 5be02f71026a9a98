"""Relevance grades: how much two categories count as alike, read off the tree."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError
from leafcode.taxonomy._arrays import array_module

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Grades:
    """A table of relevance grades in [0, 1] for pairs of categories; 0 is a negative pair.

    Two kinds of table, both non-increasing with distance in the tree:

    - ``by_distance``: by the height of the lowest common ancestor above the deeper node, as in the three pair
      classes same leaf / sibling leaves / rest. Pairs with no shared ancestor are always negative.
    - ``by_depth``: by the depth of the lowest common ancestor, for trees of uneven depth, as the ranks
      in Rank-N-Contrast (Zha et al., 2023) and the levels in HMLC (Zhang et al., 2022).

    Pairs that the tree leaves open are NaN and take part in nothing: a category and one of its proper
    ancestors (an item filed on an inner node may belong to the finer category, so it is neither pulled nor
    pushed), and any pair with an unlabelled item.

    Args:
        kind: ``"distance"`` or ``"depth"``.
        table: Grades by distance from 0, or by depth from 0; see `by_distance` and `by_depth`.

    Raises:
        InputError: A grade outside its range, or grades that rise with distance.

    Example:
        >>> Grades.default()
        Grades(kind='distance', table=(1.0, 0.5))
        >>> a_b, a_c, d = [0, 1], [0, 2], [3, -1]
        >>> Grades.default().matrix(np.array([a_b, a_b, a_c, d])).tolist()[0]
        [1.0, 1.0, 0.5, 0.0]
    """

    kind: Literal["distance", "depth"]
    table: tuple[float, ...]

    def __post_init__(self) -> None:
        table = tuple(float(grade) for grade in self.table)
        object.__setattr__(self, "table", table)
        found = ", ".join(f"{grade:g}" for grade in table) or "no grade"
        if self.kind == "distance":
            in_range = all(0 < grade <= 1 for grade in table)
            ordered = all(near >= far for near, far in itertools.pairwise(table))
            if not (table and in_range and ordered):
                raise InputError("grades", found, "grades in (0, 1], the first largest, such as 1, 0.5")
        elif self.kind == "depth":
            in_range = all(0 <= grade <= 1 for grade in table)
            ordered = all(high <= low for high, low in itertools.pairwise(table))
            if not (table and in_range and ordered and table[0] == 0):
                raise InputError("grades", found, "0, then grades in [0, 1] that do not fall with depth")
        else:
            raise InputError("grades: kind", repr(self.kind), "'distance' or 'depth'")

    @classmethod
    def by_distance(cls, table: Sequence[float]) -> Grades:
        """Grades by distance: ``table[h]`` for categories that meet ``h`` steps above the deeper of the two.

        Args:
            table: In (0, 1], non-increasing: same category, siblings, cousins, …; beyond the table 0.

        Example:
            >>> Grades.by_distance((1.0, 0.5, 0.25)).levels
            (0.25, 0.5, 1.0)
        """
        return cls("distance", tuple(table))

    @classmethod
    def by_depth(cls, table: int | Sequence[float]) -> Grades:
        """Grades by depth: ``table[d]`` for categories whose lowest common ancestor has depth ``d``.

        Args:
            table: In [0, 1], non-decreasing, starting with 0 for no shared ancestor; or the depth D of the
                tree for the linear table d / D. The same category always has grade 1.

        Example:
            >>> Grades.by_depth(4).levels
            (0.25, 0.5, 0.75, 1.0)
        """
        if isinstance(table, int):
            if table < 1:
                raise InputError("grades: max_depth", str(table), "a depth of at least 1")
            table = [depth / table for depth in range(table + 1)]
        return cls("depth", tuple(table))

    @classmethod
    def default(cls) -> Grades:
        """The three classes: same category 1, siblings 0.5, anything else negative."""
        return cls.by_distance((1.0, 0.5))

    @classmethod
    def parse(cls, text: str, max_depth: int | None = None) -> Grades:
        """Grades from a line of text.

        Args:
            text: Comma-separated grades by distance (``"1,0.5"``), or ``"depth"`` for the linear table by
                depth, which needs ``max_depth``.
            max_depth: Depth of the tree.

        Raises:
            InputError: The text is neither, or ``"depth"`` comes without ``max_depth``.

        Example:
            >>> Grades.parse("1, 0.5, 0.25").table
            (1.0, 0.5, 0.25)
            >>> Grades.parse("depth", max_depth=2).table
            (0.0, 0.5, 1.0)
        """
        if text.strip() == "depth":
            if max_depth is None:
                raise InputError("grades", "'depth' without the depth of a tree", "max_depth")
            return cls.by_depth(max_depth)
        try:
            return cls.by_distance([float(part) for part in text.split(",")])
        except ValueError as error:
            if isinstance(error, InputError):
                raise
            expected = "'depth', or numbers joined by commas such as '1,0.5'"
            raise InputError("grades", repr(text), expected) from error

    @property
    def levels(self) -> tuple[float, ...]:
        """The distinct positive grades, ascending."""
        same = (1.0,) if self.kind == "depth" else ()
        return tuple(sorted({grade for grade in (*self.table, *same) if grade > 0}))

    @overload
    def matrix(
        self,
        ancestors_a: npt.NDArray[np.integer[Any]],
        ancestors_b: npt.NDArray[np.integer[Any]] | None = None,
    ) -> npt.NDArray[np.float32]: ...

    @overload
    def matrix(self, ancestors_a: torch.Tensor, ancestors_b: torch.Tensor | None = None) -> torch.Tensor: ...

    def matrix(self, ancestors_a: Any, ancestors_b: Any = None) -> Any:
        """Relevance of every pair of items, from the ancestor rows of their categories.

        Takes NumPy arrays or torch tensors and answers in kind, on the same device. Memory is a few arrays
        of the size of the result; the loop runs over depths.

        Args:
            ancestors_a: Integers (A, D), rows of ``Taxonomy.ancestors``; all -1 for an unlabelled item.
            ancestors_b: Integers (B, D); ``ancestors_a`` if left out.

        Returns:
            float32 (A, B): grades in [0, 1]; NaN where one category is a proper ancestor of the other or an
            item is unlabelled.

        Raises:
            InputError: Shapes do not fit, or a table by depth is too short for D.

        Example:
            >>> rows = np.array([[0, 1, 2], [0, 1, 3], [0, 4, -1], [0, -1, -1], [-1, -1, -1]])
            >>> Grades.by_depth((0, 0.25, 0.5)).matrix(rows[:1], rows).tolist()
            [[1.0, 0.5, 0.25, nan, nan]]
        """
        rows_a, rows_b = ancestors_a, ancestors_a if ancestors_b is None else ancestors_b
        if rows_a.ndim != 2 or rows_b.ndim != 2 or rows_a.shape[1] != rows_b.shape[1]:
            found = f"shapes {tuple(rows_a.shape)} and {tuple(rows_b.shape)}"
            raise InputError("ancestors", found, "(A, D) and (B, D)")
        xp, table = self._backend(rows_a, int(rows_a.shape[1]))

        # 32-bit throughout: the arrays of pairs are what takes the time.
        depth_a = (rows_a >= 0).sum(1, dtype=xp.int32)[:, None]
        depth_b = (rows_b >= 0).sum(1, dtype=xp.int32)[None, :]
        rows_b = xp.where(rows_b < 0, -2, rows_b)  # so that padding meets no padding
        shared = xp.zeros_like(depth_a + depth_b)
        for depth in range(rows_a.shape[1]):
            shared += rows_a[:, depth, None] == rows_b[None, :, depth]

        if self.kind == "distance":
            relevance = table[xp.maximum(depth_a, depth_b) - shared]
            relevance = xp.where(shared > 0, relevance, xp.zeros_like(relevance))
        else:
            same = (shared == depth_a) & (shared == depth_b)
            relevance = table[shared]
            relevance = xp.where(same, xp.ones_like(relevance), relevance)
        # A proper ancestor shares its whole path with its descendant; an unlabelled row has depth 0.
        shallower = xp.minimum(depth_a, depth_b)
        left_open = (shallower == 0) | ((shared == shallower) & (depth_a != depth_b))
        return xp.where(left_open, xp.full_like(relevance, math.nan), relevance)

    def along_paths(self, ancestors: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.float32]:
        """Grade of every ancestor of an item: that of two items of its category which meet there.

        Args:
            ancestors: Integers (n, D), rows of ``Taxonomy.ancestors``; all -1 for an unlabelled item.

        Returns:
            float32 (n, D): column d - 1 for depth d; 0 below the depth of the category.

        Raises:
            InputError: A table by depth is too short for D.

        Example:
            >>> rows = np.array([[0, 1, 2], [0, 4, -1], [-1, -1, -1]])
            >>> Grades.default().along_paths(rows).tolist()
            [[0.0, 0.5, 1.0], [0.5, 1.0, 0.0], [0.0, 0.0, 0.0]]
        """
        _, table = self._backend(ancestors, ancestors.shape[1])
        own = (ancestors >= 0).sum(1)[:, None]
        depth = np.arange(1, ancestors.shape[1] + 1)
        grades = table[np.abs(own - depth)] if self.kind == "distance" else table[depth][None]
        grades = np.where(depth == own, 1 if self.kind == "depth" else table[0], grades)
        return np.asarray(np.where(depth <= own, grades, 0), np.float32)

    def _backend(self, rows: npt.NDArray[Any] | torch.Tensor, max_depth: int) -> tuple[Any, Any]:
        """The array module of ``rows``, and the table as its float32 array with max_depth + 1 entries."""
        if self.kind == "distance":
            table = (*self.table, *[0.0] * (max_depth + 1))[: max_depth + 1]
        elif len(self.table) >= max_depth:
            # At depth D only a category meets itself, and that pair has grade 1 anyway.
            table = (*self.table, 1.0)[: max_depth + 1]
        else:
            found = f"a table by depth up to {len(self.table) - 1}"
            raise InputError("grades", found, f"grades up to depth {max_depth - 1} for a tree this deep")
        xp: Any = array_module(rows, "ancestors")
        if xp is np:
            return np, np.array(table, np.float32)
        return xp, xp.tensor(table, dtype=xp.float32, device=rows.device)

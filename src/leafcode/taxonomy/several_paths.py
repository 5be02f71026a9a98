"""Items that stand at several places of the tree: their places, and relevance over all of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError
from leafcode.taxonomy._arrays import IntArray, array_module
from leafcode.taxonomy.grades import Grades
from leafcode.taxonomy.tree import Taxonomy

if TYPE_CHECKING:
    import torch

    Array = npt.NDArray[Any] | torch.Tensor


def places_from_paths(
    paths: Sequence[Sequence[str] | str | None], separator: str = " > ", where: str = "paths"
) -> tuple[Taxonomy, IntArray]:
    """Build a tree from items with any number of category paths, and find every item's places in it.

    Args:
        paths: Of each item one path (text), a list of paths, or None; an empty list is None.
        separator: Text between two names of a path; see `Taxonomy.from_paths`.
        where: Place named in errors.

    Returns:
        The tree, and its places: int32 (n, P), the nodes of each item in the order of its paths, each once,
        padded with -1. P is the largest number of places of an item.

    Raises:
        InputError: A path is not text, empty, or has an empty name in it, naming the item's row (counted
            from 1). Also if no item has a path.

    Example:
        >>> tree, places = places_from_paths([["Bath > Soap", "Gifts"], "Bath > Oil", None])
        >>> tree.keys
        ('Bath', 'Bath > Oil', 'Bath > Soap', 'Gifts')
        >>> places.tolist()
        [[2, 3], [1, -1], [-1, -1]]
    """
    lists = listed(paths, where)
    item, flat = _flat(lists)
    with _naming_items(item, where):
        tree, nodes = Taxonomy.from_paths(flat, separator, where)
    return tree, padded_places(item, nodes, len(lists))


def places_from_keys(
    taxonomy: Taxonomy, keys: Sequence[Sequence[str] | str | None], where: str = "keys"
) -> IntArray:
    """Places of items in a tree that is there already; see `places_from_paths`.

    Args:
        taxonomy: The tree.
        keys: Of each item one key of a node (text), a list of keys, or None; an empty list is None.
        where: Place named in errors.

    Returns:
        int32 (n, P), the nodes of each item in the order of its keys, each once, padded with -1.

    Raises:
        InputError: A key is not in the tree, naming the item's row (counted from 1).

    Example:
        >>> tree, _ = Taxonomy.from_paths(["Bath > Soap", "Gifts"])
        >>> places_from_keys(tree, [["Gifts", "Bath > Soap"], None]).tolist()
        [[2, 1], [-1, -1]]
    """
    lists = listed(keys, where)
    item, flat = _flat(lists)
    with _naming_items(item, where):
        nodes = taxonomy.find_all([*flat, None], where)[:-1]  # of more than one key, errors name the row
    return padded_places(item, nodes, len(lists))


@overload
def relevance_over_paths(
    grades: Grades,
    ancestors_a: npt.NDArray[np.integer[Any]],
    ancestors_b: npt.NDArray[np.integer[Any]] | None = None,
    how: Literal["best", "mean"] = "best",
) -> npt.NDArray[np.float32]: ...


@overload
def relevance_over_paths(
    grades: Grades,
    ancestors_a: torch.Tensor,
    ancestors_b: torch.Tensor | None = None,
    how: Literal["best", "mean"] = "best",
) -> torch.Tensor: ...


def relevance_over_paths(
    grades: Grades, ancestors_a: Any, ancestors_b: Any = None, how: Literal["best", "mean"] = "best"
) -> Any:
    """Relevance of every pair of items, each of which may stand at several places.

    Every path of one item is graded against every path of the other by `Grades.matrix`. Then:

    - ``"best"``: the highest grade counts. Two items are as alike as their closest places. A pair of paths
      that the tree leaves open may be a close one, so where no grade is positive, it leaves the items open.
    - ``"mean"``: the best match of each path of one item among the other's paths, averaged over its paths,
      and over both directions: the best-match average of semantic similarity over ontologies (Pesquita et
      al., "Metrics for GO based protein semantic similarity", BMC Bioinformatics 2008). Items with the same
      places have relevance 1, and a place that the other lacks lowers it. A path whose best match is open
      is left out of the average. Values lie between the grades: a loss takes a pair for the highest grade
      that it reaches.

    So an item filed on ``Pantry`` and on ``Gifts`` is no negative for one that is filed on ``Pantry > Salt``
    and on ``Toys``: both may hold salt.

    Takes NumPy arrays or torch tensors and answers in kind, on the same device. The loop runs over pairs of
    paths, P_a · P_b of them; memory is about P_a + P_b arrays of the size of the result.

    Args:
        grades: How alike two places are.
        ancestors_a: Integers (A, P_a, D) from `ancestor_rows`; all -1 where an item has no more paths.
        ancestors_b: Integers (B, P_b, D); ``ancestors_a`` if left out.
        how: ``"best"`` or ``"mean"``.

    Returns:
        float32 (A, B) in [0, 1]; NaN where the relation is open, by either way the same pairs. With one path
        per item this is ``grades.matrix``.

    Raises:
        InputError: Shapes do not fit, ``how`` is neither, or see `Grades.matrix`.

    Example:
        >>> from leafcode.taxonomy import ancestor_rows
        >>> tree, places = places_from_paths([["A > x", "B > z"], "A > x", "A > y"])
        >>> rows = ancestor_rows(tree, places)
        >>> relevance_over_paths(Grades.default(), rows)[0].tolist()
        [1.0, 1.0, 0.5]
        >>> relevance_over_paths(Grades.default(), rows, how="mean")[0].tolist()
        [1.0, 0.75, 0.375]
    """
    rows_a, rows_b = ancestors_a, ancestors_a if ancestors_b is None else ancestors_b
    shapes = tuple(rows_a.shape), tuple(rows_b.shape)
    fits = len(shapes[0]) == len(shapes[1]) == 3 and shapes[0][2] == shapes[1][2]
    if not fits or shapes[0][1] * shapes[1][1] == 0:
        raise InputError(
            "ancestors", f"shapes {shapes[0]} and {shapes[1]}", "(A, P, D) and (B, P, D), P at least 1"
        )
    if how not in ("best", "mean"):
        raise InputError("how", repr(how), "'best' or 'mean'")
    xp = array_module(rows_a, "ancestors")

    # best_a[p]: of the p-th path of a, its best match in b. NaN only where one of the two is no path.
    best_a: list[Any] = [None] * shapes[0][1]
    best_b: list[Any] = [None] * shapes[1][1]
    is_path_a, is_path_b = (rows_a >= 0).any(2), (rows_b >= 0).any(2)
    for p in range(shapes[0][1]):
        for q in range(shapes[1][1]):
            pair = grades.matrix(rows_a[:, p], rows_b[:, q])
            pair = _ranked(xp, pair, is_path_a[:, p, None] & is_path_b[:, q])
            best_a[p] = pair if best_a[p] is None else xp.fmax(best_a[p], pair)
            best_b[q] = pair if best_b[q] is None else xp.fmax(best_b[q], pair)
    best = best_a[0]
    for of_path in best_a[1:]:
        best = xp.fmax(best, of_path)
    best = _graded(xp, best)
    if how == "best" or len(best_a) == len(best_b) == 1:
        return best
    mean = (_mean_of_graded(xp, best_a) + _mean_of_graded(xp, best_b)) / 2
    return xp.minimum(mean, best)  # a mean of equal grades must not exceed them by a rounding error


def listed(values: Sequence[Sequence[str] | str | None], where: str) -> list[list[str]]:
    """One text, a list of texts or None per item, as a list of texts per item.

    Raises:
        InputError: Something else, naming the row (counted from 1).

    Example:
        >>> listed(["A", None, ("A", "B")], "paths")
        [['A'], [], ['A', 'B']]
    """
    known = (str, Sequence, np.ndarray, type(None))
    odd = next((row for row, item in enumerate(values, start=1) if not isinstance(item, known)), None)
    if odd is not None:
        raise InputError(f"{where}: row {odd}", repr(values[odd - 1]), "a text, a list of texts, or None")
    return [[] if item is None else [item] if isinstance(item, str) else list(item) for item in values]


def padded_places(item: npt.NDArray[np.int64], node: npt.NDArray[np.integer[Any]], items: int) -> IntArray:
    """Places of items as rows of equal length.

    Args:
        item: Integers (m,), ascending: whose place it is.
        node: Integers (m,): the node.
        items: Number of items.

    Returns:
        int32 (items, P): each item's nodes in order, each once, padded with -1; P is at least 1.

    Example:
        >>> padded_places(np.array([0, 0, 0, 2]), np.array([7, 4, 7, 5]), 3).tolist()
        [[7, 4], [-1, -1], [5, -1]]
    """
    if not len(item):
        return np.full((items, 1), -1, np.int32)
    _, first = np.unique(item * (int(node.max()) + 1) + node, return_index=True)
    first = np.sort(first)
    item, node = item[first], node[first]
    column = np.arange(len(item)) - np.searchsorted(item, item)
    places = np.full((items, int(column.max()) + 1), -1, np.int32)
    places[item, column] = node
    return places


def _flat(lists: list[list[str]]) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Whose each text is, and the texts; a null within a list names nothing, and as a text gets an error."""
    item = np.repeat(np.arange(len(lists)), [len(texts) for texts in lists])
    return item, ["" if text is None else text for texts in lists for text in texts]


@contextmanager
def _naming_items(item: npt.NDArray[np.int64], where: str) -> Iterator[None]:
    """Errors that name the row of a text name that of its item."""
    try:
        yield
    except InputError as error:
        row = error.where.removeprefix(f"{where}: row ")
        if not row.isdecimal():
            raise
        place = f"{where}: row {item[int(row) - 1] + 1}"
        raise InputError(place, error.found, error.expected, error.hint) from error


def _ranked(xp: ModuleType, relevance: Array, are_paths: Array) -> Array:
    """Relevance such that the greatest is the best: 0 where it is open, beneath that -1 for a negative."""
    below = xp.where(relevance == 0, xp.full_like(relevance, -1), relevance)
    ranked: Array = xp.where(xp.isnan(relevance) & are_paths, xp.zeros_like(relevance), below)
    return ranked


def _graded(xp: ModuleType, ranked: Array) -> Array:
    """Relevance again: NaN where it is open, 0 for a negative."""
    graded: Array = xp.where(ranked == 0, xp.full_like(ranked, math.nan), ranked.clip(0))
    return graded


def _mean_of_graded(xp: ModuleType, parts: Sequence[Array]) -> Array:
    """Mean of the ranked parts that have a grade, NaN where none has."""
    total, count = xp.zeros_like(parts[0]), xp.zeros_like(parts[0])
    for part in parts:
        grade = _graded(xp, part)
        total = total + xp.where(xp.isnan(grade), xp.zeros_like(grade), grade)
        count = count + ~xp.isnan(grade)
    mean: Array = xp.where(count > 0, total / count.clip(1), xp.full_like(total, math.nan))
    return mean

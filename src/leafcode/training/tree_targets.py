"""Where in the tree items belong, in the form in which the contrastive term asks for it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from leafcode.taxonomy import Grades, Taxonomy, ancestor_rows, find_categories


class TreeTargets(NamedTuple):
    """Categories, and the spans of them beneath the ancestors of items; see `prototype_contrastive_loss`."""

    categories: npt.NDArray[np.int64]
    """(C, depths, 2): `Categories.spans`."""
    spans: npt.NDArray[np.int64]
    """(n, depths, P, 2): the spans of each item at each depth, which do not overlap; -1 for none."""
    weights: npt.NDArray[np.float32]
    """(n, depths): the grade of meeting an item at each depth, the highest of its paths."""


def tree_targets(
    places: npt.NDArray[np.integer[Any]],
    taxonomy: Taxonomy,
    grades: Grades,
    among: npt.NDArray[np.integer[Any]] | None = None,
) -> TreeTargets:
    """Targets of items that may have several paths: beneath any of them is right.

    A path that ends above a depth which another path of the item reaches counts there with its own category:
    an item of ``Gifts`` and of ``Food > Tea`` is at home in ``Gifts`` at depth 2 too. A place above another
    place of the same item says nothing more than that, and is left out.

    Args:
        places: (n, P) nodes of each item, -1 for none; see `places_from_paths`.
        taxonomy: The tree.
        grades: How alike two items are that meet at a depth.
        among: Nodes of the items whose categories these are, of any shape; those of `places` if left out.

    Example:
        >>> from leafcode.taxonomy import places_from_paths
        >>> paths = [["A > x", "B > z"], "A > y", ["A > x", "A > y"], ["B > z", "C"]]
        >>> tree, places = places_from_paths(paths)
        >>> targets = tree_targets(places, tree, Grades.default())
        >>> targets.spans[0].tolist()  # at depth 1 beneath A or B, at depth 2 x or z
        [[[0, 2], [2, 3]], [[0, 1], [2, 3]]]
        >>> targets.spans[2].tolist()  # beneath A, once
        [[[0, 2], [-1, -1]], [[0, 1], [1, 2]]]
        >>> targets.spans[3].tolist()  # C has nothing beneath it, and stays what the item is
        [[[2, 3], [3, 4]], [[2, 3], [3, 4]]]
    """
    places = _without_ancestors(places, taxonomy)
    found = find_categories(places if among is None else among, taxonomy, of=places)
    known: npt.NDArray[np.bool_] = found.item_spans[..., 0] >= 0
    # Below the depth of a place comes what it has there, as deep as any place of the item goes.
    last = np.maximum.accumulate(np.where(known, np.arange(len(found.depths)), 0), axis=2)
    spans = np.take_along_axis(found.item_spans, last[..., None], axis=2)
    reached = np.asarray(known.any(axis=1))[:, None, :, None]
    spans = np.where(reached, spans, -1)
    # The places of an item ascend, so equal spans are neighbours.
    spans[:, 1:][(spans[:, 1:] == spans[:, :-1]).all(axis=3)] = -1
    along = grades.along_paths(ancestor_rows(taxonomy, places).reshape(-1, taxonomy.max_depth))
    weights = along.reshape(*places.shape, taxonomy.max_depth).max(axis=1)[:, found.depths - 1]
    return TreeTargets(found.spans, spans.transpose(0, 2, 1, 3), weights)


def _without_ancestors(places: npt.NDArray[np.integer[Any]], taxonomy: Taxonomy) -> npt.NDArray[np.int64]:
    """Places (n, P) of which none lies above another, each once, ascending, with -1 in front."""
    # In depth-first order the next place lies beneath a place, or none does.
    places = np.sort(places.astype(np.int64), axis=1)
    ends = np.where(places >= 0, taxonomy.end[places], 0)
    places[:, :-1][places[:, 1:] < ends[:, :-1]] = -1
    return np.sort(places, axis=1)

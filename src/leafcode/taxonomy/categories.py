"""The finest categories of some items, and where in the tree these and the items are."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from leafcode.taxonomy.ancestors import ancestor_rows
from leafcode.taxonomy.tree import Taxonomy


class Categories(NamedTuple):
    """The finest categories with items, in depth-first order: what lies beneath a node is a span of them.

    Depths at which all items have the same ancestor tell nothing apart and are left out.
    """

    nodes: npt.NDArray[np.int64]
    """(C,): the categories."""
    depths: npt.NDArray[np.int64]
    """(depths,): the depths that are left, 1 for the top."""
    spans: npt.NDArray[np.int64]
    """(C, depths, 2): first category beneath the ancestor of each category at each depth, and the one after
    the last; below its own depth a category is its own ancestor."""
    item_spans: npt.NDArray[np.int64]
    """(n, depths, 2): the same for each item, or each node asked for; -1 below the depth of its category and
    for unlabelled items. (n, P, depths, 2) for items with P places."""


def find_categories(
    nodes: npt.NDArray[np.integer[Any]],
    taxonomy: Taxonomy,
    of: npt.NDArray[np.integer[Any]] | None = None,
) -> Categories:
    """The finest categories of items, those without items in a category beneath them.

    Args:
        nodes: (n,) node of each item, -1 for unlabelled items; or (n, P) places, see `places_from_paths`.
        taxonomy: The tree.
        of: (m,) nodes, -1 for none, of which `Categories.item_spans` is given; `nodes` if left out. The span
            of a node without items beneath it is empty.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["Food > Milk", "Food > Salt", "Food", "Soap", None])
        >>> found = find_categories(nodes, tree)
        >>> found.spans.tolist()  # of milk, salt and soap
        [[[0, 2], [0, 1]], [[0, 2], [1, 2]], [[2, 3], [2, 3]]]
        >>> found.item_spans[2].tolist()  # food of either kind
        [[0, 2], [-1, -1]]
    """
    used = np.unique(nodes[nodes >= 0])
    # In depth-first order the next used node lies beneath a node, or nothing does.
    beneath = np.append(used[1:], len(taxonomy)) < taxonomy.end[used]
    finest = used[~beneath]

    def spans_of(ancestors: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
        ends = np.where(ancestors >= 0, taxonomy.end[ancestors], -1)
        spans = np.stack([np.searchsorted(finest, ancestors), np.searchsorted(finest, ends)], axis=-1)
        return np.where((ancestors >= 0)[..., None], spans, -1)

    own = np.arange(len(finest))[:, None, None] + np.arange(2)
    spans = spans_of(taxonomy.ancestors[finest])
    spans = np.where(spans < 0, own, spans)
    told_apart = (spans != spans[:1]).any(axis=(0, 2))
    wanted = nodes if of is None else of
    item_spans = spans_of(ancestor_rows(taxonomy, wanted))
    return Categories(
        finest.astype(np.int64),
        np.flatnonzero(told_apart) + 1,
        spans[:, told_apart],
        item_spans[..., told_apart, :],
    )

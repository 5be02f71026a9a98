"""Rows of the ancestor matrix for items, of which some have no category."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError
from leafcode.taxonomy._arrays import IntArray
from leafcode.taxonomy.tree import Taxonomy


def ancestor_rows(taxonomy: Taxonomy, places: npt.NDArray[np.integer[Any]]) -> IntArray:
    """Rows of ``taxonomy.ancestors`` for nodes of any shape, all -1 where the node is -1.

    Args:
        taxonomy: The tree.
        places: Integers of any shape, such as (n,) or (n, P): node ids, -1 for none.

    Returns:
        int32 (*places.shape, max_depth).

    Raises:
        InputError: An id is neither a node nor -1.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["A > x", "B", None])
        >>> ancestor_rows(tree, nodes).tolist()
        [[0, 1], [2, -1], [-1, -1]]
    """
    places = np.asarray(places)
    if not np.issubdtype(places.dtype, np.integer):
        raise InputError("places", f"an array of {places.dtype}", "integer node ids, -1 for none")
    if places.size and not -1 <= int(places.min()) <= int(places.max()) < len(taxonomy):
        found = f"ids from {places.min()} to {places.max()}"
        raise InputError("places", found, f"node ids in [0, {len(taxonomy)}), -1 for none")
    return np.where((places >= 0)[..., None], taxonomy.ancestors[places], np.int32(-1))

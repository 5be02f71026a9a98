"""How items come to be filed wrongly: moved within the tree, a short way or a long one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.taxonomy import Taxonomy
from leafcode.taxonomy.structure import beneath


def categories_by_common_depth(
    taxonomy: Taxonomy, categories: npt.NDArray[np.integer[Any]]
) -> npt.NDArray[np.int64]:
    """How many of the categories in use lie at each distance from a node.

    Args:
        taxonomy: The tree.
        categories: (C,) nodes in use, each once.

    Returns:
        int64 (nodes, D): at [v, d] the number of categories, v itself not counted, whose lowest common
        ancestor with v has depth d.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["a > b", "a > c", "a > d", "e"])
        >>> categories_by_common_depth(tree, nodes)[1].tolist()  # of a > b: e; c and d
        [1, 2]
    """
    used = np.zeros(len(taxonomy), np.int64)
    used[categories] = 1
    padded = np.append(beneath(taxonomy, used), 0)  # -1, no ancestor at that depth, has nothing beneath it
    within = np.column_stack([np.full(len(taxonomy), len(categories)), padded[taxonomy.ancestors]])
    # Beneath the ancestor at depth d, but not beneath the one at depth d + 1; at the node's own depth there
    # is no next one, and the node itself does not count.
    counts = within[:, :-1] - within[:, 1:]
    inner = np.flatnonzero(taxonomy.depths < taxonomy.max_depth)
    counts[inner, taxonomy.depths[inner]] -= used[inner]
    return np.asarray(counts, np.int64)

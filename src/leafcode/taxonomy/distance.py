"""Lowest common ancestors and distances between nodes of a taxonomy.

All functions take integer arrays of node ids that broadcast against each other, so ``a[:, None], b[None, :]``
gives every pair. Loops run over the depth of the tree, not over pairs. The *virtual root* above several roots
has depth 0: it is the lowest common ancestor of nodes that share no root.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError
from leafcode.taxonomy._arrays import IntArray
from leafcode.taxonomy.tree import Taxonomy


def lca_depth(taxonomy: Taxonomy, a: npt.ArrayLike, b: npt.ArrayLike) -> IntArray:
    """Depth of the lowest common ancestor (LCA); a node is an ancestor of itself.

    Args:
        taxonomy: The tree.
        a: Integer node ids in [0, n), any shape.
        b: The same, broadcastable against ``a``.

    Returns:
        int32 of the broadcast shape: 0 if the nodes share no root, else 1 to max_depth.

    Raises:
        InputError: An id is no node; unlabelled items (-1) must be left out beforehand.

    Example:
        >>> tree, node = Taxonomy.from_paths(["A > B > C", "A > B > D", "A > E", "F"])
        >>> lca_depth(tree, node[0], node).tolist()
        [3, 2, 1, 0]
    """
    left, right = _nodes(taxonomy, a, "a"), _nodes(taxonomy, b, "b")
    shared = np.zeros(np.broadcast_shapes(left.shape, right.shape), np.int32)
    for column in taxonomy.ancestors.T:
        here = column[left]
        shared += (here == column[right]) & (here >= 0)
    return shared


def lca(taxonomy: Taxonomy, a: npt.ArrayLike, b: npt.ArrayLike) -> IntArray:
    """Lowest common ancestor as a node id, -1 for the virtual root.

    Args:
        taxonomy: The tree.
        a: Integer node ids in [0, n), any shape.
        b: The same, broadcastable against ``a``.

    Returns:
        int32 of the broadcast shape.

    Raises:
        InputError: An id is no node.

    Example:
        >>> tree, node = Taxonomy.from_paths(["A > B > C", "A > B > D", "A > E", "F"])
        >>> [tree.keys[v] if v >= 0 else None for v in lca(tree, node[0], node)]
        ['A > B > C', 'A > B', 'A', None]
    """
    depth = lca_depth(taxonomy, a, b)
    found = taxonomy.ancestors[_nodes(taxonomy, a, "a"), depth - 1]
    return np.where(depth > 0, found, np.int32(-1))


def tree_distance(taxonomy: Taxonomy, a: npt.ArrayLike, b: npt.ArrayLike) -> IntArray:
    """Number of edges on the path between two nodes; without a common root it leads over the virtual root.

    Args:
        taxonomy: The tree.
        a: Integer node ids in [0, n), any shape.
        b: The same, broadcastable against ``a``.

    Returns:
        int32 of the broadcast shape: ``depth(a) + depth(b) - 2 · depth(LCA)``.

    Raises:
        InputError: An id is no node.

    Example:
        >>> tree, node = Taxonomy.from_paths(["A > B > C", "A > B > D", "A > E", "F"])
        >>> tree_distance(tree, node[0], node).tolist()
        [0, 2, 3, 4]
    """
    depth = taxonomy.depths
    sum_of_depths = depth[_nodes(taxonomy, a, "a")] + depth[_nodes(taxonomy, b, "b")]
    return np.asarray(sum_of_depths - 2 * lca_depth(taxonomy, a, b), np.int32)


def lca_height(taxonomy: Taxonomy, a: npt.ArrayLike, b: npt.ArrayLike) -> IntArray:
    """Steps from the deeper of two nodes up to their lowest common ancestor.

    This is the distance by which pairs of items are graded: 0 same category, 1 siblings, 2 cousins, …; see
    `leafcode.taxonomy.Grades`.

    Args:
        taxonomy: The tree.
        a: Integer node ids in [0, n), any shape.
        b: The same, broadcastable against ``a``.

    Returns:
        int32 of the broadcast shape: ``max(depth(a), depth(b)) - depth(LCA)``.

    Raises:
        InputError: An id is no node.

    Example:
        >>> tree, node = Taxonomy.from_paths(["A > B > C", "A > B > D", "A > E > G", "F"])
        >>> lca_height(tree, node[0], node).tolist()
        [0, 1, 2, 3]
    """
    depth = taxonomy.depths
    deeper = np.maximum(depth[_nodes(taxonomy, a, "a")], depth[_nodes(taxonomy, b, "b")])
    return np.asarray(deeper - lca_depth(taxonomy, a, b), np.int32)


def _nodes(taxonomy: Taxonomy, ids: npt.ArrayLike, where: str) -> npt.NDArray[np.integer[Any]]:
    array = np.asarray(ids)
    if not np.issubdtype(array.dtype, np.integer):
        raise InputError(where, f"an array of {array.dtype}", "integer node ids")
    wrong = (array < 0) | (array >= len(taxonomy))
    if bool(wrong.any()):
        raise InputError(where, f"the id {array[wrong].flat[0]}", f"node ids in [0, {len(taxonomy)})")
    return array

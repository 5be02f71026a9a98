"""Array algorithms beneath `Taxonomy`: depths, pre-order, subtree sizes, ancestors.

Loops run over the depth of the tree or over powers of two, never over nodes.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError

IntArray = npt.NDArray[np.int32]
LongArray = npt.NDArray[np.int64]


def node_depths(parents: npt.NDArray[np.integer[Any]]) -> IntArray:
    """Depth of every node by pointer doubling, in O(n log n).

    Args:
        parents: Integers (n,), any order, -1 for a root.

    Returns:
        int32 (n,): 1 for a root; 0 marks a node that lies on a cycle or hangs below one.

    Example:
        >>> node_depths(np.array([-1, 0, 1, 4, 3])).tolist()
        [1, 2, 3, 0, 0]
    """
    n = len(parents)
    jump = np.append(np.where(parents < 0, n, parents), n).astype(np.int64)
    count = np.append(np.ones(n, np.int64), 0)
    for _ in range(n.bit_length() + 1):
        if bool((jump == n).all()):
            break
        count += count[jump]
        jump = jump[jump]
    return np.where(jump[:n] == n, count[:n], 0).astype(np.int32)


def levels(depths: IntArray) -> list[LongArray]:
    """Node ids of each depth, top first; ids ascend within a depth.

    Example:
        >>> [ids.tolist() for ids in levels(np.array([1, 2, 1, 2], np.int32))]
        [[0, 2], [1, 3]]
    """
    order = np.argsort(depths, kind="stable")
    stops = np.cumsum(np.bincount(depths)[1:])
    return np.split(order, stops[:-1])


def subtree_sizes(parents: npt.NDArray[np.integer[Any]], by_level: list[LongArray]) -> LongArray:
    """Number of nodes in each subtree, the node itself included: int64 (n,)."""
    size = np.ones(len(parents), np.int64)
    for ids in reversed(by_level[1:]):
        np.add.at(size, parents[ids], size[ids])
    return size


def preorder(parents: npt.NDArray[np.integer[Any]], rank: npt.NDArray[np.integer[Any]]) -> LongArray:
    """Depth-first order of a forest without cycles.

    Args:
        parents: Integers (n,), -1 for a root.
        rank: Integers (n,): siblings, and roots, stand in ascending rank.

    Returns:
        int64 (n,): ``order[i]`` is the old id of the node that comes i-th.

    Example:
        >>> preorder(np.array([2, -1, -1, 1]), np.array([0, 1, 0, 0])).tolist()
        [2, 0, 1, 3]
    """
    by_level = levels(node_depths(parents))
    size = subtree_sizes(parents, by_level)
    place = np.zeros(len(parents) + 1, np.int64)
    place[-1] = -1  # the virtual root, addressed by a root's parent -1, stands before everything
    for ids in by_level:
        ids = ids[np.lexsort((rank[ids], parents[ids]))]
        before = np.cumsum(size[ids]) - size[ids]
        first = np.flatnonzero(np.diff(parents[ids], prepend=-2))
        family = np.repeat(first, np.diff(first, append=len(ids)))
        place[ids] = place[parents[ids]] + 1 + before - before[family]
    order = np.empty(len(parents), np.int64)
    order[place[:-1]] = np.arange(len(parents))
    return order


def ancestor_matrix(parents: IntArray, depths: IntArray, by_level: list[LongArray]) -> IntArray:
    """Ancestors of every node by depth: int32 (n, max depth), -1 below the node's own depth."""
    table = np.full((len(parents), len(by_level)), -1, np.int32)
    for depth, ids in enumerate(by_level, start=1):
        table[ids, : depth - 1] = table[parents[ids], : depth - 1]
        table[ids, depth - 1] = ids
    return table


def array_module(array: object, where: str) -> ModuleType:
    """NumPy or torch, whichever an array is of.

    Raises:
        InputError: It is of neither.
    """
    if isinstance(array, np.ndarray):
        return np
    import torch

    if not isinstance(array, torch.Tensor):
        raise InputError(where, f"a {type(array).__name__}", "a NumPy array or a torch tensor")
    return torch

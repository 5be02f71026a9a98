"""How evenly a tree divides what it holds, and how many categories that amounts to."""

from __future__ import annotations

from typing import Any, overload

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError
from leafcode.taxonomy._arrays import LongArray
from leafcode.taxonomy.tree import Taxonomy


def items_per_node(tree: Taxonomy, nodes: npt.NDArray[np.integer[Any]]) -> LongArray:
    """How many items are filed at each node: int64, one per node of the tree.

    Args:
        tree: The tree.
        nodes: Integers (n,), node of each item, -1 for unlabelled items, which count nowhere.

    Raises:
        InputError: A node is not in the tree, naming the row (counted from 1).

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["A > x", None, "A > x", "B"])
        >>> items_per_node(tree, nodes).tolist()
        [0, 2, 1]
    """
    nodes = np.asarray(nodes)
    if nodes.ndim != 1 or not np.issubdtype(nodes.dtype, np.integer):
        raise InputError("nodes", f"shape {nodes.shape} of {nodes.dtype}", "integers of shape (n,)")
    wrong = np.flatnonzero((nodes < -1) | (nodes >= len(tree)))
    if len(wrong):
        found = f"the node {nodes[wrong[0]]}"
        raise InputError(f"nodes: row {wrong[0] + 1}", found, f"a node id in [0, {len(tree)}), or -1")
    return np.bincount(nodes[nodes >= 0], minlength=len(tree)).astype(np.int64)


@overload
def beneath(tree: Taxonomy, filed: npt.NDArray[np.integer[Any] | np.bool_]) -> LongArray: ...


@overload
def beneath(tree: Taxonomy, filed: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]: ...


def beneath(tree: Taxonomy, filed: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """What is filed at each node or beneath it, (n, …), from what is filed at each node (n, …).

    Numbers of items or bools give int64, other numbers float64.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["A > x", "A > x", "A", "B"])
        >>> beneath(tree, np.bincount(nodes)).tolist()
        [3, 2, 1]
    """
    kind = np.float64 if np.issubdtype(filed.dtype, np.floating) else np.int64
    # Beneath a node lies a contiguous range.
    total = np.zeros((len(filed) + 1, *filed.shape[1:]), kind)
    np.cumsum(filed, axis=0, out=total[1:])
    return np.asarray(total[tree.end] - total[:-1])


def balance(tree: Taxonomy, filed: npt.NDArray[np.integer[Any]] | None = None) -> float:
    """The balance index J¹: the mean over inner nodes of how evenly their children share what is beneath.

    At a node the evenness is the entropy of the children's shares, over its largest value, the logarithm of
    the number of children; a lone child counts 0. Nodes are weighted by what their children hold. 1: every
    node divides evenly; towards 0: nearly everything takes the same way down.

    Unlike the indices of Colless and of Sackin it is defined for any number of children, ragged trees and
    categories of different sizes, and does not depend on the size of the tree. It does not say whether the
    depth is even. Several roots are children of the virtual root.

    Args:
        tree: The tree.
        filed: Integers (n,), items filed at each node; branches without items do not count then. If left
            out, every leaf counts 1.

    Returns:
        In [0, 1]; NaN if nothing lies beneath another node.

    References:
        Lemant, Le Sueur, Manojlović and Noble, "Robust, universal tree balance indices", Systematic Biology
        71(5), 2022, https://doi.org/10.1093/sysbio/syac027

    Example:
        >>> even, _ = Taxonomy.from_paths(["A > x", "A > y", "B > x", "B > y"])
        >>> uneven, _ = Taxonomy.from_paths(["A > B > C > D", "A > B > C > E", "A > B > F", "A > G", "H"])
        >>> balance(even), round(balance(uneven), 3)
        (1.0, 0.829)
    """
    at = tree.is_leaf.astype(np.int64) if filed is None else np.asarray(filed)
    check_counts(tree, at)
    size = beneath(tree, at)
    held = np.flatnonzero(size > 0)
    above = tree.parents[held] + 1  # 0 is the virtual root
    below = np.bincount(above, size[held], len(tree) + 1)  # what the children of each node hold
    children = np.bincount(above, minlength=len(tree) + 1)
    if children[0] == 1:  # one root in use: there is nothing above it
        below[0] = 0
    share = size[held] / np.where(below[above] > 0, below[above], 1)
    entropy = np.bincount(above, -share * np.log(share), len(tree) + 1)
    evenness = np.where(children > 1, entropy / np.log(np.maximum(children, 2)), 0.0)
    return float(below @ evenness / below.sum()) if below.sum() > 0 else float("nan")


def effective_number(filed: npt.NDArray[np.integer[Any]]) -> float:
    """How many equally large categories would be as diverse: the exponential of the Shannon entropy.

    The Hill number of order 1. Ten categories of which one holds nearly everything amount to little more
    than one.

    Args:
        filed: Integers (n,), items of each category; zeros do not count.

    Returns:
        From 1 to the number of categories with items; NaN if there is none.

    References:
        Hill, "Diversity and evenness: a unifying notation and its consequences", Ecology 54(2), 1973

    Example:
        >>> round(effective_number(np.array([5, 5, 0])), 3), round(effective_number(np.array([98, 1, 1])), 3)
        (2.0, 1.118)
    """
    held = np.asarray(filed, np.float64)
    held = held[held > 0]
    if len(held) == 0:
        return float("nan")
    share = held / held.sum()
    return float(np.exp(-(share * np.log(share)).sum()))


def check_counts(tree: Taxonomy, filed: npt.NDArray[np.integer[Any]]) -> None:
    """Raise an InputError unless `filed` is a number of items for every node of the tree."""
    if filed.shape != (len(tree),) or not np.issubdtype(filed.dtype, np.integer) or bool((filed < 0).any()):
        found = f"{filed.dtype} {filed.shape}, smallest {filed.min(initial=0)}"
        raise InputError("filed", found, f"integers >= 0 of shape ({len(tree)},)")

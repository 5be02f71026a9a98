"""Labels held against Semantic IDs: items that are filed elsewhere than most others with their code."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy

IntArray = npt.NDArray[np.int64]


class CodeCheck(NamedTuple):
    """What `check_codes` returns, an entry for each item.

    Attributes:
        length: int64 (n,), codes of the prefix that the item is compared by, 0 if none is held by enough.
        others: int64 (n,), other labelled items with that prefix, 0 if there is none.
        majority: int32 (n, D), at each depth the node that most of the others lie in or beneath, -1 if none
            lies that deep.
        share: float64 (n, D), share of the others that lie there; NaN if there are none.
        depth: int64 (n,), least depth at which more than half of the others lie in another node than the
            item, 0 if there is none: its code speaks against its category from there on.
    """

    length: IntArray
    others: IntArray
    majority: npt.NDArray[np.int32]
    share: npt.NDArray[np.float64]
    depth: IntArray

    def node(self) -> npt.NDArray[np.int32]:
        """int32 (n,), the node of the majority at `depth`, -1 where the codes agree with the category."""
        found = self.majority[np.arange(len(self.depth)), self.depth - 1]
        return np.where(self.depth > 0, found, np.int32(-1))


def check_codes(
    codes: npt.NDArray[np.integer[Any]],
    nodes: npt.NDArray[np.integer[Any]],
    taxonomy: Taxonomy,
    least: int = 5,
) -> CodeCheck:
    """Compare the category of every item with those of the other items that share its code.

    Each item is compared by the longest prefix that at least `least` other labelled items hold. Of equally
    frequent nodes the item's own counts as the majority, else the first. An item filed above a depth is not
    contradicted there, nor is an unlabelled one anywhere, which still gets a majority.

    Codes are learnt from the categories too, so agreement proves little; what contradicts all the same is
    worth a look.

    Args:
        codes: (n, L) integers, the first code first.
        nodes: (n,) category of each item, -1 for an unlabelled one, which has no vote.
        taxonomy: The tree.
        least: Other items that must hold a prefix.

    Raises:
        InputError: Shapes differ, a node is not in the tree, or `least` is below 1.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["a > b", "a > b", "a > c", "d"])
        >>> found = check_codes(np.array([[1, 5], [1, 6], [1, 5], [1, 7]]), nodes, tree, least=3)
        >>> found.length.tolist(), found.depth.tolist(), found.node().tolist()
        ([1, 1, 1, 1], [0, 0, 2, 1], [-1, -1, 1, 0])
    """
    codes, nodes = np.asarray(codes), np.asarray(nodes)
    if codes.ndim != 2 or nodes.shape != codes.shape[:1]:
        found = f"codes of shape {codes.shape} and nodes of shape {nodes.shape}"
        raise InputError("codes", found, "codes (n, L) and a node for each row")
    if bool(((nodes < -1) | (nodes >= len(taxonomy))).any()):
        raise InputError("nodes", f"nodes up to {nodes.max()}", f"nodes in [0, {len(taxonomy)}), or -1")
    if least < 1:
        raise InputError("least", str(least), "1 or more")
    n, depths = len(nodes), taxonomy.max_depth
    labelled = nodes >= 0
    own = np.where(labelled[:, None], taxonomy.ancestors[nodes], -1).astype(np.int64)
    length, others = np.zeros(n, np.int64), np.zeros(n, np.int64)
    majority, votes = np.full((n, depths), -1, np.int32), np.zeros((n, depths), np.int64)
    group = np.zeros(n, np.int64)
    for shared in range(1, codes.shape[1] + 1):
        group = _split(group, codes[:, shared - 1])
        rest = np.bincount(group, labelled)[group].astype(np.int64) - labelled
        # A longer prefix takes the place of a shorter one.
        held = np.flatnonzero(rest >= least)
        length[held], others[held] = shared, rest[held]
        for depth in range(depths):
            majority[held, depth], votes[held, depth] = _most_frequent(group, own[:, depth], held)
    share = np.divide(votes, others[:, None], where=others[:, None] > 0, out=np.full(votes.shape, np.nan))
    against = (own >= 0) & (majority >= 0) & (majority != own) & (2 * votes > others[:, None])
    return CodeCheck(length, others, majority, share, np.where(against.any(1), against.argmax(1) + 1, 0))


def _split(group: IntArray, code: npt.NDArray[np.integer[Any]]) -> IntArray:
    """Number the groups that are left if each is split by the next code."""
    values, place = np.unique(code, return_inverse=True)
    return np.unique(group * len(values) + place, return_inverse=True)[1].astype(np.int64)


def _most_frequent(group: IntArray, value: IntArray, asked: IntArray) -> tuple[IntArray, IntArray]:
    """For some items, the value that most others of their group have, and how many have it; -1 is none."""
    valid = value >= 0
    stride = int(value.max(initial=0)) + 1
    pairs, counts = np.unique(group[valid] * stride + value[valid], return_counts=True)
    order = np.lexsort((pairs, -counts, pairs // stride))
    # A place behind the last one, for groups that have no value or only one.
    place = np.append(pairs[order] // stride, -1)
    values, counts = np.append(pairs[order] % stride, -1), np.append(counts[order], 0)
    first = np.searchsorted(place[:-1], group[asked])
    first = np.where(place[first] == group[asked], first, len(pairs))
    second = np.minimum(first + 1, len(pairs))
    second = np.where(place[second] == group[asked], second, len(pairs))
    # Without the item itself the first may fall behind the second.
    left = counts[first] - ((values[first] == value[asked]) & valid[asked])
    best = np.where(left >= np.maximum(counts[second], 1), first, second)
    return values[best], np.where(best == first, left, counts[second])

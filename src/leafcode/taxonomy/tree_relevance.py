"""Relevance of pairs of items, worked out a block at a time and never held for all pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError
from leafcode.taxonomy.grades import Grades

if TYPE_CHECKING:
    from torch import Tensor

IntArray = npt.NDArray[np.integer[Any]]
LongArray = npt.NDArray[np.int64]


class TreeRelevance:
    """What `Grades.matrix` says, for batches with too many pairs to hold it for all of them.

    Relevance is above 0, or NaN, only where two items share an ancestor at a certain depth. Sorted by that
    ancestor, the candidates that are anything but negatives to a run of anchors stand side by side. So a
    block of anchors comes with a *window* of candidates: outside it every relevance is 0, and only within
    does a loss have to look. Windows are small, unless most of a batch is related.

    Args:
        grades: The grades.
        ancestors_a: Integers (A, D), torch: rows of ``Taxonomy.ancestors`` of the anchors; all -1 for an
            unlabelled item, which takes part in nothing.
        ancestors_b: Integers (C, D), those of the candidates. None if the anchors are contrasted with each
            other: then each leaves itself out.
        itself: Integers (A,): which candidate is the anchor itself, and left out; -1 for none of them. None
            if no anchor stands among the candidates.

    Raises:
        InputError: Shapes do not fit, or `itself` is not a candidate.

    Example:
        >>> import torch
        >>> rows = torch.tensor([[0, 1], [3, 4], [0, 2], [0, 1], [-1, -1]])
        >>> pairs = TreeRelevance(Grades.default(), rows)
        >>> pairs.anchor_order.tolist()
        [0, 3, 2, 1]
        >>> window, relevance, category, of_anchor, _ = pairs.block(0, 2)  # of the items 0 and 3
        >>> window, relevance.tolist(), category.tolist(), of_anchor.tolist()
        (slice(0, 3, None), [[1.0], [0.5]], [0, 0, 1], [0, 0])
    """

    anchor_order: Tensor
    """int64: the labelled anchors, in the order of the rows of blocks."""
    candidate_order: Tensor
    """int64: the labelled candidates, in the order of the columns."""
    levels: tuple[float, ...]
    """The positive grades, ascending."""
    leaves_itself_out: bool
    """Whether an anchor among the candidates takes part in no pair with itself."""

    def __init__(
        self,
        grades: Grades,
        ancestors_a: Tensor,
        ancestors_b: Tensor | None = None,
        *,
        itself: Tensor | None = None,
    ) -> None:
        both = [ancestors_a] if ancestors_b is None else [ancestors_a, ancestors_b]
        if any(rows.ndim != 2 or rows.shape[1] != ancestors_a.shape[1] for rows in both):
            raise InputError("ancestors", _shapes(*both), "(A, D) and (C, D)")
        self.grades, self.levels = grades, grades.levels
        self.leaves_itself_out = ancestors_b is None or itself is not None
        self.shape = (len(both[0]), len(both[-1]))
        # In NumPy, for what there is to do for a batch is less than the overhead of torch, or of a device.
        arrays = [rows.cpu().numpy() for rows in both]
        depths = [(rows >= 0).sum(1) for rows in arrays]
        shared = _shared_depth(grades, depths)
        anchors = candidates = _Sorted.of(arrays[0], depths[0], shared)
        self._own: LongArray | None = None
        if ancestors_b is None:
            self._own = np.arange(len(anchors.order))
        else:
            candidates = _Sorted.of(arrays[1], depths[1], shared)
            if itself is not None:
                self._own = _own_places(itself, self.shape, anchors.order, candidates.order)
        self._anchors, self._candidates, self._like = anchors, candidates, ancestors_a
        self.anchor_order = self.candidate_order = self._tensor(anchors.order)
        if ancestors_b is not None:
            self.candidate_order = self._tensor(candidates.order)

    def block(self, start: int, stop: int) -> tuple[slice, Tensor, Tensor, Tensor, tuple[Tensor, Tensor]]:
        """Relevance of some anchors to the candidates in their window; outside it is 0.

        Args:
            start: First of the anchors, as a place in `anchor_order`.
            stop: One past the last, more than `start`.

        Returns:
            - The window: places in `candidate_order`.
            - float32 (K, M): relevance of the K categories in the window to the M categories of the anchors,
              as of `Grades.matrix`.
            - int64 (length of the window,), ascending: category of each candidate.
            - int64 (stop - start,), ascending: category of each anchor.
            - Rows of the window, and the anchors (counted from `start`) that are the same items.
        """
        groups, among = self._anchors.groups, self._candidates.groups
        first, last = np.searchsorted(among, groups[start]), np.searchsorted(among, groups[stop - 1], "right")
        window = slice(int(first), int(last))
        categories, category = self._candidates.part(window)
        of_anchors, of_anchor = self._anchors.part(slice(start, stop))
        relevance = self.grades.matrix(categories, of_anchors)
        own = self._own
        there = np.flatnonzero(own[start:stop] >= 0) if own is not None else np.arange(0)
        place = own[start + there] - window.start if own is not None else there
        classes = self._tensor(category), self._tensor(of_anchor)
        return window, self._tensor(relevance), *classes, (self._tensor(place), self._tensor(there))

    def _tensor(self, array: npt.NDArray[Any]) -> Tensor:
        import torch

        return torch.from_numpy(array).to(self._like.device)


def _own_places(
    itself: Tensor, shape: tuple[int, int], anchor_order: LongArray, candidate_order: LongArray
) -> LongArray:
    """For the anchors in order, the place of each one among the candidates in order, -1 for none."""
    anchors, candidates = shape
    if itself.shape != (anchors,) or bool(((itself < -1) | (itself >= candidates)).any()):
        raise InputError("itself", _shapes(itself), f"({anchors},) of candidates below {candidates}, or -1")
    place = np.full(candidates + 1, -1)  # the last entry is that of -1
    place[candidate_order] = np.arange(len(candidate_order))
    return np.asarray(place[itself.cpu().numpy()[anchor_order]])


def _shared_depth(grades: Grades, depths: list[IntArray]) -> int:
    """The depth at which all pairs of positive or open relevance share an ancestor."""
    labelled = [of[of > 0] for of in depths]
    shallowest = min((int(of.min()) for of in labelled if len(of)), default=1)
    # An open pair, or one category, meets at the category that is less deep.
    if grades.kind == "distance":
        return max(1, shallowest - len(grades.table) + 1)
    return min([shallowest, *(depth for depth, grade in enumerate(grades.table) if grade > 0)])


class _Sorted(NamedTuple):
    """Labelled items in order of their ancestor at a depth, and then of their category."""

    order: LongArray
    """(N,): the items."""
    groups: IntArray
    """(N,): their ancestors at the depth."""
    category: LongArray
    """(N,), ascending: index into `categories` of each."""
    categories: IntArray
    """(K, D): rows of ancestors of the categories."""

    @classmethod
    def of(cls, ancestors: IntArray, depths: IntArray, depth: int) -> _Sorted:
        labelled = np.flatnonzero(depths)
        own = ancestors[labelled, depths[labelled] - 1].astype(np.int64)
        key = ancestors[labelled, depth - 1] * (own.max(initial=-1) + 1) + own
        place = np.argsort(key, kind="stable")
        order, key = labelled[place], key[place]
        first = np.diff(key, prepend=-1) > 0
        return cls(order, ancestors[order, depth - 1], np.cumsum(first) - 1, ancestors[order[first]])

    def part(self, places: slice) -> tuple[IntArray, LongArray]:
        """The categories of some items, and (items,): index of each item's among them."""
        category = self.category[places]
        if len(category) == 0:
            return self.categories[:0], category
        first, last = int(category[0]), int(category[-1])
        return self.categories[first : last + 1], category - first


def _shapes(*tensors: Tensor) -> str:
    return "shapes " + " and ".join(str(tuple(tensor.shape)) for tensor in tensors)

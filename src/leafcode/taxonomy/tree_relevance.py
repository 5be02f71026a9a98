"""Relevance of pairs of items, worked out a block at a time and never held for all pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from leafcode.errors import InputError
from leafcode.taxonomy.grades import Grades

if TYPE_CHECKING:
    from torch import Tensor


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
        >>> window, relevance, category, _ = pairs.block(0, 2)  # of the items 0 and 3
        >>> window, relevance.tolist(), category.tolist()
        (slice(0, 3, None), [[1.0, 1.0], [0.5, 0.5]], [0, 0, 1])
    """

    anchor_order: Tensor
    """int64: the labelled anchors, in the order of the rows of blocks."""
    candidate_order: Tensor
    """int64: the labelled candidates, in the order of the columns."""

    def __init__(
        self,
        grades: Grades,
        ancestors_a: Tensor,
        ancestors_b: Tensor | None = None,
        *,
        itself: Tensor | None = None,
    ) -> None:
        import torch

        both = [ancestors_a] if ancestors_b is None else [ancestors_a, ancestors_b]
        if any(rows.ndim != 2 or rows.shape[1] != ancestors_a.shape[1] for rows in both):
            raise InputError("ancestors", _shapes(*both), "(A, D) and (C, D)")
        self.grades = grades
        self.shape = (len(both[0]), len(both[-1]))
        depth = _shared_depth(grades, both)
        anchors = candidates = _Sorted.of(ancestors_a, depth)
        if ancestors_b is None:
            itself = torch.arange(len(ancestors_a), device=ancestors_a.device)
        else:
            candidates = _Sorted.of(ancestors_b, depth)
        self.anchor_order, self.candidate_order = anchors.order, candidates.order
        self._anchors, self._candidates = anchors, candidates
        self._own = None if itself is None else self._own_places(itself)
        groups, others = anchors.groups, candidates.groups
        self._first = torch.searchsorted(others, groups)
        self._last = torch.searchsorted(others, groups, right=True)

    def block(self, start: int, stop: int) -> tuple[slice, Tensor, Tensor, tuple[Tensor, Tensor]]:
        """Relevance of some anchors to the candidates in their window; outside it is 0.

        Args:
            start: First of the anchors, as a place in `anchor_order`.
            stop: One past the last, more than `start`.

        Returns:
            - The window: places in `candidate_order`.
            - float32 (K, stop - start): relevance of the K categories in the window to the anchors, as of
              `Grades.matrix`.
            - int64 (length of the window,), ascending: category of each candidate.
            - Rows of the window, and the anchors (counted from `start`) that are the same items.
        """
        window = slice(int(self._first[start]), int(self._last[stop - 1]))
        categories, category = self._candidates.part(window)
        of_anchors, of_anchor = self._anchors.part(slice(start, stop))
        relevance = self.grades.matrix(categories, of_anchors).index_select(1, of_anchor)
        if self._own is None:
            return window, relevance, category, (category[:0], category[:0])
        own = self._own[start:stop]
        there = (own >= 0).nonzero()[:, 0]
        return window, relevance, category, (own[there] - window.start, there)

    def _own_places(self, itself: Tensor) -> Tensor:
        """For the anchors in order, the place of each one in `candidate_order`, -1 for none."""
        anchors, candidates = self.shape
        if itself.shape != (anchors,) or bool(((itself < -1) | (itself >= candidates)).any()):
            raise InputError(
                "itself", _shapes(itself), f"({anchors},) of candidates below {candidates}, or -1"
            )
        place = self.candidate_order.new_full((candidates + 1,), -1)  # the last entry is that of -1
        place[self.candidate_order] = place.new_tensor(range(len(self.candidate_order)))
        return place[itself[self.anchor_order]]


def _shared_depth(grades: Grades, ancestors: list[Tensor]) -> int:
    """The depth at which all pairs of positive or open relevance share an ancestor."""
    depths = [(rows >= 0).sum(1) for rows in ancestors]
    labelled = [of[of > 0] for of in depths]
    shallowest = min((int(of.min()) for of in labelled if len(of)), default=1)
    # An open pair, or one category, meets at the category that is less deep.
    if grades.kind == "distance":
        return max(1, shallowest - len(grades.table) + 1)
    return min([shallowest, *(depth for depth, grade in enumerate(grades.table) if grade > 0)])


class _Sorted(NamedTuple):
    """Labelled items in order of their ancestor at a depth, and then of their category."""

    order: Tensor
    """int64 (N,): the items."""
    groups: Tensor
    """(N,): their ancestors at the depth."""
    category: Tensor
    """int64 (N,), ascending: index into `categories` of each."""
    categories: Tensor
    """(K, D): rows of ancestors of the categories."""

    @classmethod
    def of(cls, ancestors: Tensor, depth: int) -> _Sorted:
        own = ancestors.gather(1, ((ancestors >= 0).sum(1, keepdim=True) - 1).clamp_min(0))[:, 0].long()
        labelled = (own >= 0).nonzero()[:, 0]
        key = ancestors[labelled, depth - 1] * (len(own) and own.max() + 1) + own[labelled]
        key, place = key.sort(stable=True)
        order = labelled[place]
        first = key.diff(prepend=key[:1] - 1) > 0
        return cls(order, ancestors[order, depth - 1], first.cumsum(0) - 1, ancestors[order[first]])

    def part(self, places: slice) -> tuple[Tensor, Tensor]:
        """The categories of some items, and int64 (items,): index of each item's among them."""
        category = self.category[places]
        if len(category) == 0:
            return self.categories[:0], category
        first, last = int(category[0]), int(category[-1])
        return self.categories[first : last + 1], category - first


def _shapes(*tensors: Tensor) -> str:
    return "shapes " + " and ".join(str(tuple(tensor.shape)) for tensor in tensors)

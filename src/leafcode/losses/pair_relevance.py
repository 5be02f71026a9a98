"""How a loss is told the relevance of its pairs: as a matrix, or block by block."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class PairBlock(NamedTuple):
    """Relevance of R anchors to the W candidates of a window; to any other it is 0."""

    window: slice
    """Places of the candidates."""
    relevance: Tensor
    """(K, M): of each class of candidates to each class of anchors; NaN where pairs take part in nothing."""
    classes: Tensor | None
    """int64 (W,), ascending: class of each candidate; None if each is a class by itself, W = K."""
    anchor_classes: Tensor | None
    """int64 (R,): class of each anchor; None if each is a class by itself, R = M. Given if `classes` are."""
    own: tuple[Tensor, Tensor]
    """int64, int64 of one length: rows of the window, and the anchors (0 to R - 1) that they are themselves:
    these pairs take part in nothing."""


class PairRelevance(Protocol):
    """Relevance (A, C) that is worked out block by block, such as `leafcode.taxonomy.TreeRelevance`."""

    shape: tuple[int, int]
    levels: tuple[float, ...]
    """Grades, ascending, that a loss counts as positive unless it is told others."""
    leaves_itself_out: bool
    """Whether anchors that stand among the candidates take part in no pair with themselves."""
    anchor_order: Tensor
    """int64: the anchors that take part, in the order of the blocks."""
    candidate_order: Tensor
    """int64: the candidates that take part, in the order of the windows."""

    def block(
        self, start: int, stop: int
    ) -> tuple[slice, Tensor, Tensor | None, Tensor | None, tuple[Tensor, Tensor]]:
        """The fields of a `PairBlock`, of some anchors."""
        ...


class DenseRelevance:
    """A matrix as `PairRelevance`: its window is all candidates.

    Args:
        relevance: Real numbers (A, C).
        without_own: Whether candidate i is anchor i, and left out.
    """

    levels: tuple[float, ...] = (0.5, 1.0)

    def __init__(self, relevance: Tensor, without_own: bool) -> None:
        anchors, candidates = relevance.shape
        self.shape = (anchors, candidates)
        self.anchor_order = self.candidate_order = torch.arange(anchors, device=relevance.device)
        if not without_own:
            self.candidate_order = torch.arange(candidates, device=relevance.device)
        self._relevance, self.leaves_itself_out = relevance, without_own

    def block(self, start: int, stop: int) -> PairBlock:
        """All candidates to some anchors."""
        rows = self._relevance[start:stop].T.contiguous()
        if not rows.is_floating_point():
            rows = rows.to(torch.float32)
        own = self.anchor_order[start : stop if self.leaves_itself_out else start]
        return PairBlock(slice(0, self.shape[1]), rows, None, None, (own, own - start))

"""CAT-ID²: triplets of categories at each code level, with terms that keep the codes in use and apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from leafcode.methods.method import Method, Task, TrainedMethod
from leafcode.methods.network import need_taxonomy, train_with_term
from leafcode.quantizers import RQVAE, RQVAEOutput
from leafcode.taxonomy import Taxonomy, ancestor_rows
from leafcode.training import CodeTerm, cumulative_sums

_MARGIN = 0.2
_BALANCE_WEIGHT = 0.1
_DISPERSION_WEIGHT = 0.1
_SOFTNESS = 0.1
"""Temperature of the soft code usage; squared distances between unit vectors are of about this size."""


class Triplets(Method):
    """The losses of CAT-ID² (Liu et al. 2025, arXiv 2511.01461) on leafcode's network.

    On the sums of the codewords up to level l, the items of one category of depth l must be closer to each
    other, by a margin, than to those of another; from level 2 on the other category has the same parent. Two
    more terms, of small fixed weight beside it, keep the codes in even use and the quantised items apart. The
    paper's code is not published, so margins and temperatures are ours. The strength is the weight of all
    three.
    """

    name = "triplets"
    title = "Triplets (CAT-ID²)"
    uses_tree = True
    strengths = (0.3, 1.0)
    default = 0.3

    def train(self, task: Task, strength: float | None = None) -> TrainedMethod:
        """Train on uniform batches."""
        weight = self.default if strength is None else strength
        return train_with_term(
            task, TripletTerm(task.nodes, need_taxonomy(task, self.title), weight), self.title
        )


class TripletTerm(CodeTerm):
    """Triplet loss per level, plus balance and dispersion.

    Args:
        nodes: (n,) node of each item, -1 for unlabelled items, which take no part in triplets.
        taxonomy: The tree.
        weight: Factor before the loss.
    """

    ancestors: Tensor

    def __init__(self, nodes: npt.NDArray[np.integer[Any]], taxonomy: Taxonomy, weight: float) -> None:
        super().__init__(weight)
        ancestors = ancestor_rows(taxonomy, nodes).astype(np.int64)
        self.register_buffer("ancestors", torch.from_numpy(ancestors), persistent=False)

    def loss(self, model: RQVAE, output: RQVAEOutput, items: npt.NDArray[np.int64]) -> Tensor:
        """Sum of the three terms, each a mean over the levels."""
        sums = cumulative_sums(output, model.config.embedding_dim)
        ancestors = self.ancestors[torch.from_numpy(items).to(self.ancestors.device)]
        supervised = min(sums.shape[1], ancestors.shape[1])
        triplets = [
            triplet_loss(sums[:, level], *category_pairs(ancestors, level)) for level in range(supervised)
        ]
        balance, dispersed = code_balance(model, output), dispersion(sums[:, -1])
        return torch.stack(triplets).mean() + _BALANCE_WEIGHT * balance + _DISPERSION_WEIGHT * dispersed


def category_pairs(ancestors: Tensor, level: int) -> tuple[Tensor, Tensor]:
    """Positive and negative pairs of a level, as bool (B, B).

    Args:
        ancestors: int64 (B, D) rows of ``Taxonomy.ancestors``, -1 beyond an item's depth.
        level: From 0; categories of depth level + 1 are compared.

    Example:
        >>> rows = torch.tensor([[0, 1], [0, 2], [0, 1], [3, 4]])
        >>> positive, negative = category_pairs(rows, 1)
        >>> positive[0].tolist(), negative[0].tolist()
        ([False, False, True, False], [False, True, False, False])
    """
    category = ancestors[:, level]
    known = category >= 0
    both = known[:, None] & known
    same = category[:, None] == category
    positive = both & same & ~torch.eye(len(category), dtype=torch.bool, device=category.device)
    negative = both & ~same
    if level > 0:
        parent = ancestors[:, level - 1]
        negative &= parent[:, None] == parent
    return positive, negative


def triplet_loss(vectors: Tensor, positive: Tensor, negative: Tensor, margin: float = _MARGIN) -> Tensor:
    """Mean of ``max(0, margin + d(a, p) - d(a, n))`` over all triplets, d the squared distance.

    All triplets of a batch are B^3; sorting the negatives of each anchor brings that down to B^2 log B: those
    within the margin of a positive are then the first so many, and their sum is a cumulative one.

    Args:
        vectors: (B, D).
        positive: Bool (B, B): column p is a positive of anchor row a.
        negative: Bool (B, B): column n is a negative of anchor row a.
        margin: By how much a negative must be farther.

    Returns:
        Scalar, 0 where there is no triplet.

    Example:
        >>> x = torch.tensor([[0.0], [1.0], [1.0]])
        >>> same = torch.tensor([[0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=torch.bool)
        >>> other = torch.tensor([[0, 0, 1], [0, 0, 1], [0, 0, 0]], dtype=torch.bool)
        >>> triplet_loss(x, same, other, margin=0.5).item()
        1.0
    """
    distance = squared_distances(vectors, vectors)
    ordered, order = torch.where(negative, distance, torch.inf).sort(dim=1)
    # In front of each sum of the nearest k negatives, that of none.
    totals = F.pad(torch.where(negative.gather(1, order), ordered, 0.0).cumsum(1), (1, 0))
    reach = distance + margin
    within = torch.searchsorted(ordered.detach(), reach.detach())
    hinged = within * reach - totals.gather(1, within)
    triplets = (positive * negative.sum(1, keepdim=True)).sum()
    return (hinged * positive).sum() / triplets.clamp_min(1)


def code_balance(model: RQVAE, output: RQVAEOutput) -> Tensor:
    """KL divergence of the soft code usage of a batch from uniform, in nats, mean over the levels.

    The usage is the mean over the batch of ``softmax(-|r - e|^2 / temperature)`` over codewords e, where r is
    the residual of an item at the level.
    """
    residual = output.latents
    divergences = []
    for level, (book, metric) in enumerate(
        zip(model.quantizer.codebooks, model.quantizer.metric, strict=True)
    ):
        scale = metric.sqrt()
        distance = squared_distances(residual * scale, book * scale)
        usage = F.softmax(-distance / _SOFTNESS, dim=1).mean(0)
        divergences.append((usage * (usage * len(book)).clamp_min(1e-12).log()).sum())
        residual = residual - output.quantizer.codewords[:, level].detach()
    return torch.stack(divergences).mean()


def dispersion(vectors: Tensor) -> Tensor:
    """How close together a batch lies on the unit sphere: log of the mean of ``exp(-2 d)`` over its pairs.

    The uniformity loss of Wang & Isola (2020); 0 where all coincide.

    Args:
        vectors: (B, D); a single one has nothing to be apart from, and gives 0.
    """
    if len(vectors) < 2:
        return 0.0 * vectors.sum()
    unit = F.normalize(vectors, dim=1)
    squared = squared_distances(unit, unit)
    apart = ~torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    return torch.logsumexp(-2.0 * squared[apart], 0) - float(np.log(apart.sum().item()))


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Of every row of a (A, D) to every row of b (B, D), as (A, B)."""
    distances: Tensor = a.square().sum(1)[:, None] + b.square().sum(1) - 2.0 * a @ b.T
    return distances.clamp_min(0.0)

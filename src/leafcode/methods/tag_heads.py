"""HiD-VAE: code level l learns to be told apart by the categories of depth l."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leafcode.methods.method import Method, Task, TrainedMethod
from leafcode.methods.network import need_taxonomy, train_with_term
from leafcode.quantizers import RQVAE, RQVAEOutput
from leafcode.taxonomy import Taxonomy
from leafcode.training import CodeTerm, cumulative_sums, seeded

_TEMPERATURE = 0.1
_UNKNOWN = -1


class TagHeads(Method):
    """The tag supervision of HiD-VAE (Fang et al. 2025, arXiv 2508.04618) on leafcode's network.

    A tag is a category, and that of depth l supervises code level l in two ways, both on the sum of the
    codewords up to that level: InfoNCE against the embeddings of the tags in the batch, and cross-entropy of
    a linear classifier over all tags. Items with the same tag are never negatives of one another. HiD-VAE's
    third loss, on items that share a full code, is left out. The strength is the weight of the two losses.
    """

    name = "tag_heads"
    title = "Tag heads (HiD-VAE)"
    uses_tree = True
    strengths = (0.03, 0.1)
    default = 0.1

    def train(self, task: Task, strength: float | None = None) -> TrainedMethod:
        """Train on uniform batches."""
        taxonomy = need_taxonomy(task, self.title)
        weight = self.default if strength is None else strength
        with seeded(task.training.seed):
            term = TagTerm(task.embeddings, task.nodes, taxonomy, len(task.shape.sizes), weight)
        return train_with_term(task, term, self.title)


class TagTerm(CodeTerm):
    """InfoNCE and cross-entropy of the tags, averaged over the levels that have any.

    The embedding of a tag is the mean embedding of its items to train on, through a linear map that starts
    as the identity. An item without a category as deep as the level, or whose category has no item to train
    on, takes no part in that level.

    Args:
        embeddings: (n, E) of the training items.
        nodes: (n,) node of each item, -1 for unlabelled items.
        taxonomy: The tree.
        levels: L, number of code levels.
        weight: Factor before the loss.
    """

    tags: Tensor

    def __init__(
        self,
        embeddings: npt.NDArray[np.floating[Any]],
        nodes: npt.NDArray[np.integer[Any]],
        taxonomy: Taxonomy,
        levels: int,
        weight: float,
    ) -> None:
        super().__init__(weight)
        self._embeddings = embeddings
        supervised = min(levels, taxonomy.max_depth)
        dim = embeddings.shape[1]
        ancestors = taxonomy.ancestors[:, :supervised]
        tags = np.full((len(nodes), supervised), _UNKNOWN, np.int64)
        self.heads, self.projections = nn.ModuleList(), nn.ModuleList()
        for level, column in enumerate(ancestors.T):
            labelled = np.flatnonzero(nodes >= 0)
            labelled = labelled[column[nodes[labelled]] >= 0]
            names, tags[labelled, level] = np.unique(column[nodes[labelled]], return_inverse=True)
            self.heads.append(nn.Linear(dim, max(1, len(names))))
            projection = nn.Linear(dim, dim)
            nn.init.eye_(projection.weight)
            nn.init.zeros_(projection.bias)
            self.projections.append(projection)
            self.register_buffer(f"means_{level}", torch.zeros(max(1, len(names)), dim), persistent=False)
        self.register_buffer("tags", torch.from_numpy(tags), persistent=False)

    def prepare(self, train: npt.NDArray[np.int64]) -> None:
        """Take the mean embedding of each tag; tags without an item to train on are forgotten."""
        x = F.normalize(torch.from_numpy(np.asarray(self._embeddings[train], np.float32)), dim=1)
        tags = self.tags.cpu()
        for level in range(tags.shape[1]):
            mean = self._means(level)
            own = tags[torch.from_numpy(train), level]
            sums = torch.zeros(mean.shape).index_add_(0, own[own >= 0], x[own >= 0])
            counts = torch.bincount(own[own >= 0], minlength=len(mean))
            mean.copy_(sums / counts.clamp_min(1)[:, None])
            seen = (tags[:, level] >= 0) & (counts[tags[:, level].clamp_min(0)] > 0)
            self.tags[:, level] = torch.where(seen, tags[:, level], _UNKNOWN).to(self.tags.device)

    def loss(self, model: RQVAE, output: RQVAEOutput, items: npt.NDArray[np.int64]) -> Tensor:
        """Mean over the levels of InfoNCE plus cross-entropy."""
        sums = cumulative_sums(output, model.config.embedding_dim)
        tags = self.tags[torch.from_numpy(items).to(self.tags.device)]
        losses = [
            self._level_loss(level, sums[tags[:, level] >= 0, level], own[own >= 0])
            for level, own in enumerate(tags.T)
            if bool((own >= 0).any())
        ]
        # Without a tag in the batch, zero, but connected to the graph.
        return torch.stack(losses).mean() if losses else 0.0 * sums.sum()

    def _level_loss(self, level: int, sums: Tensor, tags: Tensor) -> Tensor:
        # Every tag of the batch once: items with the same tag share a column, and are no negatives.
        present, column = torch.unique(tags, return_inverse=True)
        embedded = self.projections[level](self._means(level)[present])
        similarity = F.normalize(sums, dim=1) @ F.normalize(embedded, dim=1).T
        logits: Tensor = self.heads[level](sums)
        return F.cross_entropy(similarity / _TEMPERATURE, column) + F.cross_entropy(logits, tags)

    def _means(self, level: int) -> Tensor:
        return self.get_buffer(f"means_{level}")

"""The contrastive term of training: graded pairs of items, drawn in hierarchical batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from leafcode.losses import GradedContrastiveLoss
from leafcode.sampling import HierarchicalBatchSampler
from leafcode.taxonomy import Grades, Taxonomy
from leafcode.training.config import TrainingConfig


class TreeTerm:
    """Batches of labelled items, and the graded contrastive loss of their projections.

    A catalogue with fewer labelled items than `TrainingConfig.contrast_batch_size` makes one batch of them
    all, with fewer items per category where it is very small.

    Args:
        nodes: (n,) node of each item, -1 for unlabelled items.
        taxonomy: The tree.
        config: Settings.
        train: Positions of the training items, labelled or not.
        device: Where relevance is computed.
    """

    def __init__(
        self,
        nodes: npt.NDArray[np.integer[Any]],
        taxonomy: Taxonomy,
        config: TrainingConfig,
        train: npt.NDArray[np.int64],
        device: torch.device,
    ) -> None:
        self._nodes = torch.from_numpy(nodes.astype(np.int64)).to(device)
        self._ancestors = torch.from_numpy(np.array(taxonomy.ancestors)).to(device)
        self._grades = Grades.parse(config.grades, taxonomy.max_depth)
        self._loss = GradedContrastiveLoss(self._grades.levels, temperature=config.temperature)
        self.labelled = train[nodes[train] >= 0]
        size = min(config.contrast_batch_size, len(self.labelled))
        self._sampler = HierarchicalBatchSampler(
            nodes[self.labelled],
            taxonomy,
            batch_size=size,
            items_per_category=min(config.items_per_category, max(2, size // 4)),
            related_fraction=config.related_fraction,
            seed=config.seed,
        )

    def batch(self, step: int) -> npt.NDArray[np.int64]:
        """Positions of the items of a step."""
        return np.asarray(self.labelled[self._sampler.step_batch(step)], np.int64)

    def relevance(self, items: npt.NDArray[np.int64]) -> Tensor:
        """(B, B) grades of the items' categories."""
        index = torch.from_numpy(items).to(self._nodes.device)
        return self._grades.matrix(self._ancestors[self._nodes[index]])

    def has_positive_pair(self, items: npt.NDArray[np.int64]) -> bool:
        """Whether any two of the labelled items among these are relevant to each other."""
        items = items[(self._nodes.cpu().numpy()[items] >= 0)]
        return bool((self.relevance(items).fill_diagonal_(0.0) > 0).any())

    def loss(self, projections: Tensor, items: npt.NDArray[np.int64]) -> Tensor:
        """Contrastive loss of projections (B, T) of items (B,); unlabelled ones take no part."""
        loss: Tensor = self._loss(projections, self.relevance(items)).loss
        return loss

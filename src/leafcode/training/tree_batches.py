"""Hierarchical batches of the labelled items of a catalogue."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.sampling import HierarchicalBatchSampler
from leafcode.taxonomy import Taxonomy
from leafcode.training.config import TrainingConfig


class TreeBatches:
    """Hierarchical batches, each a function of its step.

    A catalogue with fewer labelled items than `TrainingConfig.contrast_batch_size` makes one batch of them
    all, with fewer items per category where it is very small.

    Args:
        nodes: (n,) node of each item, -1 for unlabelled items.
        taxonomy: The tree.
        config: Settings.
        train: Positions of the training items, labelled or not.

    Attributes:
        labelled: Positions of the training items with a category.
    """

    def __init__(
        self,
        nodes: npt.NDArray[np.integer[Any]],
        taxonomy: Taxonomy,
        config: TrainingConfig,
        train: npt.NDArray[np.int64],
    ) -> None:
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

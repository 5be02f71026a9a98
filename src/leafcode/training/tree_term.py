"""The contrastive term of training: items against the prototypes of categories, in hierarchical batches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from leafcode.errors import InputError
from leafcode.losses import prototype_contrastive_loss
from leafcode.quantizers import TreeEncoder
from leafcode.taxonomy import Grades
from leafcode.training.config import TrainingConfig
from leafcode.training.labels import Labels
from leafcode.training.tree_batches import TreeBatches
from leafcode.training.tree_targets import tree_targets


class TreeTerm(TreeBatches):
    """Batches of labelled items, and the contrastive loss of their projections.

    Args:
        labels: Of the items, with a tree. Trust is the weight of an item in the loss, see `leafcode.audit`.
            For places see `tree_targets`; batches are drawn by `nodes`, so that an item takes part as often
            as any other.
        config: Settings.
        train: Positions of the training items, labelled or not.
        device: Where the loss is computed.

    Raises:
        InputError: There is no tree.
    """

    def __init__(
        self,
        labels: Labels,
        config: TrainingConfig,
        train: npt.NDArray[np.int64],
        device: torch.device,
    ) -> None:
        nodes, taxonomy, trust, places = labels.nodes, labels.taxonomy, labels.trust, labels.places
        if taxonomy is None:
            raise InputError("labels", "no category tree", "the tree of the nodes")
        super().__init__(nodes, taxonomy, config, train)
        grades = Grades.parse(config.grades, taxonomy.max_depth)
        if places is None:
            # By node, of which there are fewer than items; the last row is that of node -1.
            rows, each = nodes, np.append(np.arange(len(taxonomy)), -1)[:, None]
        else:
            each, rows = np.unique(places, axis=0, return_inverse=True)
        targets = tree_targets(each, taxonomy, grades, among=nodes if places is None else places)
        self._rows, self._categories = rows.reshape(-1), targets.categories
        self._spans = torch.from_numpy(targets.spans).to(device)
        self._weights = torch.from_numpy(targets.weights).to(device)
        self._trust = None if trust is None else torch.from_numpy(trust).to(device)
        filled = (targets.spans[..., 1] > targets.spans[..., 0]).any(2)
        taking_part = (filled & (targets.weights > 0)).any(1)
        self._item_weights = np.asarray(taking_part, np.float64)[self._rows]
        if trust is not None:
            self._item_weights *= trust

    def check(self, encoder: TreeEncoder | None) -> TreeEncoder:
        """The encoder, if it is one for the categories of the items.

        Raises:
            InputError: There is none, or it has other categories.
        """
        if encoder is None or not np.array_equal(encoder.spans.cpu().numpy(), self._categories):
            count, depths = self._categories.shape[:2]
            raise InputError(
                "model",
                "no tree part"
                if encoder is None
                else f"a tree part for {len(encoder.spans)} categories at {encoder.spans.shape[1]} depths",
                f"one for the items' own tree, of {count} categories at {depths} depths",
                "leafcode.training.new_model makes a model for them.",
            )
        return encoder

    def relative_weight(self, some: npt.NDArray[np.int64], items: npt.NDArray[np.int64]) -> float:
        """Mean weight of some items (b,) of a batch (B,) in the loss, in times that of the batch."""
        average = self._item_weights[items].mean()
        # If no item has any weight, the loss is 0 whatever the factor.
        return float(self._item_weights[some].mean() / average) if average > 0 else 1.0

    def loss(self, encoder: TreeEncoder, embeddings: Tensor, items: npt.NDArray[np.int64]) -> Tensor:
        """Contrastive loss of items (B,) with embeddings (B, E); unlabelled ones take no part."""
        index = torch.from_numpy(items).to(self._spans.device)
        row = torch.from_numpy(self._rows[items].astype(np.int64)).to(self._spans.device)
        return prototype_contrastive_loss(
            encoder.project(embeddings),
            encoder.prototypes,
            self._spans[row],
            weights=self._weights[row],
            item_weights=None if self._trust is None else self._trust[index],
            temperature=float(encoder.temperature),
        )

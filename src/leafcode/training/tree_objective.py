"""What the tree encoder is trained for, and the batches that it sees."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from leafcode.errors import TrainingError
from leafcode.quantizers import RQVAE
from leafcode.training.batch import Batch, Inputs, LongArray
from leafcode.training.config import SMALLEST_BATCH, TrainingConfig
from leafcode.training.labels import Labels
from leafcode.training.randomness import validation_sample
from leafcode.training.tree_term import TreeTerm


class TreeObjective:
    """The contrastive term on hierarchical batches.

    Args:
        model: Its tree encoder is what is trained.
        inputs: Of all items.
        labels: Of the items, with a tree.
        train: Positions of the items to train on.
        validation: Positions of items kept aside, or of training items if none are.
        config: Settings.

    Raises:
        InputError: There is no tree, or the model has no tree encoder for it.
    """

    def __init__(
        self,
        model: RQVAE,
        inputs: Inputs,
        labels: Labels,
        train: LongArray,
        validation: LongArray,
        config: TrainingConfig,
    ) -> None:
        self._inputs, self._config, self._dim = inputs, config, model.config.embedding_dim
        self._term = TreeTerm(labels, config, train, inputs.device)
        self._encoder = self._term.check(model.tree_encoder)
        kept_aside = validation[labels.nodes[validation] >= 0]
        watched = kept_aside if len(kept_aside) else self._term.labelled
        self._validation = validation_sample(watched, config.seed, config.contrast_batch_size)

    def begin(self) -> None:
        """Make the encoder ready to be trained."""
        self._encoder.temperature.fill_(self._config.temperature)

    def draw(self, step: int) -> Batch:
        """The batch of a step, which depends on nothing else."""
        return self._inputs.batch(self._term.batch(step))

    def step(self, step: int, batch: Batch) -> dict[str, Tensor]:
        """What this process's share of a batch contributes to the term on the whole."""
        rows, weight = self._inputs.world.share(len(batch.items))
        own = batch.items[rows]
        weight *= self._term.relative_weight(own, batch.items)
        return {"contrast": weight * self._loss(own, batch.inputs)}

    def validate(self) -> dict[str, Tensor]:
        """The term on items kept aside."""
        return {"contrast": self._loss(self._validation, self._inputs.take(self._validation))}

    def _loss(self, items: LongArray, inputs: Tensor) -> Tensor:
        return self._term.loss(self._encoder, inputs[:, : self._dim], items)


def tree_can_teach(
    labels: Labels, train: LongArray, wanted: float | Literal["auto"], warnings: list[str]
) -> bool:
    """Whether lambda is not zero and enough training items lie in two categories at least.

    Args:
        labels: Of the items.
        train: Positions of the items to train on.
        wanted: Lambda.
        warnings: A sentence is added where lambda is to be found, and the tree cannot teach.

    Raises:
        TrainingError: Lambda was given, and the tree cannot teach.
    """
    if wanted == 0 or (wanted == "auto" and labels.taxonomy is None):
        return False
    if labels.taxonomy is None:
        raise TrainingError("There is no category tree. Train with --contrast-weight 0 or auto.")
    labelled, categories = labels.categories(train)
    if categories >= 2 and labelled >= SMALLEST_BATCH:
        return True
    found = f"{labelled} training items have a category, of {categories} different ones"
    needed = f"it takes {SMALLEST_BATCH} items and two categories to tell them apart"
    if wanted == "auto":
        warnings.append(f"The tree was not used: {found}, and {needed}.")
        return False
    raise TrainingError(f"Only {found}, and {needed}. Train with --contrast-weight 0.")

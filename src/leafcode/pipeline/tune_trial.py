"""One trial of `leafcode tune`: a setting of the tree's part in training, and what it comes to."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.catalog import Catalog
from leafcode.codes import encode_items
from leafcode.errors import InputError
from leafcode.evaluation import collision_rate, prefix_accuracy, reconstruction_error, to_json
from leafcode.methods import Task
from leafcode.methods.network import network_trainer
from leafcode.pipeline.fit import FitOptions
from leafcode.pipeline.items import catalog_embeddings, category_ancestors
from leafcode.quantizers import RQVAE
from leafcode.training import Trainer, TrainingConfig


@dataclass(frozen=True)
class Setting:
    """What is searched.

    Attributes:
        contrast_weight: Lambda.
        second_share: Share of lambda that the second code level gets; the first gets all of it, levels beyond
            get none. None where there is one level only.
        temperature: Of the contrastive term.
    """

    contrast_weight: float
    second_share: float | None
    temperature: float

    def apply(self, training: TrainingConfig) -> TrainingConfig:
        """These settings of training, with this one in their place.

        Example:
            >>> Setting(2.0, 0.25, 0.1).apply(TrainingConfig()).level_weights
            (1.0, 0.25)
        """
        return dataclasses.replace(
            training,
            contrast_weight=self.contrast_weight,
            level_weights=(1.0,) if self.second_share is None else (1.0, self.second_share),
            temperature=self.temperature,
        )

    def words(self) -> list[str]:
        """What to write after ``leafcode fit`` to train with this setting.

        Example:
            >>> " ".join(Setting(2.0, 0.25, 0.1).words())
            '--contrast-weight 2 --level-weights 1,0.25 --temperature 0.1'
        """
        shares = [1.0] if self.second_share is None else [1.0, self.second_share]
        return [
            *("--contrast-weight", f"{self.contrast_weight:g}"),
            *("--level-weights", ",".join(f"{share:g}" for share in shares)),
            *("--temperature", f"{self.temperature:g}"),
        ]


@dataclass(frozen=True)
class Outcome:
    """What training with a setting came to, on the items that were measured.

    Attributes:
        reconstruction: Reconstruction error.
        accuracy: Prefix accuracy at each depth from the top; NaN where no measured item reaches it.
        collision_rate: Share of all items whose full code another one has too.
        contrast_weight: Lambda, as given or as found.
    """

    reconstruction: float
    accuracy: tuple[float, ...]
    collision_rate: float
    contrast_weight: float

    @property
    def error(self) -> float:
        """Share of items whose code names the wrong category, averaged over the depths."""
        return 1.0 - float(np.nanmean(self.accuracy))

    def objectives(self, without_tree: Outcome) -> tuple[float, float]:
        """What is to be small: reconstruction error as a multiple of that without the tree, and `error`."""
        return self.reconstruction / without_tree.reconstruction, self.error

    def to_json(self) -> dict[str, Any]:
        """A JSON object; NaN becomes null."""
        ready: dict[str, Any] = to_json(dataclasses.asdict(self))
        return ready

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Outcome:
        """Read what `to_json` gave."""
        accuracy = tuple(np.nan if depth is None else depth for depth in value["accuracy"])
        return cls(**{**value, "accuracy": accuracy})


@dataclass(frozen=True, eq=False)
class Split:
    """Items with embeddings and categories, some to train on and the rest to measure on.

    Attributes:
        catalog: All of them.
        held_out: bool (n,), the items to measure on.
    """

    catalog: Catalog
    held_out: npt.NDArray[np.bool_]

    def check(self, where: str) -> None:
        """Every objective is defined on the items held out.

        Raises:
            InputError: None of them has a category.
        """
        if not bool((self.held_out & self.catalog.labelled).any()):
            raise InputError(where, "no item with a category among those held out to measure on", "some")

    def trainer(
        self,
        options: FitOptions,
        training: TrainingConfig,
        device: str,
        on_initialised: Callable[[RQVAE], None] | None = None,
    ) -> Trainer:
        """Training on the items that are not held out.

        Raises:
            InputError: Too few items.
            TrainingError: The tree is asked for, and too few items have a category.
        """
        embeddings, train = catalog_embeddings(self.catalog), ~self.held_out
        places = self.catalog.places
        task = Task(
            embeddings[train],
            self.catalog.nodes[train],
            self.catalog.taxonomy,
            options.model(embeddings.shape[1]),
            training,
            device,
            places=None if places is None else places[train],
        )
        return network_trainer(task, on_initialised=on_initialised)

    def measure(self, model: RQVAE, contrast_weight: float) -> Outcome:
        """The outcome of a model on the items held out."""
        embeddings, ancestors = catalog_embeddings(self.catalog), category_ancestors(self.catalog)
        encoded, train, test = encode_items(model, embeddings), ~self.held_out, self.held_out
        accuracy = prefix_accuracy(
            encoded.codes[train], ancestors[train], encoded.codes[test], ancestors[test]
        )
        return Outcome(
            reconstruction=reconstruction_error(embeddings[test], encoded.reconstructions[test]),
            accuracy=tuple(accuracy.tolist()),
            collision_rate=collision_rate(encoded.codes),
            contrast_weight=contrast_weight,
        )

    def run(
        self,
        options: FitOptions,
        training: TrainingConfig,
        device: str,
        at_start: Callable[[Outcome], None] | None = None,
    ) -> Outcome:
        """Train and measure.

        Args:
            options: Shape of the model.
            training: Settings of training.
            device: Where to train.
            at_start: Called with the outcome of the codes that k-means sets before the last phase of
                training; an exception that it raises ends the trial there.

        Returns:
            The outcome after training.
        """

        def estimate(model: RQVAE) -> None:
            if at_start is not None:
                at_start(self.measure(model, trainer.tree_weight))

        trainer = self.trainer(options, training, device, estimate)
        result = trainer.fit()
        return self.measure(result.model.to("cpu"), result.tree_weight)

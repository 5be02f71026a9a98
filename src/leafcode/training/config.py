"""Settings of training, with the reasons for their defaults in docs/training.md."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from leafcode.errors import check_settings

SMALLEST_BATCH = 12
"""Items in the smallest hierarchical batch; see `leafcode.sampling.HierarchicalBatchSampler`."""

_BY_LEVEL = "numbers >= 0, one for each of the coarse levels"


@dataclass(frozen=True)
class TrainingConfig:
    """How an `RQVAE` is trained.

    Attributes:
        tree_steps: Steps of the first phase, in which the contrastive term trains the tree projection.
        content_steps: Steps of the second phase, which trains encoder, codebooks and decoder on content.
        steps: Steps of the last phase, which trains them with the tree.
        batch_size: Items in the uniform batch, which feeds reconstruction and quantisation.
        contrast_batch_size: Items in the hierarchical batch, which feeds the contrastive term alone.
        learning_rate: Peak of a linear warm-up and cosine decay, per phase.
        weight_decay: Of AdamW.
        contrast_weight: Lambda, or ``"auto"`` for the largest that keeps to `reconstruction_limit`.
        level_weights: Share of lambda that each code level gets, coarse to fine; levels beyond get 0.
        engagement_weights: Weight of the engagement part at each code level, where the items have one; levels
            beyond get 0.
        reconstruction_limit: With ``"auto"``: how many times the reconstruction error of the cheapest lambda
            the chosen one may cost, both with the trained model, on items kept aside.
        temperature: Of the contrastive term.
        grades: ``"depth"``, or grades by distance such as ``"1,0.5"``; see `leafcode.taxonomy.Grades`.
        items_per_category: Items drawn from a category at a time in a hierarchical batch.
        related_fraction: Share of a hierarchical batch that comes from one parent.
        progressive_masking: Quantise each item with a random number of leading levels while training.
        validation_fraction: Share of the training items kept aside to choose the best checkpoint.
        evaluate_every: Steps between validations, which are also the checkpoints.
        seed: Of everything random.

    Raises:
        InputError: Naming every setting that is out of range, all at once.
    """

    tree_steps: int = 2000
    content_steps: int = 500
    steps: int = 500
    batch_size: int = 512
    contrast_batch_size: int = 512
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    contrast_weight: float | Literal["auto"] = "auto"
    level_weights: tuple[float, ...] = (1.0, 2.0)
    engagement_weights: tuple[float, ...] = (0.5,)
    reconstruction_limit: float = 1.0075
    temperature: float = 0.05
    grades: str = "depth"
    items_per_category: int = 4
    related_fraction: float = 0.5
    progressive_masking: bool = False
    validation_fraction: float = 0.05
    evaluate_every: int = 250
    seed: int = 0

    def __post_init__(self) -> None:
        weight = self.contrast_weight
        checks = {
            "steps": (self.steps >= 1, "at least 1"),
            "content_steps": (self.content_steps >= 1, "at least 1"),
            "tree_steps": (self.tree_steps >= 1, "at least 1"),
            "batch_size": (self.batch_size >= 2, "at least 2"),
            "contrast_batch_size": (
                self.contrast_batch_size >= SMALLEST_BATCH,
                f"at least {SMALLEST_BATCH}",
            ),
            "learning_rate": (0 < self.learning_rate < math.inf, "above 0"),
            "weight_decay": (0 <= self.weight_decay < math.inf, "at least 0"),
            "contrast_weight": (
                weight == "auto" if isinstance(weight, str) else 0 <= weight < math.inf,
                "'auto' or a number >= 0",
            ),
            "level_weights": (_weights(self.level_weights), _BY_LEVEL),
            "engagement_weights": (_weights(self.engagement_weights), _BY_LEVEL),
            "reconstruction_limit": (1 <= self.reconstruction_limit < math.inf, "at least 1"),
            "temperature": (0 < self.temperature < math.inf, "above 0"),
            "items_per_category": (self.items_per_category >= 2, "at least 2"),
            "related_fraction": (0 < self.related_fraction < 1, "a share in (0, 1)"),
            "validation_fraction": (0 <= self.validation_fraction < 0.5, "a share in [0, 0.5)"),
            "evaluate_every": (self.evaluate_every >= 1, "at least 1"),
            "seed": (0 <= self.seed < 2**32, "an integer in [0, 2^32)"),
        }
        check_settings("training settings", self, checks)


def _weights(weights: tuple[float, ...]) -> bool:
    return bool(weights) and all(0 <= weight < math.inf for weight in weights)

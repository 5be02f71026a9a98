"""Losses: they take embeddings and a relevance matrix or targets, never a model or a tree."""

from leafcode.losses.graded_contrastive import (
    GradedContrastiveLoss,
    GradedContrastiveOutput,
    graded_contrastive_loss,
)
from leafcode.losses.prototype_contrastive import prototype_contrastive_loss

__all__ = [
    "GradedContrastiveLoss",
    "GradedContrastiveOutput",
    "graded_contrastive_loss",
    "prototype_contrastive_loss",
]

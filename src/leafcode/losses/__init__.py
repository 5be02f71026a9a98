"""Losses: they take embeddings and a relevance matrix, never a model or a tree."""

from leafcode.losses.graded_contrastive import (
    GradedContrastiveLoss,
    GradedContrastiveOutput,
    graded_contrastive_loss,
)

__all__ = ["GradedContrastiveLoss", "GradedContrastiveOutput", "graded_contrastive_loss"]

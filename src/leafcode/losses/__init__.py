"""Losses: they take embeddings and a relevance matrix or targets, never a model or a tree."""

from leafcode.losses.cross_modal import CrossModalLoss, CrossModalOutput, cross_modal_loss
from leafcode.losses.graded_contrastive import (
    GradedContrastiveLoss,
    GradedContrastiveOutput,
    graded_contrastive_loss,
)
from leafcode.losses.in_batch_softmax import InBatchSoftmaxLoss, InBatchSoftmaxOutput, in_batch_softmax_loss
from leafcode.losses.prototype_contrastive import prototype_contrastive_loss

__all__ = [
    "CrossModalLoss",
    "CrossModalOutput",
    "GradedContrastiveLoss",
    "GradedContrastiveOutput",
    "InBatchSoftmaxLoss",
    "InBatchSoftmaxOutput",
    "cross_modal_loss",
    "graded_contrastive_loss",
    "in_batch_softmax_loss",
    "prototype_contrastive_loss",
]

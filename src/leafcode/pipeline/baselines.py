"""What a run is compared with, at the same code budget: RQ-KMeans, and the same model without the tree.

The methods are those of `leafcode.methods`; here is how a run folder keeps them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from leafcode.codes import EncodedItems, encode_items
from leafcode.methods import Task
from leafcode.methods.kmeans_codes import quantizer_codes
from leafcode.methods.rq_kmeans import fit_rq_kmeans
from leafcode.methods.without_tree import train_without_tree
from leafcode.quantizers import RQVAE, ResidualQuantizer, RQVAEConfig
from leafcode.training import TrainingConfig


def train_baselines(
    model: RQVAEConfig,
    embeddings: npt.NDArray[np.floating[Any]],
    training: TrainingConfig,
    *,
    device: str = "cpu",
    checkpoint: Path | None = None,
    progress: bool = True,
) -> dict[str, Tensor]:
    """Train both baselines on the embeddings of the training items.

    Args:
        model: Shape of the model that they are compared with.
        embeddings: (n, E) of the training items.
        training: Settings of the run; lambda is set to 0, everything else is kept.
        device: Where to train.
        checkpoint: Of the training with lambda = 0.
        progress: Show progress bars.

    Returns:
        Tensors by name, for `encode_rq_kmeans` and `encode_lambda_0`.
    """
    unlabelled = np.full(len(embeddings), -1)
    task = Task(embeddings, unlabelled, None, content_only(model), training, device=device, progress=progress)
    parts = {
        "rq_kmeans": fit_rq_kmeans(task),
        "lambda_0": train_without_tree(task, checkpoint).model.to("cpu"),
    }
    return {
        f"{part}/{name}": value
        for part, module in parts.items()
        for name, value in module.state_dict().items()
    }


def content_only(model: RQVAEConfig) -> RQVAEConfig:
    """The shape of a model that knows neither tree nor engagement."""
    return dataclasses.replace(model, categories=0, depths=0, engagement_dim=0)


def encode_lambda_0(
    model: RQVAEConfig, tensors: Mapping[str, Tensor], embeddings: npt.NDArray[np.floating[Any]]
) -> EncodedItems:
    """Codes of the model that was trained with lambda = 0."""
    network = RQVAE(content_only(model))
    network.load_state_dict(_part(tensors, "lambda_0/"))
    return encode_items(network.eval(), embeddings)


def encode_rq_kmeans(
    model: RQVAEConfig, tensors: Mapping[str, Tensor], embeddings: npt.NDArray[np.floating[Any]]
) -> EncodedItems:
    """Codes by k-means on the embeddings themselves."""
    quantizer = ResidualQuantizer(model.embedding_dim, model.sizes)
    quantizer.load_state_dict(_part(tensors, "rq_kmeans/"))
    return quantizer_codes(quantizer, embeddings)


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

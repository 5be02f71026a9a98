"""What a run is compared with, at the same code budget: RQ-KMeans, and the same model without the tree."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from leafcode.codes import EncodedItems, encode_items
from leafcode.quantizers import RQVAE, ResidualQuantizer, RQVAEConfig
from leafcode.training import Trainer, TrainingConfig

_CHUNK = 4096


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
    unit = F.normalize(torch.from_numpy(np.array(embeddings, np.float32)), dim=1)
    quantizer = ResidualQuantizer(unit.shape[1], model.sizes)
    quantizer.fit(unit, torch.Generator().manual_seed(training.seed))
    config = dataclasses.replace(training, contrast_weight=0.0)
    trainer = Trainer(
        new_model(model, training.seed),
        embeddings,
        np.full(len(embeddings), -1),
        None,
        config,
        device=device,
        checkpoint=checkpoint,
        progress=progress,
        title="lambda = 0",
    )
    state = trainer.fit().model.to("cpu").state_dict()
    tensors = {f"lambda_0/{name}": value for name, value in state.items()}
    return tensors | {f"rq_kmeans/{name}": value for name, value in quantizer.state_dict().items()}


def encode_lambda_0(
    model: RQVAEConfig, tensors: Mapping[str, Tensor], embeddings: npt.NDArray[np.floating[Any]]
) -> EncodedItems:
    """Codes of the model that was trained with lambda = 0."""
    network = RQVAE(model)
    network.load_state_dict(_part(tensors, "lambda_0/"))
    return encode_items(network.eval(), embeddings)


def encode_rq_kmeans(
    model: RQVAEConfig, tensors: Mapping[str, Tensor], embeddings: npt.NDArray[np.floating[Any]]
) -> EncodedItems:
    """Codes by k-means on the embeddings themselves, in float64 as `encode_items`."""
    quantizer = ResidualQuantizer(model.embedding_dim, model.sizes)
    quantizer.load_state_dict(_part(tensors, "rq_kmeans/"))
    quantizer = quantizer.double()
    codes, vectors = [], []
    for start in range(0, len(embeddings), _CHUNK):
        block = torch.from_numpy(np.array(embeddings[start : start + _CHUNK], np.float64))
        codes.append(quantizer.encode(F.normalize(block, dim=1)))
        vectors.append(quantizer.decode(codes[-1]).detach().float())
    quantized = torch.cat(vectors).numpy()
    return EncodedItems(torch.cat(codes).numpy(), quantized, quantized)


def new_model(config: RQVAEConfig, seed: int) -> RQVAE:
    """A model whose first weights the seed decides, whatever was drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return RQVAE(config)


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

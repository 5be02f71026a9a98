"""RQ-KMeans: k-means on the embeddings, then on what it left over, and so on."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from leafcode.methods.kmeans_codes import quantizer_codes, unit_vectors
from leafcode.methods.method import Method, Task, TrainedMethod
from leafcode.quantizers import ResidualQuantizer

_MOST = 1 << 18
"""Items to learn from: hundreds for each code of the usual levels."""


class RQKMeans(Method):
    """Residual k-means on the embeddings at unit length, without a network and without the tree.

    The plainest way to make codes, and hard to beat in reconstruction (Luo et al. 2024, QARM).
    """

    name = "rq_kmeans"
    title = "RQ-KMeans"
    uses_tree = False

    def train(self, task: Task, strength: float | None = None) -> TrainedMethod:
        """Fit the codebooks."""
        return TrainedMethod(partial(quantizer_codes, fit_rq_kmeans(task)), {})


def fit_rq_kmeans(task: Task) -> ResidualQuantizer:
    """The codebooks, on the CPU; of more items than `_MOST`, from a sample of them."""
    quantizer = ResidualQuantizer(task.shape.embedding_dim, task.shape.sizes).to(task.device)
    generator = torch.Generator().manual_seed(task.training.seed)
    embeddings = task.embeddings
    if len(embeddings) > _MOST:
        embeddings = embeddings[np.sort(torch.randperm(len(embeddings), generator=generator)[:_MOST].numpy())]
    quantizer.fit(unit_vectors(embeddings).to(task.device), generator)
    return quantizer.to("cpu")

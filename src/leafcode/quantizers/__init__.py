"""Residual quantisers: the trained one, k-means as its baseline, and what they are built from."""

from leafcode.quantizers.kmeans import assign, kmeans
from leafcode.quantizers.residual import QuantizerOutput, ResidualQuantizer
from leafcode.quantizers.rqvae import RQVAE, RQVAEConfig, RQVAEOutput

__all__ = [
    "RQVAE",
    "QuantizerOutput",
    "RQVAEConfig",
    "RQVAEOutput",
    "ResidualQuantizer",
    "assign",
    "kmeans",
]

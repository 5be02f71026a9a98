"""Residual quantisers: the trained one, k-means as its baseline, and what they are built from."""

from leafcode.quantizers.kmeans import assign, kmeans
from leafcode.quantizers.residual import QuantizerOutput, ResidualQuantizer
from leafcode.quantizers.rqvae import RQVAE, RQVAEConfig, RQVAEOutput
from leafcode.quantizers.tree_encoder import TreeEncoder

__all__ = [
    "RQVAE",
    "QuantizerOutput",
    "RQVAEConfig",
    "RQVAEOutput",
    "ResidualQuantizer",
    "TreeEncoder",
    "assign",
    "kmeans",
]

"""An RQ-VAE whose latents have a content part, a tree part and an engagement part.

The encoder starts as the identity (a residual block whose last layer is zero), so that training starts
from RQ-KMeans and improves on it, where an encoder that starts at random has to find its way back. The tree
part says where in the tree an item belongs by its content, see `TreeEncoder`. The engagement part is a second
input: what is known of the item's use. An item without history has none, and then it has no say. A code level
sees all parts, those beside content with weights of their own: a large weight makes the level follow the
tree, zero leaves it to content.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leafcode.errors import InputError
from leafcode.quantizers.gradient import Estimator
from leafcode.quantizers.residual import QuantizerOutput, ResidualQuantizer
from leafcode.quantizers.residual_block import ResidualBlock
from leafcode.quantizers.tree_encoder import TreeEncoder


@dataclass(frozen=True)
class RQVAEConfig:
    """Shape of an `RQVAE`.

    Attributes:
        embedding_dim: E, dimension of the item embeddings.
        sizes: Number of codes of each level, coarse to fine.
        categories: Number of categories of the tree that have items; without any there is no tree part.
        depths: Number of depths of the tree.
        tree_dim: Dimension of the tree part of the latents, where there is one.
        engagement_dim: H, dimension of the engagement part, which comes after the embedding in the input; 0
            for a model that knows content only.
        hidden_dim: Width of the residual blocks of encoder, decoder and tree projection.
        dropout: Dropout in the tree projection.
        commitment: Weight beta of the commitment loss.
        estimator: Gradient estimator of the quantiser.
        balance: Strength with which the codes of all levels but the first are kept in even use.

    Raises:
        InputError: A dimension, dropout, commitment or estimator out of range.
    """

    embedding_dim: int
    sizes: tuple[int, ...] = (1024, 256, 64)
    categories: int = 0
    depths: int = 0
    tree_dim: int = 128
    engagement_dim: int = 0
    hidden_dim: int = 256
    dropout: float = 0.0
    commitment: float = 0.25
    estimator: Estimator = "straight_through"
    balance: float = 0.2

    def __post_init__(self) -> None:
        for name in ("embedding_dim", "tree_dim", "hidden_dim"):
            if getattr(self, name) < 1:
                raise InputError(name, str(getattr(self, name)), "at least 1")
        if self.engagement_dim < 0:
            raise InputError("engagement_dim", str(self.engagement_dim), "at least 0")
        if min(self.categories, self.depths) < 0 or (self.categories > 0) != (self.depths > 0):
            found = f"{self.categories} categories at {self.depths} depths"
            raise InputError("categories", found, "some of both, or 0 for a model without a tree part")
        if not 0.0 <= self.dropout < 1.0:
            raise InputError("dropout", str(self.dropout), "a share in [0, 1)")
        if not 0.0 <= self.balance < 1.0:
            raise InputError("balance", str(self.balance), "a strength in [0, 1)")
        if self.commitment < 0.0:
            raise InputError("commitment", str(self.commitment), "a weight >= 0")
        if self.estimator not in get_args(Estimator):
            raise InputError("estimator", repr(self.estimator), " or ".join(map(repr, get_args(Estimator))))


class RQVAEOutput(NamedTuple):
    """What `RQVAE.forward` returns for B items."""

    reconstruction: Tensor
    """(B, E)"""
    quantizer: QuantizerOutput
    latents: Tensor
    """(B, E + T + H): what was quantised."""


class RQVAE(nn.Module):
    """RQ-VAE with a content part, a tree part and an engagement part in its latents.

    An input row is an item's embedding (E), which is scaled to unit length, for leafcode measures content by
    cosine; then, if the model has an engagement part, the item's engagement vector (H), all zeros if it has
    no history. Reconstruction is that of the embedding; the sum of the codewords stands for the rest.

    Args:
        config: Shape of the model.

    Example:
        >>> model = RQVAE(RQVAEConfig(embedding_dim=8, sizes=(4, 4)))
        >>> output = model(torch.randn(3, 8))
        >>> output.reconstruction.shape, output.quantizer.codes.shape
        (torch.Size([3, 8]), torch.Size([3, 2]))
    """

    def __init__(self, config: RQVAEConfig) -> None:
        super().__init__()
        self.config = config
        dim, tree_dim = config.embedding_dim, config.tree_dim if config.categories else 0
        self.content_encoder = ResidualBlock(dim, config.hidden_dim, dim)
        self.quantizer = ResidualQuantizer(
            dim + tree_dim + config.engagement_dim,
            config.sizes,
            commitment=config.commitment,
            estimator=config.estimator,
            balance=config.balance,
        )
        self.decoder = Decoder(dim, len(config.sizes), config.hidden_dim)
        # Last, so that a seed gives the same encoder and decoder with a tree and without.
        self.tree_encoder = (
            TreeEncoder(dim, config.hidden_dim, tree_dim, config.categories, config.depths, config.dropout)
            if config.categories
            else None
        )
        self._tree_dims = slice(dim, dim + tree_dim)
        self._engagement_dims = slice(dim + tree_dim, dim + tree_dim + config.engagement_dim)
        nothing = (0.0,) * len(config.sizes)
        self.set_level_weights(nothing)
        self.set_engagement_weights(nothing)

    def set_level_weights(self, weights: tuple[float, ...]) -> None:
        """How much each code level weighs the tree part beside content (L weights >= 0)."""
        self._set_weights(self._tree_dims, weights)

    def set_engagement_weights(self, weights: tuple[float, ...]) -> None:
        """How much each code level weighs the engagement part beside content (L weights >= 0)."""
        self._set_weights(self._engagement_dims, weights)

    @property
    def level_weights(self) -> tuple[float, ...]:
        """The weights that `set_level_weights` set; zeros where there is no tree part."""
        return self._weights(self._tree_dims)

    @property
    def engagement_weights(self) -> tuple[float, ...]:
        """The weights that `set_engagement_weights` set; zeros where there is no engagement part."""
        return self._weights(self._engagement_dims)

    def content(self, inputs: Tensor) -> Tensor:
        """Embeddings (B, E) of unit length, of input rows (B, E or E + H)."""
        return F.normalize(inputs[:, : self.config.embedding_dim], dim=1)

    def tree_part(self, inputs: Tensor) -> Tensor:
        """Tree part (B, T) of input rows; T = 0 where there is none."""
        if self.tree_encoder is None:
            return inputs.new_empty(len(inputs), 0)
        part: Tensor = self.tree_encoder(inputs[:, : self.config.embedding_dim])
        return part

    def latents(self, inputs: Tensor, tree_part: Tensor | None = None) -> Tensor:
        """Latents (B, E + T + H): content part, tree part, which is computed unless at hand, engagement."""
        tree = self.tree_part(inputs) if tree_part is None else tree_part
        parts = [self.content_encoder(self.content(inputs)), tree]
        if self.config.engagement_dim:
            parts.append(self._engagement(inputs))
        return torch.cat(parts, dim=1)

    def known(self, inputs: Tensor) -> Tensor | None:
        """Bool (B, E + T + H): False for the engagement of items without history; None if all is known."""
        if not self.config.engagement_dim:
            return None
        known = inputs.new_ones(len(inputs), self.quantizer.dim, dtype=torch.bool)
        known[:, self._engagement_dims] = self._engagement(inputs).any(1, keepdim=True)
        return known

    def forward(
        self,
        inputs: Tensor,
        *,
        tree_part: Tensor | None = None,
        depth: Tensor | None = None,
        count: bool = True,
    ) -> RQVAEOutput:
        """Encode, quantise and decode a batch.

        Args:
            inputs: (B, E), or (B, E + H) with engagement.
            tree_part: (B, T) tree part of the items, if it is at hand.
            depth: As in `ResidualQuantizer.forward`.
            count: Likewise.
        """
        latents = self.latents(inputs, tree_part)
        output = self.quantizer(latents, depth=depth, known=self.known(inputs), count=count)
        return RQVAEOutput(self.decoder(output.codewords, output.quantized), output, latents)

    @torch.no_grad()
    def encode(self, inputs: Tensor) -> Tensor:
        """Codes (N, L) int64 of input rows (N, E) or (N, E + H)."""
        return self.quantizer.encode(self.latents(inputs), self.known(inputs))

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Reconstructed embeddings (N, E) of codes (N, L)."""
        codewords = self.quantizer.codewords(codes)
        reconstruction: Tensor = self.decoder(codewords, codewords.sum(1))
        return reconstruction

    def _engagement(self, inputs: Tensor) -> Tensor:
        """Engagement part (B, H); zeros for inputs (B, E), of which nothing is known."""
        given = inputs[:, self.config.embedding_dim :]
        return given if given.shape[1] else inputs.new_zeros(len(inputs), self.config.engagement_dim)

    def _weights(self, dims: slice) -> tuple[float, ...]:
        if dims.start == dims.stop:
            return (0.0,) * len(self.config.sizes)
        return tuple(self.quantizer.metric[:, dims.start].tolist())

    def _set_weights(self, dims: slice, weights: tuple[float, ...]) -> None:
        metric = self.quantizer.metric.clone()
        metric[:, dims] = metric.new_tensor(weights)[:, None]
        self.quantizer.set_metric(metric)


class Decoder(nn.Module):
    """Sum of the content codewords, corrected by an MLP that sees every codeword by itself.

    The sum is what RQ-KMeans reconstructs; it no longer tells which code of which level it came from,
    the codewords side by side do.
    """

    def __init__(self, dim: int, levels: int, hidden: int) -> None:
        super().__init__()
        self.dim = dim
        self.inner = nn.Linear(levels * dim, hidden)
        self.outer = nn.Linear(hidden, dim)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, codewords: Tensor, quantized: Tensor) -> Tensor:
        """Codewords (B, L, D) and their sum (B, D) to embeddings (B, dim), where D >= dim."""
        content = codewords[..., : self.dim].flatten(1)
        correction: Tensor = self.outer(F.gelu(self.inner(content)))
        return quantized[:, : self.dim] + correction

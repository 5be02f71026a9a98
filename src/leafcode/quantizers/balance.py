"""Even use of a codebook: offsets that make crowded codewords a little dearer to choose."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_RATE = 0.1
"""Of the running averages and of the offsets."""

_UNUSED = 1e-3
"""Added to the relative usage of a codeword, so that the offset of an unused one is finite."""


class CodeBalance(nn.Module):
    """Offsets of the squared distances of a level, which keep its codes in even use while it is trained.

    The nearest codeword keeps the distortion smallest, and in high dimensions leaves most points of a
    residual level to a few codewords near its centre. Here the objective is ``D - strength · D · H`` with D
    the mean squared distance and H the entropy of the codes in nats. Where its derivative by the usage p_k
    of one of K codewords vanishes (D held as it is), codewords are chosen by::

        squared distance + strength · D · log(K · p_k)

    The cells are those of a power diagram (Aurenhammer 1987) instead of a Voronoi diagram. `update` follows
    this fixed point from batch to batch, so that codewords, encoder and decoder learn from the items that
    they are going to serve. That no gradient passes through the offsets it has in common with the balancing
    of experts in Wang et al. 2024 (arXiv 2408.15664).

    Args:
        size: K, the number of codewords.
        strength: At least 0; above about 0.3 the offsets swing.

    Example:
        >>> balance = CodeBalance(size=2, strength=0.1)
        >>> for _ in range(100):
        ...     balance.update(torch.tensor([0, 0, 0, 1]), torch.ones(4))
        >>> [round(offset, 3) for offset in balance.offsets.tolist()]  # 0.1 · log 1.5 and 0.1 · log 0.5
        [0.041, -0.069]
    """

    offsets: Tensor
    """(K,) what is added to the squared distances."""
    usage: Tensor
    """(K,) running average of the share of items that choose a codeword."""
    distance: Tensor
    """Scalar, running average of the squared distance; 0 before the first batch."""

    def __init__(self, size: int, strength: float) -> None:
        super().__init__()
        self.size, self.strength = size, strength
        self.register_buffer("offsets", torch.zeros(size))
        self.register_buffer("usage", torch.full((size,), 1.0 / size))
        self.register_buffer("distance", torch.zeros(()))

    @torch.no_grad()
    def reset(self) -> None:
        """Begin anew, without offsets."""
        self.offsets.zero_()
        self.usage.fill_(1.0 / self.size)
        self.distance.zero_()

    @torch.no_grad()
    def update(self, codes: Tensor, distances: Tensor) -> None:
        """Take a batch into account.

        Args:
            codes: (B,) int64, chosen with the present offsets.
            distances: (B,) squared distances to the codewords, without offsets.
        """
        share = torch.bincount(codes, minlength=self.size).to(self.usage.dtype) / len(codes)
        self.usage.lerp_(share, _RATE)
        mean = distances.mean()
        self.distance.copy_(torch.where(self.distance > 0, self.distance.lerp(mean, _RATE), mean))
        relative = torch.log(self.size * self.usage + _UNUSED)
        self.offsets.lerp_(self.strength * self.distance * relative, _RATE)

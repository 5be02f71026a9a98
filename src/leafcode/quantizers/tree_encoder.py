"""Where an item stands in the category tree, judged by its content alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leafcode.products import linear
from leafcode.quantizers.residual_block import ResidualBlock

_CATEGORIES = 1 << 14
"""Categories whose places are computed at once."""
_COMPARED = 1 << 10
"""Categories that items are compared with at once on the CPU, for its caches."""
_COMPARED_ELSEWHERE = 1 << 14


class TreeEncoder(nn.Module):
    """The place in the tree that an item is expected at.

    With z the projection of an item and p_c the prototypes of the categories, all of unit length, and v_cd
    the direction of the sum of all prototypes beneath the ancestor of c at depth d, the tree part of the item
    is::

        t = sum over c of  softmax_c(z · p_c / temperature) · (mean over d of v_cd)

    Two items are the further apart the fewer depths their categories share, and items that belong to one
    category lie on one point, whatever else tells them apart. So a cell of codes found in t holds a category,
    where a cell in z itself would spend its room on content, which the rest of the code holds anyway.

    Args:
        inputs: E, dimension of the embeddings.
        hidden: Width of the residual block.
        dim: T, dimension of projection, prototypes and tree part.
        categories: C, number of categories, which stand in depth-first order.
        depths: Number of depths of the tree.
        dropout: Dropout in the projection.
    """

    temperature: Tensor
    """Of the softmax, and of the loss that trains the projection."""
    spans: Tensor
    """int64 (C, depths, 2): first category beneath the ancestor at each depth, and the one after the last."""

    def __init__(
        self, inputs: int, hidden: int, dim: int, categories: int, depths: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.projection = ResidualBlock(inputs, hidden, dim, dropout)
        self.prototypes = nn.Parameter(torch.randn(categories, dim) / dim**0.5)
        own = torch.arange(categories)[:, None] + torch.arange(2)
        self.register_buffer("spans", own[:, None].repeat(1, depths, 1))
        self.register_buffer("temperature", torch.tensor(0.05))
        self._cached: tuple[object, Tensor, Tensor] | None = None

    def train(self, mode: bool = True) -> Self:
        """Go to training or evaluation mode, as any module."""
        # Fused optimisers change weights without changing their version.
        self._cached = None
        return super().train(mode)

    def project(self, embeddings: Tensor) -> Tensor:
        """Projections (B, T) of embeddings (B, E), unit length: where the contrastive term acts."""
        return F.normalize(self.projection(F.normalize(embeddings, dim=1)), dim=1)

    def places(self) -> Tensor:
        """Place (C, T) of each category: the mean over depths of what stands for its ancestors."""
        unit = F.normalize(self.prototypes, dim=1)
        up_to = F.pad(unit, (0, 0, 1, 0)).cumsum(0)
        # Some categories at a time: each has a vector for every depth.
        parts = [
            F.normalize(up_to[spans[..., 1]] - up_to[spans[..., 0]], dim=2).mean(1)
            for spans in torch.split(self.spans, _CATEGORIES)
        ]
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def forward(self, embeddings: Tensor) -> Tensor:
        """Tree part (B, T) of embeddings (B, E)."""
        unit, places = self._known_categories()
        at_once = _COMPARED if unit.device.type == "cpu" else _COMPARED_ELSEWHERE
        projected = self.project(embeddings).to(unit.dtype)
        with torch.autocast(unit.device.type, enabled=False):
            # In bits, for torch has faster powers of 2 than of e.
            query = projected / (self.temperature * math.log(2))
            return _expectation(query, torch.split(unit, at_once), torch.split(places, at_once))

    def _known_categories(self) -> tuple[Tensor, Tensor]:
        """Prototypes of unit length, and `places`.

        They take as long as many items, and are kept while the module stays in evaluation mode.
        """
        if torch.is_grad_enabled() or self.training or self.prototypes.is_inference():
            return F.normalize(self.prototypes, dim=1), self.places()
        tensors = (self.prototypes, self.spans)
        state = tuple((tensor.data_ptr(), tensor._version, tensor.dtype) for tensor in tensors)
        if self._cached is None or self._cached[0] != state:
            self._cached = (state, F.normalize(self.prototypes, dim=1), self.places())
        return self._cached[1:]


def _expectation(query: Tensor, keys: Sequence[Tensor], values: Sequence[Tensor]) -> Tensor:
    """Mean (B, T) of the values (C, T), weighted by 2 to the power of query (B, D) times keys (C, D).

    Keys and values come in parts, so that without gradients the powers of all of them are never held at once.
    What a part adds is relative to the largest power so far, and none overflows (Milakov and Gimelshein,
    "Online normalizer calculation for softmax", 2018).
    """
    total, weight = query.new_zeros(()), query.new_zeros(())
    largest = torch.full_like(query[:, :1], -math.inf)
    for key, value in zip(keys, values, strict=True):
        powers = linear(query, key)
        before, largest = largest, torch.maximum(largest, powers.detach().amax(1, keepdim=True))
        shares, fade = powers.sub_(largest).exp2_(), (before - largest).exp2_()
        total = total * fade + linear(shares, value.T)
        weight = weight * fade + shares.sum(1, keepdim=True)
    return total / weight

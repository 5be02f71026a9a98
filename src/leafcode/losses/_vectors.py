"""Vectors as the losses compare them: of unit length, in float32 at least."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_SMALLEST_ENTRY = 1e-12


def unit_rows(embeddings: Tensor) -> Tensor:
    """Rows of unit length, float32 or float64; zero rows stay zero, with zero gradient.

    Dividing by the largest entry first keeps the squares from overflow and underflow. It may be detached, for
    the direction does not depend on the scale. To be called where autocast is off.

    Args:
        embeddings: Floating point (B, D), D at least 1. A row without an entry above 1e-12 counts as zero.

    Example:
        >>> unit_rows(torch.tensor([[3e30, 4e30], [0.0, 0.0]], dtype=torch.bfloat16)).dtype
        torch.float32
        >>> unit_rows(torch.tensor([[3e30, 0.0], [0.0, 0.0]], dtype=torch.float64)).tolist()
        [[1.0, 0.0], [0.0, 0.0]]
    """
    return units_and_lengths(embeddings)[0]


def units_and_lengths(embeddings: Tensor) -> tuple[Tensor, Tensor]:
    """`unit_rows` of embeddings (B, D), and their lengths (B, 1); infinite for zero rows."""
    embeddings = embeddings.to(torch.promote_types(embeddings.dtype, torch.float32))
    scale = embeddings.detach().abs().amax(1, keepdim=True)
    scale = torch.where(scale <= _SMALLEST_ENTRY, math.inf, scale)
    scaled = embeddings / scale
    # The norm is at least 1, except for zero rows.
    norm: Tensor = torch.linalg.vector_norm(scaled, dim=1, keepdim=True).clamp_min(0.5)
    return scaled / norm, scale * norm


def through_units(gradient: Tensor, unit: Tensor, length: Tensor) -> Tensor:
    """Gradient (B, D) for embeddings, of that for their unit rows; both as of `units_and_lengths`."""
    # Along a vector itself nothing changes but its length.
    along = (gradient * unit).sum(1, keepdim=True)
    return torch.addcmul(gradient, along, unit, value=-1).div_(length)


def bits_per_cosine(temperature: float) -> float:
    """What a cosine is multiplied by to be a similarity in bits: torch has faster powers of 2 than of e.

    Example:
        >>> round(2 ** (0.3 * bits_per_cosine(0.1)) / math.exp(0.3 / 0.1), 9)
        1.0
    """
    return 1 / (temperature * math.log(2))

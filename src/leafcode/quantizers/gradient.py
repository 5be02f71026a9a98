"""Gradient estimators: how a gradient passes through the choice of a codeword."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from leafcode.errors import InputError

Estimator = Literal["straight_through", "rotation"]


def pass_gradient(latents: Tensor, quantized: Tensor, estimator: Estimator) -> Tensor:
    """`quantized` in value, with a gradient to `latents` beside its own to the codewords.

    Args:
        latents: (B, D) what was quantised.
        quantized: (B, D) the codewords it became, with their gradient.
        estimator: ``straight_through`` hands the gradient over unchanged (Bengio et al. 2013);
            ``rotation`` turns and scales it as the latent was turned and scaled into the codeword
            (Fifty et al. 2024, the rotation trick, eq. 4), so that it keeps its angle to the codeword.

    Returns:
        (B, D) equal to `quantized`.

    Raises:
        InputError: An estimator of another name.
    """
    if estimator == "straight_through":
        return quantized + (latents - latents.detach())
    if estimator == "rotation":
        carried = _rotate(latents, quantized.detach())
        return quantized + (carried - carried.detach())
    raise InputError("estimator", repr(estimator), "'straight_through' or 'rotation'")


def _rotate(latents: Tensor, target: Tensor) -> Tensor:
    """`latents` through the constant linear map that takes it to `target` (a scaled rotation)."""
    with torch.no_grad():
        norm, target_norm = latents.norm(dim=1, keepdim=True), target.norm(dim=1, keepdim=True)
        start, end = latents / norm.clamp_min(1e-12), target / target_norm.clamp_min(1e-12)
        middle = start + end
        length = middle.norm(dim=1, keepdim=True)
        # Opposite directions have no shortest rotation between them, and what is left of the middle is
        # rounding error. Without it the map is start -> end and the identity elsewhere: orthogonal as well.
        opposite = length < torch.finfo(latents.dtype).eps ** 0.5
        middle = torch.where(opposite, 0.0, middle / length.clamp_min(1e-12))
        # A zero latent has no direction that could be kept, and no scale that takes it anywhere.
        scale = torch.where(norm > 1e-12, target_norm / norm.clamp_min(1e-12), 1.0)

    def project(onto: Tensor) -> Tensor:
        return (latents * onto).sum(1, keepdim=True)

    rotated: Tensor = scale * (latents - 2.0 * middle * project(middle) + 2.0 * end * project(start))
    return rotated

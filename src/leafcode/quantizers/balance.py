"""Even use of a codebook: offsets that make crowded codewords a little dearer to choose."""

from __future__ import annotations

import torch
from torch import Tensor

from leafcode.quantizers.kmeans import assign

_ITERATIONS = 100
_RATE = 0.1


def balance_offsets(
    points: Tensor, codebook: Tensor, strength: float, metric: Tensor | None = None
) -> Tensor:
    """Offsets of squared distances that trade distortion against the entropy of the codes.

    The nearest codeword keeps the distortion smallest, and in high dimensions leaves most points of a
    residual level to a few codewords near its centre. Here the objective is ``D - strength · D_0 · H`` with
    D the mean squared distance, D_0 its value without offsets and H the entropy of the codes in nats. Where
    its derivative by the usage p_k of a codeword vanishes, codewords are chosen by ``distance + strength ·
    D_0 · log(K · p_k)``: the cells are those of a power diagram (Aurenhammer 1987) instead of a Voronoi
    diagram. The offsets are found by damped fixed-point iteration.

    Args:
        points: (N, D) float.
        codebook: (K, D) codewords.
        strength: At least 0; beyond 0.1 the iteration may not converge.
        metric: (D,) weights of the squared differences.

    Returns:
        Offsets (K,), zero for strength 0.

    Example:
        >>> points = torch.tensor([[0.0], [0.1], [0.2], [0.3], [0.4], [5.0]])
        >>> offsets = balance_offsets(points, torch.tensor([[0.2], [5.0]]), 0.05)
        >>> bool(offsets[0] > 0 > offsets[1])
        True
    """
    size = len(codebook)
    offsets = points.new_zeros(size)
    _, distances = assign(points, codebook, metric)
    scale = strength * distances.mean()
    for _ in range(_ITERATIONS if strength > 0 else 0):
        indices, _ = assign(points, codebook, metric, offsets)
        counts = torch.bincount(indices, minlength=size).to(points.dtype)
        offsets = torch.lerp(offsets, scale * torch.log((counts + 0.5) * size / len(points)), _RATE)
    return offsets

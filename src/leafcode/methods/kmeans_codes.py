"""Codes by a residual quantiser alone, without a network around it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from leafcode.codes import EncodedItems
from leafcode.quantizers import ResidualQuantizer

_CHUNK = 4096


def unit_vectors(embeddings: npt.NDArray[np.floating[Any]], dtype: torch.dtype = torch.float32) -> Tensor:
    """Embeddings (n, E) at unit length, on the CPU."""
    return F.normalize(torch.from_numpy(np.array(embeddings)).to(dtype), dim=1)


def quantizer_codes(
    quantizer: ResidualQuantizer,
    embeddings: npt.NDArray[np.floating[Any]],
    extend: Callable[[Tensor], Tensor] | None = None,
) -> EncodedItems:
    """Codes of items in float64, chunk by chunk, as `leafcode.codes.encode_items` does it for a network.

    Args:
        quantizer: Fitted on unit vectors, with further dimensions behind them if `extend` adds any.
        embeddings: (n, E).
        extend: From unit vectors (B, E) in float64 to what is quantised, whose first E dimensions they are.

    Returns:
        The codes; reconstructions are the content part of the quantised vectors.
    """
    exact = copy.deepcopy(quantizer).to("cpu", torch.float64)
    codes, vectors = [], []
    for start in range(0, len(embeddings), _CHUNK):
        unit = unit_vectors(embeddings[start : start + _CHUNK], torch.float64)
        codes.append(exact.encode(unit if extend is None else extend(unit)))
        vectors.append(exact.decode(codes[-1]).detach().float())
    quantized = torch.cat(vectors).numpy()
    return EncodedItems(torch.cat(codes).numpy(), quantized, quantized[:, : embeddings.shape[1]])

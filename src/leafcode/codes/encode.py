"""Embeddings to codes, the same on every run, device and batch size."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from leafcode.errors import InputError
from leafcode.quantizers import RQVAE

_TREE_ENTRIES = 2**24
"""Items times categories at once, 128 MiB of float64."""


class EncodedItems(NamedTuple):
    """What `encode_items` returns for n items, L levels, Q latent dimensions and E embedding dimensions."""

    codes: npt.NDArray[np.int64]
    """(n, L); column l in ``[0, sizes[l])``, not offset by level."""
    quantized: npt.NDArray[np.float32]
    """(n, Q) sum of each item's codewords."""
    reconstructions: npt.NDArray[np.float32]
    """(n, E) what the decoder makes of the codewords; compare by cosine, not by length."""


def encode_items(
    model: RQVAE,
    inputs: npt.NDArray[np.floating[Any]],
    *,
    device: str | torch.device = "cpu",
    chunk: int = 4096,
    progress: bool = False,
) -> EncodedItems:
    """Codes of items, in an arithmetic fine enough that they depend on the item and the model alone.

    A float32 matrix product differs in its last bits with the size of the batch, the number of threads and
    the device, and where two codewords are almost equally near, an item would get another code each time.
    Everything is therefore computed in float64, which leaves differences of about 1e-16 beside codeword
    distances that come from float32 weights. Of codewords that are exactly equal the first one counts.

    Args:
        model: A trained model; it is copied, not changed.
        inputs: Embeddings (n, E), possibly memory-mapped; read in chunks. For a model with an engagement part
            (n, E + H), or (n, E) for items without any history.
        device: Where to compute. MPS has no float64, so there the CPU computes.
        chunk: Items encoded at once, fewer where there are many categories; bounds memory and changes nothing
            else.
        progress: Show a progress bar on standard error.

    Returns:
        Codes, quantised vectors and reconstructions, in the order of the rows.

    Raises:
        InputError: Inputs of another shape or type, an embedding (row counted from 0) that is not finite or
            all zeros, weights of the model that are not finite, or a chunk below 1.

    Example:
        >>> from leafcode.quantizers import RQVAEConfig
        >>> model = RQVAE(RQVAEConfig(embedding_dim=2, sizes=(2,)))
        >>> _ = model.quantizer.codebooks[0].data.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        >>> items = encode_items(model, np.array([[0.1, 3.0], [2.0, 0.5], [0.0, 7.0]]))
        >>> items.codes.ravel().tolist(), items.reconstructions[0].tolist()
        ([1, 0, 1], [0.0, 1.0])
    """
    dim = model.config.embedding_dim
    widths = sorted({dim, dim + model.config.engagement_dim})
    if inputs.ndim != 2 or inputs.shape[1] not in widths or not np.issubdtype(inputs.dtype, np.floating):
        found = f"{inputs.dtype} of shape {inputs.shape}"
        expected = " or ".join(f"(items, {width})" for width in widths)
        raise InputError("embeddings", found, f"floats of shape {expected}, as the model was trained on")
    if chunk < 1:
        raise InputError("chunk", str(chunk), "at least 1")
    target = torch.device("cpu" if torch.device(device).type == "mps" else device)
    exact = copy.deepcopy(model).to(device=target, dtype=torch.float64).eval()
    if not all(bool(value.isfinite().all()) for value in exact.state_dict().values()):
        raise InputError("model", "weights that are not finite", "a trained model")
    first_equal = [_first_equal(book.detach()) for book in exact.quantizer.codebooks]

    # Every category takes a place in each row of the tree encoder's softmax.
    chunk = min(chunk, max(64, _TREE_ENTRIES // max(1, model.config.categories)))
    n = len(inputs)
    result = EncodedItems(
        np.empty((n, len(first_equal)), np.int64),
        np.empty((n, exact.quantizer.dim), np.float32),
        np.empty((n, dim), np.float32),
    )
    for start in tqdm(range(0, n, chunk), desc="encode", unit="chunk", disable=not progress):
        rows = slice(start, min(start + chunk, n))
        # A copy, since torch does not take read-only arrays.
        block = np.array(inputs[rows], dtype=np.float64)
        _check_rows(block, dim, start)
        chosen = exact.encode(torch.from_numpy(block).to(target))
        codes = torch.stack([first[chosen[:, level]] for level, first in enumerate(first_equal)], dim=1)
        result.codes[rows] = codes.cpu().numpy()
        result.quantized[rows] = exact.quantizer.decode(codes).detach().cpu().numpy()
        result.reconstructions[rows] = exact.decode(codes).cpu().numpy()
    return result


def _first_equal(codebook: Tensor) -> Tensor:
    """(K,) the smallest index with the same codeword: which of equals is nearest is left to rounding."""
    _, group = torch.unique(codebook, dim=0, return_inverse=True)
    index = torch.arange(len(codebook), device=codebook.device)
    first = torch.full_like(index, len(codebook)).scatter_reduce_(0, group, index, "amin")
    return first[group]


def _check_rows(block: npt.NDArray[np.float64], dim: int, start: int) -> None:
    finite = np.asarray(np.isfinite(block).all(axis=1))
    good = finite & np.asarray(block[:, :dim].any(axis=1))
    if not bool(good.all()):
        row = int(np.argmin(good))
        found = "only zeros" if finite[row] else "a NaN or an infinity"
        raise InputError(f"embeddings[{start + row}]", found, "finite numbers, not all zero")

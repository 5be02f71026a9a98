"""Embeddings to codes, the same on every run, device and batch size."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from leafcode.codes.search import ResidualSearch, first_equal
from leafcode.codes.threads import one_thread_each
from leafcode.errors import InputError
from leafcode.products import FastLinear
from leafcode.quantizers import RQVAE, ResidualQuantizer

_ORDINARY = 1e6
"""Rows whose length is beyond it, or below its inverse, are left to float64."""
_SHORTEST, _LONGEST = 1e-10, 1e18
"""Lengths that `leafcode.catalog.check_embeddings` lets pass, for a model has learned from no others."""

_SAMPLE = 128
"""Items whose latents are compared in float32 and float64."""
_SAFETY = 4.0
"""Latents of other items may be off by so many times as much."""


class CodeModel(Protocol):
    """What gives codes, such as an `RQVAE`: a module with an encoder, in two methods, and a quantiser."""

    quantizer: ResidualQuantizer

    def latents(self, inputs: Tensor) -> Tensor:
        """(B, D) of inputs (B, E)."""
        ...

    def known(self, inputs: Tensor) -> Tensor | None:
        """Bool (B, D): False for entries of the latents that are missing; None if there are none."""
        ...


class EncodedItems(NamedTuple):
    """What `encode_items` returns for n items, L levels, Q latent dimensions and E embedding dimensions."""

    codes: npt.NDArray[np.int64]
    """(n, L); column l in ``[0, sizes[l])``, not offset by level."""
    quantized: npt.NDArray[np.float32]
    """(n, Q) sum of each item's codewords."""
    reconstructions: npt.NDArray[np.float32]
    """(n, E) what the decoder makes of the codewords; compare by cosine, not by length."""


def encode_codes(
    model: CodeModel,
    inputs: npt.NDArray[np.floating[Any]],
    *,
    device: str | torch.device = "cpu",
    chunk: int = 4096,
    progress: bool = False,
) -> npt.NDArray[np.int64]:
    """Codes of items, which depend on the item and the model alone.

    A float32 matrix product differs in its last bits with the size of the batch, the number of threads and
    the device, and where two codewords are almost equally near, an item would get another code each time. So
    **the codes are those of float64**, whose differences of about 1e-16 stand beside codeword distances that
    come from float32 weights. Most items need no float64: where at every level the nearest codeword is
    nearer than the next by more than float32 can be wrong, float32 has found the same (`ResidualSearch`).
    The others, one in a hundred or so, are searched again in float64. Of codewords that are exactly equal the
    first one counts.

    Args:
        model: A trained `RQVAE`, or any module with a quantiser and latents; it is copied, not changed.
        inputs: (n, E), possibly memory-mapped; read in chunks.
        device: Where to compute in float32; float64 is left to the CPU.
        chunk: Items encoded at once; bounds memory and changes nothing else.
        progress: Show a progress bar on standard error.

    Returns:
        (n, L) int64; column l in ``[0, sizes[l])``, not offset by level.

    Raises:
        InputError: Inputs that are no floats (n, E) or not as wide as the model's, a row (counted from 0)
            that is not finite or all zeros, weights of the model that are not finite, or a chunk below 1.
    """
    return _Encoder(model, inputs, device, chunk).codes(progress)


def encode_items(
    model: RQVAE,
    inputs: npt.NDArray[np.floating[Any]],
    *,
    device: str | torch.device = "cpu",
    chunk: int = 4096,
    progress: bool = False,
) -> EncodedItems:
    """Codes of items as `encode_codes` finds them, and what they stand for.

    Args:
        model: A trained model; it is copied, not changed.
        inputs: Embeddings (n, E), possibly memory-mapped; read in chunks. For a model with an engagement part
            (n, E + H), or (n, E) for items without any history.
        device: As for `encode_codes`.
        chunk: As for `encode_codes`.
        progress: Show a progress bar on standard error.

    Returns:
        Codes, quantised vectors and reconstructions, in the order of the rows.

    Raises:
        InputError: As `encode_codes`.

    Example:
        >>> from leafcode.quantizers import RQVAEConfig
        >>> model = RQVAE(RQVAEConfig(embedding_dim=2, sizes=(2,)))
        >>> _ = model.quantizer.codebooks[0].data.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
        >>> items = encode_items(model, np.array([[0.1, 3.0], [2.0, 0.5], [0.0, 7.0]]))
        >>> items.codes.ravel().tolist(), items.reconstructions[0].tolist()
        ([1, 0, 1], [0.0, 1.0])
    """
    encoder = _Encoder(model, inputs, device, chunk)
    codes, fast = encoder.codes(progress), encoder.fast
    result = EncodedItems(
        codes,
        np.empty((len(codes), fast.quantizer.dim), np.float32),
        np.empty((len(codes), model.config.embedding_dim), np.float32),
    )
    for start in range(0, len(codes), chunk):
        rows = slice(start, start + chunk)
        chosen = torch.from_numpy(codes[rows]).to(device)
        result.quantized[rows] = fast.quantizer.decode(chosen).cpu().numpy()
        result.reconstructions[rows] = fast.decode(chosen).cpu().numpy()
    return result


class _Encoder:
    """A model in float32 and in float64, and the items that it encodes."""

    def __init__(
        self,
        model: CodeModel,
        inputs: npt.NDArray[np.floating[Any]],
        device: str | torch.device,
        chunk: int,
    ) -> None:
        widths: list[Any] = ["E"]
        if isinstance(model, RQVAE):
            dim = model.config.embedding_dim
            widths = sorted({dim, dim + model.config.engagement_dim})
        fits = inputs.ndim == 2 and (widths == ["E"] or inputs.shape[1] in widths)
        if not (fits and np.issubdtype(inputs.dtype, np.floating)):
            found = f"{inputs.dtype} of shape {inputs.shape}"
            expected = " or ".join(f"(items, {width})" for width in widths)
            raise InputError("embeddings", found, f"floats of shape {expected}, as the model was trained on")
        if chunk < 1:
            raise InputError("chunk", str(chunk), "at least 1")
        self._exact, self.fast = _fixed(model, "cpu", torch.float64), _fixed(model, device, torch.float32)
        if not all(bool(value.isfinite().all()) for value in self._exact.state_dict().values()):
            raise InputError("model", "weights that are not finite", "a trained model")
        self._first_equal = [first_equal(book.detach()) for book in self._exact.quantizer.codebooks]
        self._inputs, self._device, self._chunk, self._content = inputs, device, chunk, inputs.shape[1]
        self._threads = torch.get_num_threads() if torch.device(device).type == "cpu" else 1
        if isinstance(model, RQVAE):
            self._content = model.config.embedding_dim
        self._find = ResidualSearch(self.fast.quantizer, _SAFETY * self._error())

    @torch.no_grad()
    def _error(self) -> float:
        """Relative error of float32 latents, the largest of a sample."""
        sample = np.array(self._inputs[:: max(1, len(self._inputs) // _SAMPLE)], np.float64)
        exact = self._exact.latents(torch.from_numpy(sample))
        fast = self._latents(torch.from_numpy(sample).float().to(self._device)).cpu().double()
        error = (fast - exact).norm(dim=1) / exact.norm(dim=1).clamp_min(1e-30)
        return float(error.max()) if len(error) else 0.0

    def codes(self, progress: bool) -> npt.NDArray[np.int64]:
        """Codes (n, L) of all items."""
        codes = np.empty((len(self._inputs), len(self._first_equal)), np.int64)
        certain = np.empty(len(codes), bool)
        starts = range(0, len(codes), self._chunk)

        def search(start: int) -> None:
            rows = slice(start, start + self._chunk)
            codes[rows], certain[rows] = self._search(rows)

        def settle(items: npt.NDArray[np.int64]) -> None:
            codes[items] = self._settle(items)

        with one_thread_each(min(self._threads, len(starts))) as each:
            searched = each(search, starts)
            for _ in tqdm(searched, desc="encode", total=len(starts), unit="chunk", disable=not progress):
                pass
            left = np.flatnonzero(~certain)
            parts = max(self._threads, -(-len(left) // self._chunk))
            for _ in each(settle, [part for part in np.array_split(left, parts) if len(part)]):
                pass
        return codes

    @torch.no_grad()
    def _search(self, rows: slice) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Codes (rows, L) in float32, and whether each row (rows,) has the same in float64."""
        given = self._inputs[rows]
        # torch takes no read-only arrays.
        as_it_is = given.dtype == np.float32 and given.flags.writeable
        block = torch.from_numpy(given if as_it_is else np.array(given, np.float32)).to(self._device)
        ordinary = self._check(block, given, rows.start)
        codes, certain = self._find(self._latents(block), self.fast.known(block))
        return codes.cpu().numpy(), (certain & ordinary).cpu().numpy()

    @torch.no_grad()
    def _latents(self, block: Tensor) -> Tensor:
        """Latents in float32."""
        with FastLinear():
            latents: Tensor = self.fast.latents(block)
        return latents

    @torch.no_grad()
    def _settle(self, items: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Codes (items, L) in float64."""
        block = torch.from_numpy(np.array(self._inputs[items], np.float64))
        codes = self._exact.quantizer.encode(self._exact.latents(block), self._exact.known(block))
        return np.stack([first[codes[:, level]].numpy() for level, first in enumerate(self._first_equal)], 1)

    def _check(self, block: Tensor, given: npt.NDArray[np.floating[Any]], start: int) -> Tensor:
        """Bool (rows,): those that float32 is wide enough for.

        Raises:
            InputError: A row is not finite, or its content all zeros, or too short or too long.
        """
        content = length = torch.linalg.vector_norm(block[:, : self._content], dim=1)
        if self._content < block.shape[1]:
            length = torch.linalg.vector_norm(block, dim=1)
        ordinary: Tensor = (length < _ORDINARY) & (content > 1 / _ORDINARY)
        for row in torch.nonzero(~ordinary)[:, 0].tolist():  # hardly any
            finite = bool(np.isfinite(given[row]).all())
            where = f"embeddings[{start + row}]"
            size = np.linalg.norm(given[row, : self._content].astype(np.float64))
            if not (finite and size > 0):
                found = "only zeros" if finite else "a NaN or an infinity"
                raise InputError(where, found, "finite numbers, not all zero")
            if not _SHORTEST <= size <= _LONGEST:
                raise InputError(where, f"a length of {size:.3g}", f"one from {_SHORTEST:g} to {_LONGEST:g}")
        return ordinary


def _fixed(model: CodeModel, device: str | torch.device, dtype: torch.dtype) -> Any:  # noqa: ANN401 (a module of any kind)
    """A copy that no longer changes."""
    module: Any = copy.deepcopy(model)
    return module.to(device=device, dtype=dtype).eval().requires_grad_(False)

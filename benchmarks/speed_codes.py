"""Codes of many items, beside the matrix products and the peers, with the same encoder and code budget.

Usage:
    python benchmarks/speed_codes.py [--items 1000000] [--rounds 3] [--out results]

Two models: an MLP 384-256-128-32 with 3 x 256 codes, and 3 x 256 codes on the embeddings themselves. The
limit is the linear maps and the products with the codebooks. Everything works in chunks of the size, of some
that are tried, that suits it best.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from semantic_id import RQVAE as PeerRQVAE
from semantic_id import RQKMeans
from torch import Tensor, nn
from torch.nn import functional as F
from vector_quantize_pytorch import ResidualVQ

from leafcode.codes import OnnxGraph, encode_codes
from leafcode.codes.threads import one_thread_each
from leafcode.products import linear
from leafcode.quantizers import ResidualQuantizer
from options import RESULTS
from speed_timing import (
    LIMIT,
    OURS,
    PLAIN,
    Timing,
    in_turn,
    keep,
    keeps_freed_memory,
    with_raised_thresholds,
)
from speed_training import mlp

SIZES = (256, 256, 256)
CHUNKS = (1024, 2048, 4096, 8192)
TRIAL = 32_768
"""Items by which a chunk is chosen."""

Items = npt.NDArray[np.float32]
Way = Callable[[Items, int], object]
"""Codes of items, in chunks of a size."""


class EncodedByMLP(nn.Module):
    """An MLP and a residual quantiser: all that codes are made of."""

    def __init__(self, dims: tuple[int, ...]) -> None:
        super().__init__()
        self.encoder = mlp(dims)
        self.quantizer = ResidualQuantizer(dims[-1], SIZES)

    def latents(self, inputs: Tensor) -> Tensor:
        """Latents (B, D)."""
        latents: Tensor = self.encoder(inputs)
        return latents

    def known(self, inputs: Tensor) -> None:
        """Everything is."""


@torch.no_grad()
def ways(dims: tuple[int, ...], items: Items) -> dict[str, Way]:
    """Codes of items, in several ways."""
    torch.manual_seed(0)
    model = EncodedByMLP(dims).eval()
    sample = model.latents(torch.from_numpy(items[:20_000]))
    model.quantizer.fit(sample, torch.Generator().manual_seed(0))
    books = [codebook.detach() for codebook in model.quantizer.codebooks]
    weights = [layer.weight.detach() for layer in model.encoder if isinstance(layer, nn.Linear)]

    def products(product: Callable[[Tensor, Tensor], Tensor], chunk: Items) -> None:
        hidden = torch.from_numpy(chunk)
        for weight in weights:
            hidden = product(hidden, weight)
        for codebook in books:
            product(hidden, codebook)

    peer = ResidualVQ(dim=dims[-1], num_quantizers=len(SIZES), codebook_size=SIZES[0]).eval()
    for layer, book in zip(peer.layers, books, strict=True):
        layer._codebook.embed.data.copy_(book[None])
    session = onnx_session(model, dims[0])
    found: dict[str, Way] = {
        LIMIT: in_chunks(partial(products, linear), torch.get_num_threads()),
        PLAIN: in_chunks(partial(products, F.linear)),
        OURS: lambda given, chunk: encode_codes(model, given, chunk=chunk),
        "ONNX Runtime": in_chunks(lambda chunk: session.run(None, {OnnxGraph.inputs: chunk})),
        "vector-quantize-pytorch, ResidualVQ": in_chunks(
            lambda chunk: peer(model.latents(torch.from_numpy(chunk))[None])
        ),
    }
    if len(dims) > 1:
        other = PeerRQVAE(in_dim=dims[0], num_emb_list=list(SIZES), e_dim=dims[-1], layers=list(dims[1:-1]))
        found["semantic-id, RQVAE"] = lambda given, chunk: other.encode(given, batch_size=chunk)
    else:
        quantizer = faiss.ResidualQuantizer(dims[0], len(SIZES), 8)
        quantizer.train_type = faiss.ResidualQuantizer.Train_default
        quantizer.max_beam_size = 1
        quantizer.train(items[:10_000])
        found["FAISS, ResidualQuantizer of beam 1"] = in_chunks(quantizer.compute_codes)
        clusters = RQKMeans(n_levels=len(SIZES), n_clusters=SIZES[0])
        clusters.fit(items[:10_000])
        found["semantic-id, RQKMeans"] = lambda given, chunk: clusters.encode(given, batch_size=chunk)
    return found


def in_chunks(work: Callable[[Items], object], threads: int = 1) -> Way:
    """A way that works on chunk after chunk."""

    @torch.no_grad()
    def without_gradient(chunk: Items) -> None:
        work(chunk)

    def way(items: Items, size: int) -> None:
        chunks = [items[start : start + size] for start in range(0, len(items), size)]
        with one_thread_each(threads) as each:
            for _ in each(without_gradient, chunks):
                pass

    return way


def onnx_session(model: EncodedByMLP, width: int) -> Any:  # noqa: ANN401 (it has no types)
    """The model in ONNX Runtime."""
    graph = OnnxGraph(width)
    hidden = graph.inputs
    for layer in model.encoder:
        if isinstance(layer, nn.Linear):
            hidden = graph.linear(hidden, layer.weight, layer.bias)
        else:
            hidden = graph.add("Relu", hidden)
    graph.codes(hidden, model.quantizer)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        graph.save(file)
        return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


def best_chunk(way: Way, items: Items) -> int:
    """The chunk in which a way is fastest, once it has begun."""

    def seconds(chunk: int) -> float:
        way(items[:chunk], chunk)
        begun = time.perf_counter()
        way(items, chunk)
        return time.perf_counter() - begun

    return min(CHUNKS, key=seconds)


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    items = np.random.default_rng(0).standard_normal((options.items, 384), np.float32)
    timings: list[Timing] = []
    for name, dims in (("MLP 384-256-128-32, 3 × 256", (384, 256, 128, 32)), ("3 × 256 on 384", (384,))):
        case = f"{name}, {options.items:,} items"
        found = ways(dims, items)
        chunks = {way: best_chunk(work, items[:TRIAL]) for way, work in found.items()}
        timings += in_turn(
            case,
            {way: partial(work, items, chunks[way]) for way, work in found.items()},
            rounds=options.rounds,
            items=options.items,
            notes={way: f"chunks of {chunk:,}" for way, chunk in chunks.items()},
        )
    if not keeps_freed_memory():
        timings = with_raised_thresholds("codes", timings, rounds=1)
    keep("codes", timings, options.out)


if __name__ == "__main__":
    main()

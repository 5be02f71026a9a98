"""Codes of many items, beside the matrix products and the peers, with the same encoder and code budget.

Usage:
    python benchmarks/speed_codes.py [--items 1000000] [--rounds 3] [--out results]

Two models: an MLP 384-256-128-32 with 3 x 256 codes, and 3 x 256 codes on the embeddings themselves. The
limit is the linear maps and the products with the codebooks, in chunks.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt
import torch
from semantic_id import RQVAE as PeerRQVAE
from semantic_id import RQKMeans
from torch import Tensor, nn
from vector_quantize_pytorch import ResidualVQ

from leafcode.codes import encode_codes
from leafcode.quantizers import ResidualQuantizer
from options import RESULTS
from speed_timing import LIMIT, OURS, Timing, in_turn, keep
from speed_training import mlp

SIZES = (256, 256, 256)
CHUNK = 2048


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
def ways(dims: tuple[int, ...], items: npt.NDArray[np.float32]) -> dict[str, Callable[[], object]]:
    """All of the items' codes, in several ways."""
    torch.manual_seed(0)
    model = EncodedByMLP(dims).eval()
    sample = model.latents(torch.from_numpy(items[:20_000]))
    model.quantizer.fit(sample, torch.Generator().manual_seed(0))
    chunks = [slice(start, start + CHUNK) for start in range(0, len(items), CHUNK)]
    linear = [layer for layer in model.encoder if isinstance(layer, nn.Linear)]

    def products() -> None:
        for rows in chunks:
            hidden = torch.from_numpy(items[rows])
            for layer in linear:
                hidden = hidden @ layer.weight.T
            for codebook in model.quantizer.codebooks:
                _ = hidden @ codebook.T

    found: dict[str, Callable[[], object]] = {
        LIMIT: torch.no_grad()(products),
        OURS: lambda: encode_codes(model, items),
    }
    books = [codebook.detach() for codebook in model.quantizer.codebooks]
    peer = ResidualVQ(dim=dims[-1], num_quantizers=len(SIZES), codebook_size=SIZES[0]).eval()
    for layer, book in zip(peer.layers, books, strict=True):
        layer._codebook.embed.data.copy_(book[None])

    def vector_quantize() -> None:
        for rows in chunks:
            peer(model.latents(torch.from_numpy(items[rows]))[None])

    found["vector-quantize-pytorch, ResidualVQ"] = torch.no_grad()(vector_quantize)
    if len(dims) > 1:
        other = PeerRQVAE(in_dim=dims[0], num_emb_list=list(SIZES), e_dim=dims[-1], layers=list(dims[1:-1]))
        found["semantic-id, RQVAE"] = lambda: other.encode(items)
    else:
        quantizer = faiss.ResidualQuantizer(dims[0], len(SIZES), 8)
        quantizer.train_type = faiss.ResidualQuantizer.Train_default
        quantizer.max_beam_size = 1
        quantizer.train(items[:10_000])
        found["FAISS, ResidualQuantizer of beam 1"] = lambda: quantizer.compute_codes(items)
        clusters = RQKMeans(n_levels=len(SIZES), n_clusters=SIZES[0])
        clusters.fit(items[:10_000])
        found["semantic-id, RQKMeans"] = lambda: clusters.encode(items)
    return found


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
        timings += in_turn(case, ways(dims, items), rounds=options.rounds, items=options.items)
    keep("codes", timings, options.out)


if __name__ == "__main__":
    main()

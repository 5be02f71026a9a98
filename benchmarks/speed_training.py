"""A training step with the contrastive term, beside its matrix products and a peer that has no such term.

Usage:
    python benchmarks/speed_training.py [--steps 100] [--rounds 7] [--out results]

An RQ-VAE with an MLP 384-256-128-32 and back, 3 x 256 codes, AdamW and steps of 512: with the graded
contrastive loss on the latents, put together from leafcode's parts as any training loop would, and as
semantic-id has it, without. The limit is the products of the linear maps, of the codebooks and of the
contrastive loss, forward and backward. The default model of leafcode is timed as it is trained: a step of the
phase that trains encoder, codebooks and decoder, and one of the phase that trains the tree part.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from semantic_id.algorithms.rq_vae_module import RQVAEModule
from torch import Tensor, nn
from torch.nn import functional as F

from leafcode import HierarchicalBatchSampler, Taxonomy, graded_contrastive_loss
from leafcode.products import FastLinear
from leafcode.quantizers import ResidualQuantizer, RQVAEConfig
from leafcode.taxonomy import Grades, TreeRelevance
from leafcode.training import Trainer, TrainingConfig, new_model
from options import RESULTS
from speed_timing import LIMIT, OURS, PLAIN, Timing, in_turn, keep

BATCH = 512
DIMS = (384, 256, 128, 32)
SIZES = (256, 256, 256)
ITEMS = 100_000
PEER = "semantic-id, RQVAE without the term"
Batches = list[npt.NDArray[np.int64]]


def mlp(dims: tuple[int, ...]) -> nn.Sequential:
    """Linear maps with ReLU between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(dims):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def catalogue() -> tuple[Taxonomy, npt.NDArray[np.int32], Tensor]:
    """A tree of 1,000 leaves under 100 parents under 10 roots, the nodes of the items, their embeddings."""
    tree, leaves = Taxonomy.from_paths([f"{leaf // 100} > {leaf // 10} > {leaf}" for leaf in range(1000)])
    rng = np.random.default_rng(0)
    nodes = leaves[rng.integers(0, len(leaves), ITEMS)]
    return tree, nodes, torch.from_numpy(rng.standard_normal((ITEMS, DIMS[0]), np.float32))


def with_the_term(
    tree: Taxonomy, nodes: npt.NDArray[np.int32], items: Tensor, batches: Batches
) -> Callable[[], None]:
    """Steps of leafcode's parts."""
    encoder, decoder, quantizer = mlp(DIMS), mlp(DIMS[::-1]), ResidualQuantizer(DIMS[-1], SIZES)
    quantizer.fit(encoder(items[:10_000]).detach(), torch.Generator().manual_seed(0))
    parameters = [*encoder.parameters(), *decoder.parameters(), *quantizer.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, fused=True)
    grades, ancestors = Grades.by_depth(tree.max_depth), torch.from_numpy(np.array(tree.ancestors))
    labels = torch.from_numpy(nodes)

    def steps() -> None:
        for batch in batches:
            inputs = items[batch]
            with FastLinear():
                latents = encoder(inputs)
            output = quantizer(latents)
            relevance = TreeRelevance(grades, ancestors[labels[batch]])
            contrast = graded_contrastive_loss(latents, relevance, grades=grades.levels).loss
            with FastLinear():
                reconstruction = decoder(output.quantized)
            loss = F.mse_loss(reconstruction, inputs) + output.loss + 0.1 * contrast
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return steps


def without_it(items: Tensor, batches: Batches) -> Callable[[], None]:
    """Steps of the peer."""
    module = RQVAEModule(
        in_dim=DIMS[0], num_emb_list=list(SIZES), e_dim=DIMS[-1], layers=list(DIMS[1:-1]), kmeans_init=False
    )
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, fused=True)

    def steps() -> None:
        for batch in batches:
            inputs = items[batch]
            optimizer.zero_grad()
            out, quantization, _ = module(inputs)
            loss: Any = module.compute_loss(out, quantization, inputs)[0]
            loss.backward()
            optimizer.step()

    return steps


def products(items: Tensor, batches: Batches) -> Callable[[], None]:
    """The matrix products of the steps with the term."""
    maps = [*itertools.pairwise(DIMS), *zip(DIMS[::-1], DIMS[::-1][1:], strict=False)]
    weights = [torch.randn(inputs, outputs) for inputs, outputs in maps]
    codebooks = [torch.randn(size, DIMS[-1]) for size in SIZES]

    def steps() -> None:
        for batch in batches:
            hidden = items[batch]
            for depth, weight in enumerate(weights):
                outputs = hidden @ weight
                _ = hidden.T @ outputs  # gradient of the weight
                if depth:
                    _ = outputs @ weight.T  # and of what came in
                if outputs.shape[1] == DIMS[-1]:
                    for codebook in codebooks:
                        _ = outputs @ codebook.T
                    similarity = outputs @ outputs.T
                    _ = similarity @ outputs, similarity.T @ outputs
                hidden = outputs

    return steps


def by_onednn(way: Callable[[], object]) -> Callable[[], object]:
    """The same with the products of oneDNN, which are the faster ones on some processors."""

    def within() -> None:
        with FastLinear():
            way()

    return within


def default_model(
    tree: Taxonomy, nodes: npt.NDArray[np.int32], items: Tensor, steps: int
) -> dict[str, Callable[[], object]]:
    """The phases of the default model's training, so many steps of each."""

    def train(tree_steps: int, content_steps: int) -> object:
        settings = TrainingConfig(
            tree_steps=tree_steps, content_steps=content_steps, steps=1, evaluate_every=10**6
        )
        model = new_model(RQVAEConfig(DIMS[0]), 0, nodes, tree)
        return Trainer(model, items.numpy(), nodes, tree, settings, progress=False).fit()

    return {
        "no steps": lambda: train(1, 1),
        "tree part": lambda: train(steps + 1, 1),
        "codes": lambda: train(1, steps + 1),
    }


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.manual_seed(0)
    tree, nodes, items = catalogue()
    sampler = HierarchicalBatchSampler(nodes, tree, batch_size=BATCH)
    batches = [sampler.step_batch(step) for step in range(options.steps)]
    ways = {
        LIMIT: by_onednn(products(items, batches)),
        PLAIN: products(items, batches),
        OURS: with_the_term(tree, nodes, items, batches),
        PEER: without_it(items, batches),
    }
    case = f"{options.steps} steps of {BATCH}"
    timings = in_turn(f"MLP {'-'.join(map(str, DIMS))}, {case}", ways, rounds=options.rounds)
    found = in_turn(
        "training", default_model(tree, nodes[:20_000], items[:20_000], options.steps), rounds=options.rounds
    )
    nothing, *others = found
    timings += [
        Timing(f"default model, {one.way}, {case}", OURS, one.seconds - nothing.seconds) for one in others
    ]
    keep("training", timings, options.out)


if __name__ == "__main__":
    main()

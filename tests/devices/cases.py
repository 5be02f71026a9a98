"""What leafcode computes with torch, on the CPU and on the device `pretend`, in a process of its own.

Usage:
    python -m tests.devices.cases FILE

For every case, FILE holds null where both devices give the same, or what went wrong.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from tests.catalogues import COMMAND_OPTIONS, clustered, write
from tests.devices.pretend import DEVICE
from torch import Tensor

from leafcode import (
    RQVAE,
    GradedContrastiveLoss,
    Grades,
    RQVAEConfig,
    Taxonomy,
    Trainer,
    TrainingConfig,
    TreeRelevance,
    encode_items,
    graded_contrastive_loss,
)
from leafcode.cli import main
from leafcode.integrations.metric_learning import TaxonomyMiner
from leafcode.integrations.prototypes import CategoryPrototypes
from leafcode.large_batches import GradientCache, MemoryBank
from leafcode.losses import cross_modal_loss, in_batch_softmax_loss
from leafcode.methods import METHODS, Task
from leafcode.taxonomy import places_from_paths
from leafcode.training import new_model

ITEMS, DIM = 600, 16
PATHS = [f"{leaf // 20} > {leaf // 5} > {leaf}" for leaf in range(60)]
TREE, LEAVES = Taxonomy.from_paths(PATHS)
RNG = np.random.default_rng(0)
NODES = LEAVES[RNG.integers(0, len(LEAVES), ITEMS)]
VECTORS = (RNG.standard_normal((len(TREE), DIM))[NODES] + RNG.standard_normal((ITEMS, DIM))).astype(
    np.float32
)
SETTINGS = TrainingConfig(
    tree_steps=12, content_steps=12, steps=12, evaluate_every=6, batch_size=64, contrast_batch_size=64
)


def trained(method: str, device: str) -> list[Any]:
    """Codes and reconstructions of a method that was trained on a small catalogue."""
    shape = RQVAEConfig(DIM, (16, 8, 4), hidden_dim=16, tree_dim=8)
    found = METHODS[method].train(Task(VECTORS, NODES, TREE, shape, SETTINGS, device)).encode(VECTORS)
    return [found.codes, found.reconstructions]


def with_engagement(device: str) -> list[Any]:
    """A model with an engagement part, of items of which some have several places, and some little trust."""
    inputs = np.concatenate([VECTORS, np.where(np.arange(ITEMS)[:, None] % 2, VECTORS[:, :4], 0)], axis=1)
    shape = RQVAEConfig(DIM, (16, 8), hidden_dim=16, tree_dim=8, engagement_dim=4)
    tree, places = places_from_paths([[PATHS[item % 60], PATHS[(item * 7) % 60]] for item in range(ITEMS)])
    trainer = Trainer(
        new_model(shape, 0, places, tree),
        inputs,
        places[:, 0],
        tree,
        dataclasses.replace(SETTINGS, progressive_masking=True),
        trust=np.linspace(0, 1, ITEMS, dtype=np.float32),
        places=places,
        device=device,
        progress=False,
    )
    return list(encode_items(trainer.fit().model, inputs, device=device))


def resumed(device: str) -> list[Any]:
    """A training that was stopped in its last phase and goes on."""

    def stop(model: RQVAE) -> None:
        raise KeyboardInterrupt

    def trainer(checkpoint: Path, on_initialised: Callable[[RQVAE], None] | None) -> Trainer:
        model = new_model(RQVAEConfig(DIM, (16, 8), hidden_dim=16, tree_dim=8), 0, NODES, TREE)
        where = {"device": device, "checkpoint": checkpoint, "progress": False}
        return Trainer(model, VECTORS, NODES, TREE, SETTINGS, on_initialised=on_initialised, **where)

    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder, "checkpoint")
        with contextlib.suppress(KeyboardInterrupt):
            trainer(checkpoint, stop).fit()
        assert checkpoint.exists()
        return list(encode_items(trainer(checkpoint, None).fit().model, VECTORS, device=device))


def command_line(device: str) -> list[Any]:
    """`fit` with its baselines."""
    with tempfile.TemporaryDirectory() as folder:
        files, run = write(Path(folder), *clustered()), Path(folder, "run")
        words = ["fit", *files.arguments, "--out", str(run), *COMMAND_OPTIONS, "--device", device]
        assert main(words) == 0
        return [pq.read_table(run / "ids.parquet")[level].to_numpy() for level in ("c1", "c2")]


def losses(device: str) -> list[Any]:
    """Every loss with its gradient, in a batch of several blocks for the relevance of the tree."""

    def on_device(values: Any) -> Tensor:
        return torch.from_numpy(np.asarray(values)).to(device)

    a, b = (on_device(VECTORS + shift).requires_grad_() for shift in (0, 0.1))
    ancestors = on_device(TREE.ancestors[NODES])
    grades = Grades.by_depth(TREE.max_depth)
    relevance = grades.matrix(ancestors, ancestors)
    present = on_device(np.arange(ITEMS) % 3 > 0)
    of_tree = GradedContrastiveLoss(grades=grades.levels)(a, TreeRelevance(grades, ancestors)).loss
    of_matrix = GradedContrastiveLoss(grades=grades.levels)(a, relevance).loss
    of_both = cross_modal_loss(a, b, relevance, has_a=present).loss
    of_queries = in_batch_softmax_loss(
        a, b, relevance=relevance, log_frequency=on_device(np.ones(ITEMS))
    ).loss
    of_prototypes = CategoryPrototypes(TREE, NODES, VECTORS).to(device)(a, on_device(NODES))
    found = [of_tree, of_matrix, of_both, of_queries, of_prototypes]
    torch.stack([one.double() for one in found]).sum().backward()
    return [*found, a.grad, b.grad]


def large_batches(device: str) -> list[Any]:
    """A gradient cache around a loss that contrasts with a memory bank."""
    torch.manual_seed(0)
    encoder, bank = torch.nn.Linear(DIM, 8).to(device), MemoryBank(256, 8).to(device)
    inputs, labels = torch.from_numpy(VECTORS).to(device), torch.from_numpy(NODES).to(device)
    table, grades = torch.from_numpy(np.array(TREE.ancestors)).to(device), Grades.default()
    bank.push(encoder(inputs[:200]), labels[:200])

    def loss(embeddings: Tensor) -> Tensor:
        past, nodes = bank.contents()
        relevance = grades.matrix(table[labels], table[nodes])
        return graded_contrastive_loss(embeddings, relevance, candidates=past).loss

    return [GradientCache(encoder, loss, 128).backward(inputs), encoder.weight.grad]


def miner(device: str) -> list[Any]:
    """Pairs for PyTorch Metric Learning."""
    embeddings, labels = torch.from_numpy(VECTORS[:50]).to(device), torch.from_numpy(NODES[:50]).to(device)
    return list(TaxonomyMiner(TREE).to(device)(embeddings, labels))


CASES: dict[str, Callable[[str], list[Any]]] = {
    **{f"method {name}": partial(trained, name) for name in METHODS},
    "engagement, several places": with_engagement,
    "resumed": resumed,
    "command line": command_line,
    "losses": losses,
    "large batches": large_batches,
    "miner": miner,
}


def arrays(found: list[Any]) -> list[np.ndarray]:
    """What a case returned, on the CPU."""
    return [one.detach().cpu().float().numpy() if isinstance(one, Tensor) else one for one in found]


def difference(case: Callable[[str], list[Any]]) -> str | None:
    """What is wrong with a case; None if both devices give the same."""
    try:
        expected, found = arrays(case("cpu")), arrays(case(DEVICE))
    except Exception:
        return traceback.format_exc()
    for place, (one, other) in enumerate(zip(expected, found, strict=True)):
        # Another product differs in the last bits, and may turn a choice in a thousand.
        if one.shape != other.shape or np.isclose(one, other, rtol=1e-3, atol=1e-4).mean() < 0.99:
            return f"result {place} is another one"
    return None


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps({name: difference(case) for name, case in CASES.items()}))

"""A small catalogue with a tree, and settings that train on it in a moment."""

import numpy as np
import torch

from leafcode.quantizers import RQVAEConfig
from leafcode.taxonomy import Taxonomy
from leafcode.training import Trainer, TrainingConfig, new_model

DIM = 8
SIZES = (8, 4)
QUICK = {
    "tree_steps": 6,
    "content_steps": 4,
    "steps": 8,
    "learning_rate": 3e-3,
    "batch_size": 32,
    "contrast_batch_size": 16,
    "validation_fraction": 0.1,
    "evaluate_every": 2,
}


def catalogue(unlabelled=12, seed=0):
    """Embeddings (108 + unlabelled, 8), nodes and tree: 3 roots of 3 leaves of 12 items, then no category."""
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(3, 1, 1, DIM))
    leaves = roots + 0.6 * rng.normal(size=(3, 3, 1, DIM))
    items = (leaves + 0.4 * rng.normal(size=(3, 3, 12, DIM))).reshape(-1, DIM)
    paths = [f"{root} > {leaf}" for root in "ABC" for leaf in "xyz" for _ in range(12)]
    embeddings = np.concatenate([items, rng.normal(size=(unlabelled, DIM))]).astype(np.float32)
    tree, nodes = Taxonomy.from_paths([*paths, *[None] * unlabelled])
    return embeddings, nodes, tree


def model_of(seed=0, data=None, **shape):
    """A fresh model with a tree part for the categories of `catalogue()` or other data."""
    _, nodes, tree = catalogue() if data is None else data
    settings = {"embedding_dim": DIM, "sizes": SIZES, "tree_dim": 4, "hidden_dim": 16, **shape}
    return new_model(RQVAEConfig(**settings), seed, nodes, tree)


def coded_model():
    """A fresh model with codebooks drawn at random, so that levels and codes differ."""
    model = model_of()
    for number, book in enumerate(model.quantizer.codebooks):
        torch.nn.init.normal_(book, generator=torch.Generator().manual_seed(number))
    return model


def trainer_of(data=None, checkpoint=None, shape=None, trust=None, **settings):
    """A trainer of a fresh model on `catalogue()` or other data; without a tree part at lambda = 0."""
    embeddings, nodes, tree = catalogue() if data is None else data
    config = TrainingConfig(**{**QUICK, **settings})
    used_tree = None if config.contrast_weight == 0 else tree
    model = model_of(data=(embeddings, nodes, used_tree), **(shape or {}))
    return Trainer(model, embeddings, nodes, tree, config, trust=trust, checkpoint=checkpoint, progress=False)


def same(first, second):
    """Whether two results hold the same bits."""
    ours, theirs = first.model.state_dict(), second.model.state_dict()
    equal = ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
    rest = [(r.tree_weight, r.best_step, r.history, r.warnings) for r in (first, second)]
    return equal and rest[0] == rest[1]

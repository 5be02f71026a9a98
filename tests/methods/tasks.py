"""A small task that every method trains on in a moment."""

import dataclasses

import numpy as np
from tests.training.catalogues import DIM, QUICK, SIZES, catalogue

from leafcode.methods import Task
from leafcode.quantizers import RQVAEConfig
from leafcode.training import TrainingConfig

SHAPE = RQVAEConfig(embedding_dim=DIM, sizes=SIZES, tree_dim=4, hidden_dim=16)
TRAINING = TrainingConfig(**QUICK)


def task_of(data=None, **training):
    """A task on `catalogue()` or other data."""
    embeddings, nodes, tree = catalogue() if data is None else data
    return Task(embeddings, nodes, tree, SHAPE, dataclasses.replace(TRAINING, **training))


def new_items(count=40, seed=5):
    """Items (count, 8) that nothing was trained on."""
    return np.random.default_rng(seed).normal(size=(count, DIM)).astype(np.float32)

"""A fresh model."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from leafcode.quantizers import RQVAE, RQVAEConfig
from leafcode.taxonomy import Taxonomy, find_categories
from leafcode.training.randomness import seeded


def new_model(
    config: RQVAEConfig,
    seed: int,
    nodes: npt.NDArray[np.integer[Any]] | None = None,
    taxonomy: Taxonomy | None = None,
) -> RQVAE:
    """A model whose first weights the seed decides, whatever was drawn before.

    Args:
        config: Its shape, without categories.
        seed: Of the weights.
        nodes: (n,) node of each training item, -1 for unlabelled ones, or (n, P) places of items with several
            paths; with `taxonomy`, the model gets a tree part with a prototype for each of their categories.
        taxonomy: The tree, or None for a model without a tree part.
    """
    if taxonomy is None or nodes is None:
        with seeded(seed):
            return RQVAE(config)
    spans = torch.from_numpy(find_categories(nodes, taxonomy, of=nodes[:0]).spans)
    categories, depths, _ = spans.shape if spans.numel() else (0, 0, 2)
    with seeded(seed):
        model = RQVAE(dataclasses.replace(config, categories=categories, depths=depths))
    if model.tree_encoder is not None:
        model.tree_encoder.spans.copy_(spans)
    return model

import dataclasses

import numpy as np
import pytest
import torch
from tests.training.catalogues import DIM, SIZES, catalogue

from leafcode.quantizers import RQVAEConfig
from leafcode.taxonomy import Taxonomy
from leafcode.taxonomy.categories import find_categories
from leafcode.training import new_model

SHAPE = RQVAEConfig(embedding_dim=DIM, sizes=SIZES, tree_dim=4, hidden_dim=16)
_, NODES, TREE = catalogue()


@pytest.mark.parametrize("arguments", [(), (NODES, TREE)], ids=["no tree", "a tree"])
def test_a_new_model_depends_on_the_seed_alone(arguments):
    state = torch.random.get_rng_state()
    first, second, other = (new_model(SHAPE, seed, *arguments).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_a_tree_gives_a_prototype_for_every_category():
    model = new_model(SHAPE, 0, NODES, TREE)
    assert model.config == dataclasses.replace(SHAPE, categories=9, depths=2)
    assert model.tree_encoder.prototypes.shape == (9, 4)
    assert model.tree_encoder.spans.tolist() == find_categories(NODES, TREE).spans.tolist()
    assert model.latents(torch.ones(3, DIM)).shape == (3, DIM + 4)


def test_without_anything_to_tell_apart_there_is_no_tree_part():
    one, _ = Taxonomy.from_paths(["A > B"])
    for nodes, tree in (
        (NODES, None),
        (None, TREE),
        (np.full(9, -1), TREE),
        (np.array([0, 1, -1]), one),
        (np.zeros(9, np.int64), TREE),
    ):
        model = new_model(SHAPE, 0, nodes, tree)
        assert model.tree_encoder is None
        assert model.config == SHAPE

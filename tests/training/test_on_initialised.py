"""The call before the last phase of training."""

import numpy as np
import pytest
import torch
from tests.catalogues import DIM, OPTIONS, SHORT, clustered

from leafcode.taxonomy import Taxonomy
from leafcode.training import Trainer, new_model
from leafcode.training.tree_weight import by_level


def trainer(on_initialised):
    rows, vectors = clustered()
    tree, nodes = Taxonomy.from_paths([row["path"] for row in rows])
    model = new_model(OPTIONS.model(DIM), SHORT.seed, nodes, tree)
    return Trainer(model, vectors, nodes, tree, SHORT, progress=False, on_initialised=on_initialised)


def test_it_is_called_once_with_the_codes_that_the_last_phase_begins_with():
    seen = []

    def look(model):
        seen.append([book.detach().clone() for book in model.quantizer.codebooks])
        assert all(bool(book.any()) for book in seen[-1])
        assert model.level_weights == by_level(SHORT.level_weights, SHORT.contrast_weight, levels=2)
        assert not model.training
        assert [row["phase"] for row in training.history][-1] == "content"

    training = trainer(look)
    result = training.fit()
    assert len(seen) == 1
    assert [row["phase"] for row in result.history].count("tree") == 2
    undisturbed = trainer(None).fit()
    for name, value in undisturbed.model.state_dict().items():
        assert torch.equal(value, result.model.state_dict()[name])


def test_an_exception_ends_training_there():
    class Enough(Exception):
        pass

    def stop(_):
        raise Enough

    training = trainer(stop)
    with pytest.raises(Enough):
        training.fit()
    assert {row["phase"] for row in training.history} == {"tree", "content"}
    assert np.isfinite([row["validation"] for row in training.history]).all()

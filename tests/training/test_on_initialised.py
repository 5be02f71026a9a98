"""The call between the phases of training."""

import numpy as np
import pytest
import torch
from tests.catalogues import DIM, OPTIONS, SHORT, clustered

from leafcode.taxonomy import Taxonomy
from leafcode.training import Trainer, new_model


def trainer(on_initialised):
    rows, vectors = clustered()
    tree, nodes = Taxonomy.from_paths([row["path"] for row in rows])
    model = new_model(OPTIONS.model(DIM), SHORT.seed, nodes, tree)
    return Trainer(model, vectors, nodes, tree, SHORT, progress=False, on_initialised=on_initialised)


def test_it_is_called_once_with_codes_that_are_not_trained_yet():
    seen = []

    def look(model):
        seen.append([book.detach().clone() for book in model.quantizer.codebooks])
        assert all(bool(book.any()) for book in seen[-1])

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
    assert {row["phase"] for row in training.history} == {"tree"}
    assert np.isfinite([row["validation"] for row in training.history]).all()

import numpy as np
import pytest
import torch
from tests.training.catalogues import QUICK, catalogue, model_of

from leafcode.errors import InputError, TrainingError
from leafcode.training import TrainingConfig
from leafcode.training.batch import Inputs
from leafcode.training.labels import Labels
from leafcode.training.randomness import validation_sample
from leafcode.training.tree_objective import TreeObjective, tree_can_teach
from leafcode.training.tree_term import TreeTerm

EMBEDDINGS, NODES, TREE = catalogue()
CONFIG = TrainingConfig(**QUICK)
CPU = torch.device("cpu")
TRAIN = np.flatnonzero(np.arange(len(NODES)) % 5 > 0)
KEPT_ASIDE = np.flatnonzero(np.arange(len(NODES)) % 5 == 0)


def objective_of(model, validation=KEPT_ASIDE, nodes=NODES):
    return TreeObjective(model, Inputs(EMBEDDINGS, CPU), Labels(nodes, TREE), TRAIN, validation, CONFIG)


def term_on(items, model):
    term = TreeTerm(Labels(NODES, TREE), CONFIG, TRAIN, CPU)
    return term.loss(model.tree_encoder, torch.from_numpy(EMBEDDINGS[items]), items)


def sample(items):
    return validation_sample(items[NODES[items] >= 0], CONFIG.seed, CONFIG.contrast_batch_size)


def test_a_step_is_the_term_on_its_batch():
    model = model_of()
    objective = objective_of(model)
    objective.begin()
    assert model.tree_encoder.temperature.item() == pytest.approx(CONFIG.temperature)
    first, again = objective.draw(3), objective_of(model).draw(3)
    np.testing.assert_array_equal(first.items, again.items)
    assert set(first.items) <= set(TRAIN[NODES[TRAIN] >= 0])
    terms = objective.step(3, first)
    assert list(terms) == ["contrast"]
    torch.testing.assert_close(terms["contrast"], term_on(first.items, model))


def test_validation_is_on_labelled_items_kept_aside_or_else_on_training_items():
    model = model_of()
    watched = sample(KEPT_ASIDE)
    assert len(watched) == CONFIG.contrast_batch_size < np.count_nonzero(NODES[KEPT_ASIDE] >= 0)
    torch.testing.assert_close(objective_of(model).validate()["contrast"], term_on(watched, model))
    unlabelled = np.flatnonzero(NODES < 0)
    instead = sample(TRAIN)
    found = objective_of(model, validation=unlabelled).validate()["contrast"]
    torch.testing.assert_close(found, term_on(instead, model))


def test_a_model_for_another_tree_is_refused():
    with pytest.raises(InputError, match="no tree part"):
        objective_of(model_of(data=(EMBEDDINGS, NODES, None)))


def test_whether_the_tree_can_teach():
    warnings, one = [], np.where(NODES[0] == NODES, NODES, -1)
    for nodes, tree, wanted, expected in (
        (NODES, TREE, 0.5, True),
        (NODES, TREE, "auto", True),
        (NODES, TREE, 0, False),
        (NODES, None, "auto", False),
    ):
        assert tree_can_teach(Labels(nodes, tree), TRAIN, wanted, warnings) is expected
    assert not warnings
    assert not tree_can_teach(Labels(one, TREE), TRAIN, "auto", warnings)
    assert [line.startswith("The tree was not used:") for line in warnings] == [True]
    for nodes, tree, said in ((one, TREE, "of 1 different ones"), (NODES, None, "There is no category tree")):
        with pytest.raises(TrainingError, match=said):
            tree_can_teach(Labels(nodes, tree), TRAIN, 0.5, warnings)

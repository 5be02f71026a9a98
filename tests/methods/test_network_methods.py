"""Methods that are the trainer with other settings."""

import numpy as np
import pytest
from tests.methods.tasks import SHAPE, new_items, task_of
from tests.training.catalogues import catalogue

from leafcode.codes import encode_items
from leafcode.methods import METHODS
from leafcode.taxonomy import Grades
from leafcode.training import ContrastTerm, Trainer, new_model


def trained_by_hand(task, nodes=None, tree=None, term=None):
    nodes = np.full(len(task.nodes), -1) if nodes is None else nodes
    return Trainer(
        new_model(SHAPE, task.training.seed, nodes, tree),
        task.embeddings,
        nodes,
        tree,
        task.training,
        progress=False,
        code_term=term,
    ).fit()


def assert_same_codes(method, result):
    items = new_items()
    found, expected = method.encode(items), encode_items(result.model, items)
    np.testing.assert_array_equal(found.codes, expected.codes)
    np.testing.assert_array_equal(found.reconstructions, expected.reconstructions)


def test_without_tree_is_lambda_0_whatever_the_settings_say():
    expected = trained_by_hand(task_of(contrast_weight=0.0))
    for weight in (0.0, 3.0, "auto"):
        assert_same_codes(METHODS["without_tree"].train(task_of(contrast_weight=weight)), expected)


@pytest.mark.parametrize("strength", [None, 1.5])
def test_tree_is_leafcode_with_a_lambda(strength):
    _, nodes, tree = catalogue()
    weight = "auto" if strength is None else strength
    expected = trained_by_hand(task_of(contrast_weight=weight), nodes, tree)
    found = METHODS["tree"].train(task_of(), strength)
    assert found.settings["lambda"] == expected.tree_weight
    assert_same_codes(found, expected)


def test_supervised_contrast_is_the_trainer_with_a_flat_term():
    task = task_of(contrast_weight=0.0)
    term = ContrastTerm(
        task.nodes, task.taxonomy, task.training, weight=0.7, grades=Grades.by_distance((1.0,))
    )
    found = METHODS["supervised_contrast"].train(task_of(), 0.7)
    assert_same_codes(found, trained_by_hand(task, term=term))

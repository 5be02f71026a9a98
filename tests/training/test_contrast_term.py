import dataclasses

import numpy as np
import pytest
import torch
from pytorch_metric_learning.losses import SupConLoss
from tests.training.catalogues import QUICK, catalogue, coded_model, model_of

from leafcode.errors import InputError
from leafcode.losses import graded_contrastive_loss
from leafcode.taxonomy import Grades
from leafcode.training import ContrastTerm, Trainer, TrainingConfig, cumulative_sums

CONFIG = TrainingConfig(**{**QUICK, "contrast_weight": 0.0})
SAME_LEAF = Grades.by_distance((1.0,))
EMBEDDINGS, NODES, TREE = catalogue()


def term_of(nodes=NODES, **settings):
    return ContrastTerm(nodes, TREE, CONFIG, **{"weight": 0.5, **settings})


@pytest.fixture(scope="module")
def model():
    return coded_model()


def taken(model, items):
    return model(torch.from_numpy(EMBEDDINGS[items]))


ITEMS = np.random.default_rng(0).permutation(len(NODES))[:60]


def test_same_leaf_on_the_encoder_is_supervised_contrast(model):
    labelled = ITEMS[NODES[ITEMS] >= 0]
    assert len(labelled) < len(ITEMS)
    output = taken(model, labelled)
    expected = SupConLoss(temperature=0.1)(output.latents[:, :8], torch.from_numpy(NODES[labelled]))
    # Unlabelled items take no part.
    found = term_of(grades=SAME_LEAF).loss(model, taken(model, ITEMS), ITEMS)
    torch.testing.assert_close(found, expected)


def test_grades_are_by_depth_unless_given(model):
    labelled = ITEMS[NODES[ITEMS] >= 0]
    output = taken(model, labelled)
    relevance = torch.from_numpy(Grades.by_depth(2).matrix(TREE.ancestors[NODES[labelled]]))
    expected = graded_contrastive_loss(output.latents[:, :8], relevance, grades=(0.5, 1.0), temperature=0.3)
    torch.testing.assert_close(term_of(temperature=0.3).loss(model, output, labelled), expected.loss)


def test_sums_are_weighed_by_level_and_both_is_both(model):
    output = taken(model, ITEMS)
    by_level = [
        term_of(place="sums", level_weights=weights).loss(model, output, ITEMS)
        for weights in ((1.0, 0.0), (0.0, 1.0))
    ]
    encoder = term_of().loss(model, output, ITEMS)
    mixed = term_of(place="sums", level_weights=(3.0, 1.0)).loss(model, output, ITEMS)
    torch.testing.assert_close(mixed, 0.75 * by_level[0] + 0.25 * by_level[1])
    both = term_of(place="both").loss(model, output, ITEMS)
    torch.testing.assert_close(both, encoder + 0.5 * by_level[0] + 0.5 * by_level[1])
    labelled = NODES[ITEMS] >= 0
    first = cumulative_sums(output, 8)[:, 0][torch.from_numpy(labelled)]
    relevance = torch.from_numpy(Grades.by_depth(2).matrix(TREE.ancestors[NODES[ITEMS[labelled]]]))
    torch.testing.assert_close(by_level[0], graded_contrastive_loss(first, relevance, temperature=0.1).loss)


@pytest.mark.parametrize("place", ["encoder", "sums", "both"])
def test_a_batch_without_labels_is_a_zero_with_gradients(model, place):
    items = np.flatnonzero(NODES < 0)
    loss = term_of(place=place).loss(model, taken(model, items), items)
    assert loss.item() == 0.0
    loss.backward()
    assert all(p.grad is None or bool((p.grad == 0).all()) for p in model.parameters())
    model.zero_grad()


def test_batches():
    train = np.arange(0, len(NODES), 2)
    uniform, literal, streams = (
        term_of(batches=batches) for batches in ("uniform", "literal", "two_streams")
    )
    for term in (uniform, literal, streams):
        term.prepare(train)
    assert uniform.batch(0) is None
    assert (uniform.replaces_uniform, literal.replaces_uniform, streams.replaces_uniform) == (0, 1, 0)
    for step in (0, 7):
        items = streams.batch(step)
        np.testing.assert_array_equal(items, literal.batch(step))
        assert len(items) == CONFIG.contrast_batch_size
        assert np.isin(items, train).all()
        assert (NODES[items] >= 0).all()
        assert len(np.unique(TREE.ancestors[NODES[items], 0])) > 1


@pytest.mark.parametrize("batches", ["uniform", "literal", "two_streams"])
@pytest.mark.parametrize("place", ["encoder", "sums"])
def test_it_pulls_categories_together(batches, place):
    config = dataclasses.replace(CONFIG, steps=60, evaluate_every=20)
    history = []
    for weight in (0.0, 1.0):
        term = term_of(weight=weight, batches=batches, place=place)
        trainer = Trainer(model_of(), EMBEDDINGS, NODES, TREE, config, progress=False, code_term=term)
        result = trainer.fit()
        items = np.arange(len(NODES))
        with torch.no_grad():
            history.append(float(term.loss(result.model, taken(result.model, items), items)))
    assert history[1] < history[0]


@pytest.mark.parametrize("wrong", [{"place": "decoder"}, {"batches": "random"}])
def test_names_are_checked(wrong):
    with pytest.raises(InputError, match=next(iter(wrong.values()))):
        term_of(**wrong)


def test_level_weights_are_one_per_level(model):
    with pytest.raises(InputError, match="level_weights"):
        term_of(place="sums", level_weights=(1.0,)).loss(model, taken(model, ITEMS), ITEMS)

import numpy as np
import pytest
import torch
from tests.oracles.prototype_contrastive import prototype_contrastive
from tests.training.catalogues import QUICK, catalogue, model_of

from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy
from leafcode.training import TrainingConfig
from leafcode.training.labels import Labels
from leafcode.training.tree_term import TreeTerm

EMBEDDINGS, NODES, TREE = catalogue()


def term_of(nodes=NODES, tree=TREE, train=None, **settings):
    return of_labels(Labels(nodes, tree), train, **settings)


def of_labels(labels, train=None, **settings):
    train = np.arange(len(NODES)) if train is None else train
    return TreeTerm(labels, TrainingConfig(**{**QUICK, **settings}), train, torch.device("cpu"))


def path_of(node):
    return TREE.path(node) if node >= 0 else ()


@pytest.mark.parametrize(
    ("grades", "by_depth"), [("depth", (0.5, 1.0)), ("1,0.2", (0.2, 1.0)), ("1", (0.0, 1.0))]
)
def test_the_loss_is_that_of_the_prototypes_weighted_by_grades(grades, by_depth):
    model, items = model_of(), np.random.default_rng(0).permutation(len(NODES))[:50]
    model.tree_encoder.temperature.fill_(0.2)
    found = term_of(grades=grades).loss(model.tree_encoder, torch.from_numpy(EMBEDDINGS[items]), items)
    # Three roots of three leaves, in the order of their names.
    leaves = sorted({path_of(node) for node in NODES if node >= 0})
    spans = []
    for node in NODES[items]:
        places = [
            [number for number, leaf in enumerate(leaves) if leaf[:depth] == path_of(node)[:depth]]
            for depth in (1, 2)
        ]
        spans.append([(-1, -1) if node < 0 else (own[0], own[-1] + 1) for own in places])
    projected = model.tree_encoder.project(torch.from_numpy(EMBEDDINGS[items])).detach().double().numpy()
    prototypes = model.tree_encoder.prototypes.detach().double().numpy()
    weights = np.tile(by_depth, (50, 1))
    expected = prototype_contrastive(projected, prototypes, spans, weights, 0.2)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_items_count_as_far_as_they_are_trusted():
    model, items = model_of(), np.flatnonzero(NODES >= 0)[::3]
    trust = np.random.default_rng(0).choice(np.float32([0, 0.5, 1]), len(NODES))

    def loss(trust, items):
        term = of_labels(Labels(NODES, TREE, trust=trust))
        return term.loss(model.tree_encoder, torch.from_numpy(EMBEDDINGS[items]), items).item()

    alone = [loss(None, items[place : place + 1]) for place in range(len(items))]
    assert loss(trust, items) == pytest.approx(np.average(alone, weights=trust[items]), rel=1e-5)
    assert loss(np.ones(len(NODES), np.float32), items) == loss(None, items)


def test_batches_are_of_labelled_training_items():
    train = np.arange(0, len(NODES), 2)
    term = term_of(train=train)
    assert term.labelled.tolist() == [item for item in train if NODES[item] >= 0]
    for step in (0, 7):
        batch = term.batch(step)
        assert len(batch) == QUICK["contrast_batch_size"]
        assert np.isin(batch, term.labelled).all()
        np.testing.assert_array_equal(batch, term_of(train=train).batch(step))


def test_a_small_catalogue_is_one_batch():
    few = np.r_[0:13, 40:43]
    term = term_of(train=few, contrast_batch_size=512)
    assert sorted(term.batch(0)) == few.tolist()


def test_an_encoder_of_other_categories_is_refused():
    term, model = term_of(), model_of()
    assert term.check(model.tree_encoder) is model.tree_encoder
    with pytest.raises(
        InputError, match=r"model: found no tree part; expected one for the items' own tree, of 9.*new_model"
    ):
        term.check(None)
    flat, nodes = Taxonomy.from_paths([None if node < 0 else str(node % 5) for node in NODES])
    other = model_of(data=(EMBEDDINGS, nodes, flat)).tree_encoder
    with pytest.raises(
        InputError, match=r"a tree part for 5 categories at 1 depths; expected .* 9 .* at 2 depths"
    ):
        term.check(other)
    # As many categories elsewhere in the tree.
    moved = model_of().tree_encoder
    moved.spans[0, 0, 1] += 1
    with pytest.raises(InputError, match="a tree part for 9 categories"):
        term.check(moved)


def test_either_of_two_places_will_do():
    """An item of two leaves: the loss is that of all probability beneath the two of them."""
    places = np.stack([NODES, np.where(NODES >= 0, np.roll(NODES, 40), -1)], axis=1)
    items = np.arange(0, 100, 7)
    model = model_of(data=(EMBEDDINGS, places, TREE))
    term = of_labels(Labels(NODES, TREE, places=places))
    assert term.check(model.tree_encoder) is model.tree_encoder
    found = term.loss(model.tree_encoder, torch.from_numpy(EMBEDDINGS[items]), items)
    leaves = sorted({path_of(node) for node in places.ravel() if node >= 0})
    projected = model.tree_encoder.project(torch.from_numpy(EMBEDDINGS[items])).detach().double()
    prototypes = torch.nn.functional.normalize(model.tree_encoder.prototypes.detach().double())
    shares = torch.softmax(projected @ prototypes.T / float(model.tree_encoder.temperature), 1).numpy()
    losses = []
    for item, share in zip(items, shares, strict=True):
        own = [path_of(node) for node in places[item] if node >= 0]
        inside = [
            share[[leaf[:depth] in {path[:depth] for path in own} for leaf in leaves]].sum()
            for depth in (1, 2)
        ]
        losses.append(-(0.5 * np.log(inside[0]) + np.log(inside[1])) / 1.5)
    assert found.item() == pytest.approx(np.mean(losses), rel=1e-5)


def test_batches_are_drawn_by_the_first_place():
    places = np.stack([NODES, np.where(NODES >= 0, NODES[0], -1)], axis=1)
    term = of_labels(Labels(NODES, TREE, places=places))
    for step in range(3):
        np.testing.assert_array_equal(term.batch(step), term_of().batch(step))


def test_without_a_tree_there_is_no_term():
    with pytest.raises(InputError, match="no category tree"):
        of_labels(Labels(NODES, None))

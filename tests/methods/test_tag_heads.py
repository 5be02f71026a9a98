import dataclasses

import numpy as np
import pytest
import torch
from tests.methods.tasks import TRAINING, task_of
from tests.training.catalogues import SIZES, catalogue, coded_model, model_of
from torch import nn

from leafcode.methods.tag_heads import TagTerm
from leafcode.taxonomy import Taxonomy
from leafcode.training import Trainer, cumulative_sums, seeded

EMBEDDINGS, NODES, TREE = catalogue()
EVERY = np.arange(len(NODES))


def term_of(nodes=NODES, tree=TREE, train=EVERY, levels=2):
    with seeded(0):
        term = TagTerm(EMBEDDINGS, nodes, tree, levels, 0.5)
    term.prepare(train)
    return term


@pytest.fixture(scope="module")
def model():
    return coded_model()


def softmax_loss(logits, target):
    return np.log(np.exp(logits).sum()) - logits[target]


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def by_hand(term, model, items, nodes=NODES, train=EVERY):
    """One item, one tag at a time."""
    output = model(torch.from_numpy(EMBEDDINGS[items]))
    sums = cumulative_sums(output, 8).detach().double().numpy()
    levels = []
    for level in range(2):
        category = np.where(nodes >= 0, TREE.ancestors[nodes, level], -1)
        means = {
            tag: unit(EMBEDDINGS[train][category[train] == tag].astype(np.float64)).mean(0)
            for tag in sorted(set(category[train].tolist()) - {-1})
        }
        every = sorted(set(category.tolist()) - {-1})
        in_batch = sorted(set(category[items].tolist()) & set(means))
        head, losses = term.heads[level], []
        for row, item in enumerate(items):
            if category[item] not in in_batch:
                continue
            # A candidate per tag, so no item of the same tag is a negative.
            cosines = np.array([unit(sums[row, level]) @ unit(means[tag]) for tag in in_batch])
            logits = head.weight.detach().double().numpy() @ sums[row, level] + head.bias.detach().numpy()
            losses.append(
                softmax_loss(cosines / 0.1, in_batch.index(category[item]))
                + softmax_loss(logits, every.index(category[item]))
            )
        levels.append(np.mean(losses))
    return np.mean(levels)


@pytest.mark.parametrize("items", [EVERY[::3], EVERY[:30], EVERY[100:]])
def test_the_loss_by_hand(model, items):
    term = term_of()
    found = term.loss(model, model(torch.from_numpy(EMBEDDINGS[items])), items)
    assert found.item() == pytest.approx(by_hand(term, model, items), rel=1e-5)


def test_tags_are_embedded_by_the_items_to_train_on_alone(model):
    train = EVERY[NODES[0] != NODES]
    term = term_of(train=train)
    items = EVERY[::3]
    found = term.loss(model, model(torch.from_numpy(EMBEDDINGS[items])), items)
    assert found.item() == pytest.approx(by_hand(term, model, items, train=train), rel=1e-5)


def test_a_batch_of_one_tag_has_no_negatives(model):
    items = np.flatnonzero(NODES[0] == NODES)
    term = term_of()
    term.heads = nn.ModuleList(nn.Linear(8, size) for size in (3, 9))
    for head in term.heads:
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
    found = term.loss(model, model(torch.from_numpy(EMBEDDINGS[items])), items)
    # InfoNCE with a single candidate is zero, and the classifiers guess.
    assert found.item() == pytest.approx((np.log(3) + np.log(9)) / 2, rel=1e-6)


def test_unlabelled_items_take_no_part(model):
    term, labelled = term_of(), EVERY[::4]
    labelled = labelled[NODES[labelled] >= 0]
    losses = [
        term.loss(model, model(torch.from_numpy(EMBEDDINGS[items])), items).item()
        for items in (labelled, np.append(labelled, np.flatnonzero(NODES < 0)))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    alone = np.flatnonzero(NODES < 0)
    loss = term.loss(model, model(torch.from_numpy(EMBEDDINGS[alone])), alone)
    loss.backward()
    assert loss.item() == 0.0
    model.zero_grad()


def test_more_levels_than_depths_and_more_depths_than_levels(model):
    flat, nodes = Taxonomy.from_paths([None if node < 0 else str(node) for node in NODES])
    assert len(term_of(nodes, flat).heads) == 1
    assert len(term_of(levels=1).heads) == 1


def test_the_heads_are_trained_and_items_of_a_tag_gather():
    task = task_of(contrast_weight=0.0)
    config = dataclasses.replace(TRAINING, contrast_weight=0.0, steps=80, evaluate_every=40)
    term = term_of()
    before = [head.weight.clone() for head in term.heads]
    trainer = Trainer(model_of(), task.embeddings, task.nodes, TREE, config, progress=False, code_term=term)
    history = trainer.fit().history
    assert all(not torch.equal(old, head.weight) for old, head in zip(before, term.heads, strict=True))
    assert history[-1]["code_term"] < 0.95 * history[0]["code_term"]
    assert len(SIZES) == len(term.heads)

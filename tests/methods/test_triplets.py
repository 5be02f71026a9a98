import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.training.catalogues import catalogue, model_of
from torch import nn

from leafcode.methods.triplets import TripletTerm, category_pairs, code_balance, dispersion, triplet_loss

EMBEDDINGS, NODES, TREE = catalogue()


def by_hand(x, positive, negative, margin):
    losses = [
        max(0.0, margin + ((x[a] - x[p]) ** 2).sum() - ((x[a] - x[n]) ** 2).sum())
        for a in range(len(x))
        for p in np.flatnonzero(positive[a])
        for n in np.flatnonzero(negative[a])
    ]
    return float(np.mean(losses)) if losses else 0.0


@given(st.integers(1, 9), st.integers(0, 999), st.sampled_from([0.0, 0.2, 3.0]))
@settings(max_examples=60)
def test_the_loss_is_the_mean_over_all_triplets(size, seed, margin):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(size, 3)).round(1)
    kind = rng.integers(0, 3, size=(size, size))
    positive, negative = (kind == 1) & ~np.eye(size, dtype=bool), kind == 2
    found = triplet_loss(
        torch.from_numpy(x), torch.from_numpy(positive), torch.from_numpy(negative), margin=margin
    )
    assert found.item() == pytest.approx(by_hand(x, positive, negative, margin), abs=1e-9)


def test_its_gradient():
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(7, 3))).requires_grad_()
    kind = torch.from_numpy(rng.integers(0, 3, size=(7, 7)))
    assert torch.autograd.gradcheck(
        lambda x: triplet_loss(x, (kind == 1) & ~torch.eye(7, dtype=torch.bool), kind == 2, margin=0.5), (x,)
    )


def test_negatives_share_the_parent_from_level_2_on():
    rows = torch.from_numpy(np.where(NODES[:, None] >= 0, TREE.ancestors[NODES], -1).astype(np.int64))
    for level in (0, 1):
        positive, negative = category_pairs(rows, level)
        for a in range(0, len(NODES), 7):
            for b in range(len(NODES)):
                labelled = NODES[a] >= 0 and NODES[b] >= 0
                same = labelled and rows[a, level] == rows[b, level]
                assert positive[a, b] == (same and a != b)
                siblings = level == 0 or rows[a, level - 1] == rows[b, level - 1]
                assert negative[a, b] == (labelled and not same and siblings)
    assert negative.any()


def test_categories_that_end_above_take_no_part():
    rows = torch.tensor([[0, 1], [0, -1], [0, 2], [0, 1]])
    positive, negative = category_pairs(rows, 1)
    assert not positive[1].any()
    assert not negative[1].any()
    assert not negative[:, 1].any()
    assert negative[0].tolist() == [False, False, True, False]


def test_balance_is_zero_for_even_use_and_large_for_a_collapse():
    model = model_of(sizes=(4, 2))
    corners = torch.eye(8)[:4]
    with torch.no_grad():
        for book in model.quantizer.codebooks:
            book.zero_()
        model.quantizer.codebooks[0][:, :8] = corners
    even = code_balance(model, model(corners)).item()
    assert even == pytest.approx(0.0, abs=1e-5)
    # One code takes exp(0) of the softness, the three others exp(-2 / 0.1) each; the second level is even.
    collapsed = code_balance(model, model(corners[:1].repeat(4, 1))).item()
    assert collapsed == pytest.approx(math.log(4) / 2, rel=1e-4)


def test_dispersion():
    assert dispersion(torch.ones(1, 3)).item() == 0.0
    assert dispersion(torch.ones(5, 3)).item() == pytest.approx(0.0)
    assert dispersion(torch.tensor([[1.0, 0.0], [-2.0, 0.0]])).item() == pytest.approx(-8.0)


def test_unlabelled_items_count_for_balance_alone():
    model, term = model_of(), TripletTerm(NODES, TREE, 1.0)
    for number, book in enumerate(model.quantizer.codebooks):
        nn.init.normal_(book, generator=torch.Generator().manual_seed(number))
    items = np.flatnonzero(NODES < 0)
    output = model(torch.from_numpy(EMBEDDINGS[items]))
    expected = 0.1 * code_balance(model, output) + 0.1 * dispersion(output.quantizer.quantized[:, :8])
    torch.testing.assert_close(term.loss(model, output, items), expected)

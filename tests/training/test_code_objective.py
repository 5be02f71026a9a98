import numpy as np
import pytest
import torch
from tests.oracles import residual_quantization as oracle
from tests.training.catalogues import DIM, QUICK, SIZES, catalogue, model_of

from leafcode.training import TrainingConfig, code_objective
from leafcode.training.code_objective import CodeObjective

TRAIN = np.arange(100)


@pytest.fixture
def objective():
    return objective_of()


def objective_of(**settings):
    """Of a model with codebooks that follow content and tree, and a decoder that adds codewords up."""
    embeddings, _, _ = catalogue()
    model = model_of()
    config = TrainingConfig(**{**QUICK, **settings})
    objective = CodeObjective(model, embeddings, TRAIN, config, torch.device("cpu"), None)
    objective.take_tree_parts()
    model.set_level_weights((1.0, 0.5))
    model.quantizer.fit(objective.sample_latents().values, torch.Generator().manual_seed(0))
    return model, objective, embeddings


def test_latents_are_those_of_the_model(objective):
    model, objective, embeddings = objective
    items = np.array([5, 110, 0])
    expected = model.latents(torch.from_numpy(embeddings[items]))
    torch.testing.assert_close(objective.latents(items).values, expected)


def test_terms_against_brute_force(objective):
    model, objective, embeddings = objective
    items = np.arange(20, 60)
    with torch.no_grad():
        terms = objective.terms(items)
    unit = embeddings[items] / np.linalg.norm(embeddings[items], axis=1, keepdims=True)
    latents = objective.latents(items).values.detach().double().numpy()
    books = [book.detach().double().numpy() for book in model.quantizer.codebooks]
    metric = model.quantizer.metric.double().numpy()
    codes, _ = oracle.encode(latents, books, metric)
    rest = unit - oracle.decode(codes, books)[:, :DIM]
    assert list(terms) == ["reconstruction", "quantization"]
    assert float(terms["reconstruction"]) == pytest.approx((rest**2).sum(1).mean(), rel=1e-5)
    residual, quantization = latents, 0.0
    for level, book in enumerate(books):
        residual = residual - book[codes[:, level]]
        # Codebook loss, and commitment loss with its weight of a quarter.
        quantization += 1.25 * (metric[level] * residual**2).sum(1).mean()
    assert float(terms["quantization"]) == pytest.approx(quantization, rel=1e-5)


def test_a_step_depends_on_nothing_but_its_number():
    (_, first, _), (_, second, _) = (objective_of(progressive_masking=True) for _ in range(2))
    first.step(0)
    for step in (3, 1, 3):
        torch.testing.assert_close(first.step(step), second.step(step), rtol=0, atol=0)


def test_the_sample_holds_every_training_item_of_a_small_catalogue(objective):
    _, objective, _ = objective
    rows, expected = (
        sorted(map(tuple, x.values.tolist())) for x in (objective.sample_latents(), objective.latents(TRAIN))
    )
    np.testing.assert_allclose(rows, expected, atol=1e-6)


def test_only_codewords_that_no_item_chose_are_revived(objective):
    model, objective, _ = objective
    model.train()
    dead = model.quantizer.codebooks[0][:2].detach().clone()
    model.quantizer.codebooks[0].data[:2] = 100.0
    for step in range(16):
        objective.step(step)
    before = model.quantizer.codebooks[0].detach().clone()
    objective.revive(step=16)
    after = model.quantizer.codebooks[0].detach()
    assert len(after) == SIZES[0]
    torch.testing.assert_close(after[2:], before[2:], rtol=0, atol=0)
    latents = objective.latents(TRAIN).values
    assert torch.cdist(after[:2], latents).min(1).values.max() < 1e-3
    # What was counted is forgotten: the next time too little is known to call a code dead.
    model.quantizer.codebooks[0].data[:2] = dead
    objective.revive(step=17)
    torch.testing.assert_close(model.quantizer.codebooks[0].detach()[:2], dead, rtol=0, atol=0)


def test_tree_parts_of_items_that_are_too_many_are_computed_when_drawn(monkeypatch):
    _, at_once, _ = objective_of()
    monkeypatch.setattr(code_objective, "_LATENT_SAMPLE", 50)
    monkeypatch.setattr(code_objective, "_CHUNK", 3)
    model, when_drawn, _ = objective_of(batch_size=2, steps=1, content_steps=1)
    assert at_once._tree_parts is not None
    assert when_drawn._tree_parts is None
    model.train()
    items = np.array([5, 110, 0, 7])
    expected, found = at_once.latents(items).values, when_drawn.latents(items).values
    torch.testing.assert_close(found, expected)
    assert model.training
    assert not when_drawn._parts_of(items).requires_grad

import numpy as np
import pytest
import torch
from tests.oracles import residual_quantization as oracle
from tests.training.catalogues import DIM, QUICK, SIZES, catalogue, model_of

from leafcode.training import TrainingConfig, code_objective
from leafcode.training.batch import Inputs
from leafcode.training.code_objective import CodeObjective

TRAIN, KEPT_ASIDE = np.arange(100), np.arange(100, 105)


@pytest.fixture
def objective():
    return objective_of()


def objective_of(**settings):
    """Of a model with codebooks that follow content and tree, and a decoder that adds codewords up."""
    embeddings, _, _ = catalogue()
    model = model_of()
    config = TrainingConfig(**{**QUICK, **settings})
    inputs = Inputs(embeddings, torch.device("cpu"))
    objective = CodeObjective(model, inputs, TRAIN, KEPT_ASIDE, config, None)
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
    items = KEPT_ASIDE
    model.eval()
    with torch.no_grad():
        terms = objective.validate()
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
    first.step(0, first.draw(0))
    for step in (3, 1, 3):
        terms = [objective.step(step, objective.draw(step)) for objective in (first, second)]
        torch.testing.assert_close(*terms, rtol=0, atol=0)


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
        objective.step(step, objective.draw(step))
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


def test_of_many_items_those_that_are_drawn_get_their_tree_parts_at_once(monkeypatch):
    _, whole, _ = objective_of()
    monkeypatch.setattr(code_objective, "LATENT_SAMPLE", 50)
    monkeypatch.setattr(code_objective, "_CHUNK", 3)
    model, some, _ = objective_of(batch_size=2, steps=3, content_steps=4)
    drawn = [some.draw(step).items for step in range(7)]
    assert len(whole._tree_parts) == len(whole._inputs)
    assert set(some._with_parts) == set(KEPT_ASIDE) | set(some._sampled()) | set(np.concatenate(drawn))
    assert len(some._with_parts) == len(some._tree_parts) < 80
    model.train()
    left = np.setdiff1d(TRAIN, some._with_parts)
    for items in (drawn[6], np.append(drawn[0], left[:4]), left, np.array([119])):
        torch.testing.assert_close(some.latents(items).values, whole.latents(items).values)
        assert not some._parts_of(items).requires_grad
    assert model.training

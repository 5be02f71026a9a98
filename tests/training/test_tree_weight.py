import dataclasses

import numpy as np
import pytest
import torch
from tests.oracles import residual_quantization as oracle
from tests.training.catalogues import SIZES, model_of

from leafcode.quantizers import ResidualQuantizer
from leafcode.training import TrainingConfig, tree_weight
from leafcode.training.code_objective import Latents
from leafcode.training.tree_weight import by_level, choose_tree_weight, turn_towards_tree

CONTENT, TREE = 8, 4
TRIALS = sorted(tree_weight._TRIALS)


def latents_of(n=400, agree=False, seed=0):
    """Content part (n, 8) and a unit tree part (n, 4) that has nothing to do with it, or is half of it."""
    rng = np.random.default_rng(seed)
    content = rng.normal(size=(n, CONTENT))
    content /= np.linalg.norm(content, axis=1, keepdims=True)
    part = content[:, :TREE] if agree else rng.normal(size=(12, TREE))[rng.integers(12, size=n)]
    part /= np.linalg.norm(part, axis=1, keepdims=True)
    return torch.from_numpy(np.concatenate([content, part], axis=1)).float()


def generator():
    return torch.Generator().manual_seed(0)


def trained(latents, **settings):
    """A model with codebooks that follow the tree, and its settings; nothing else of it is trained."""
    config = TrainingConfig(**settings)
    model = model_of().eval()
    model.quantizer.fit(latents, generator())
    turn_towards_tree(model, Latents(latents, None), config, tree_weight.WEIGHT_IN_TRAINING, generator())
    return model, config


@pytest.fixture(scope="module")
def turned():
    """Model and settings, and latents and embeddings of items kept aside."""
    aside = latents_of(150, seed=1)
    return *trained(latents_of(), level_weights=(1.0, 0.5)), aside, 3.0 * aside[:, :CONTENT]


def error_of(model, config, weight, aside):
    """Squared error of content by brute force: an untrained decoder adds the codewords up."""
    books = [book.detach().double().numpy() for book in model.quantizer.codebooks]
    metric = np.ones((len(SIZES), CONTENT + TREE))
    metric[:, CONTENT:] = weight * np.array([*config.level_weights, 0.0, 0.0])[: len(SIZES), None]
    latents = aside.double().numpy()
    codes, _ = oracle.encode(latents, books, metric)
    rest = latents[:, :CONTENT] - oracle.decode(codes, books)[:, :CONTENT]
    return (rest**2).sum(1).mean()


def chosen(model, config, aside, embeddings, limit):
    config = dataclasses.replace(config, reconstruction_limit=float(limit))
    return choose_tree_weight(model, Latents(aside, None), embeddings, config)


def test_it_is_the_largest_trial_that_keeps_to_the_limit(turned):
    model, config, aside, embeddings = turned
    errors = {weight: error_of(model, config, weight, aside) for weight in TRIALS}
    low, high = min(errors.values()), max(errors.values())
    assert high > 1.02 * low
    for limit in np.linspace(1.0003, 1.001 * high / low, 12):
        found = chosen(model, config, aside, embeddings, limit)
        assert found == max(weight for weight, error in errors.items() if error <= limit * low)
        assert model.level_weights == pytest.approx((found, 0.5 * found))


def test_a_looser_limit_never_gives_less(turned):
    weights = [chosen(*turned, limit) for limit in (1.0, 1.005, 1.02, 1.05, 1.2, 100.0)]
    assert weights == sorted(weights)
    assert 0.0 < weights[0] < weights[-1] == TRIALS[-1]


def test_only_the_direction_of_an_embedding_counts(turned):
    model, config, aside, embeddings = turned
    longer = embeddings * torch.linspace(0.1, 9.0, len(embeddings))[:, None]
    first, second = (chosen(model, config, aside, each, 1.02) for each in (embeddings, longer))
    assert first == second


def test_the_shares_of_the_levels_count(turned):
    model, config, aside, embeddings = turned
    for shares in ((1.0,), (1.0, 1.0)):
        other = dataclasses.replace(config, level_weights=shares)
        found = chosen(model, other, aside, embeddings, 1.02)
        errors = [error_of(model, other, weight, aside) for weight in (found, *TRIALS)]
        assert errors[0] <= 1.02 * min(errors)
        assert model.level_weights == pytest.approx(by_level(other.level_weights, found, 2))
    untouched = dataclasses.replace(config, level_weights=(0.0, 0.0))
    assert chosen(model, untouched, aside, embeddings, 1.0) == TRIALS[-1], "every weight costs the same"


def test_nothing_but_the_level_weights_changes(turned):
    before, state = {k: v.clone() for k, v in turned[0].state_dict().items()}, torch.get_rng_state()
    first, second = (chosen(*turned, 1.02) for _ in range(2))
    assert first == second
    after = dict(turned[0].state_dict())
    del before["quantizer.metric"], after["quantizer.metric"]
    torch.testing.assert_close(after, before, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("weight", [0.1, 0.4, 50.0])
def test_codebooks_are_turned_from_content_codes_under_the_first_weight(weight):
    latents, config = latents_of(), TrainingConfig(level_weights=(1.0, 0.25))
    model = model_of().eval()
    model.set_level_weights((0.0, 0.0))
    model.quantizer.fit(latents, generator())
    books = [book.detach().double().numpy() for book in model.quantizer.codebooks]
    content = np.ones((len(SIZES), CONTENT + TREE))
    content[:, CONTENT:] = 0.0
    start, _ = oracle.encode(latents, books, content)
    turn_towards_tree(model, Latents(latents, None), config, weight, generator())
    assert model.level_weights == pytest.approx((weight, 0.25 * weight))

    first = max(tree_weight.FIRST_WEIGHT, weight)
    metric = torch.ones(len(SIZES), CONTENT + TREE)
    metric[0, CONTENT:], metric[1, CONTENT:] = first, 0.25 * first
    expected = ResidualQuantizer(CONTENT + TREE, SIZES, metric=metric)
    iterations = tree_weight.TREE_ITERATIONS
    expected.fit(latents, generator(), iterations=iterations, start=torch.from_numpy(start))
    for found, book in zip(model.quantizer.codebooks, expected.codebooks, strict=True):
        torch.testing.assert_close(found, book)


def test_turning_holds_more_of_the_tree_and_less_of_content():
    latents, config = latents_of(), TrainingConfig(level_weights=(1.0, 1.0))
    model = model_of().eval()
    model.quantizer.fit(latents, generator())
    errors = []
    for turned in (False, True):
        if turned:
            turn_towards_tree(model, Latents(latents, None), config, 0.4, generator())
        rest = latents - model.quantizer.decode(model.quantizer.encode(latents)).detach()
        errors.append([float(part.square().sum(1).mean()) for part in rest.split([CONTENT, TREE], dim=1)])
    assert errors[1][0] > errors[0][0]
    assert errors[1][1] < 0.7 * errors[0][1]


def test_where_content_says_it_all_the_tree_costs_little():
    ratios = []
    for agree in (True, False):
        latents = latents_of(agree=agree)
        model, config = trained(latents)
        plain = ResidualQuantizer(CONTENT, SIZES)
        plain.fit(latents[:, :CONTENT], generator())
        rest = latents[:, :CONTENT] - plain.decode(plain.encode(latents[:, :CONTENT])).detach()
        ratios.append(error_of(model, config, 0.4, latents) / float(rest.square().sum(1).mean()))
    assert ratios[0] < ratios[1]

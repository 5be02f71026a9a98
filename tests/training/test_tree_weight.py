import numpy as np
import pytest
import torch
from tests.oracles import residual_quantization as oracle
from tests.training.catalogues import SIZES, model_of

from leafcode.quantizers import ResidualQuantizer
from leafcode.training import TrainingConfig, tree_weight
from leafcode.training.tree_weight import choose_tree_weight

CONTENT, TREE = 8, 4


def latents_of(tree="unrelated", n=400):
    """Content part (n, 8) and a unit tree part (n, 4) that agrees with it or does not."""
    rng = np.random.default_rng(0)
    content = rng.normal(size=(n, CONTENT))
    content /= np.linalg.norm(content, axis=1, keepdims=True)
    if tree == "constant":
        part = np.tile([0.0, 1.0, 0.0, 0.0], (n, 1))
    else:
        part = rng.normal(size=(12, TREE))[rng.integers(12, size=n)]
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return torch.from_numpy(np.concatenate([content, part], axis=1)).float()


def cost(latents, weight, shares=(1.0, 0.0)):
    """Squared error of content on the first fifth when the rest makes the codebooks: by brute force.

    They start from the codes of content alone.
    """
    held_out, iterations = len(latents) // 5, tree_weight.TREE_ITERATIONS
    content = ResidualQuantizer(CONTENT, SIZES)
    generator = torch.Generator().manual_seed(0)
    content.fit(latents[held_out:, :CONTENT], generator, iterations=iterations)
    start = content.encode(latents[held_out:, :CONTENT])
    metric = torch.ones(len(SIZES), CONTENT + TREE)
    metric[:, CONTENT:] = weight * torch.tensor(shares)[:, None]
    quantizer = ResidualQuantizer(CONTENT + TREE, SIZES, metric=metric)
    generator = torch.Generator().manual_seed(0)
    quantizer.fit(latents[held_out:], generator, iterations=iterations, start=start)
    books = [codebook.detach().double().numpy() for codebook in quantizer.codebooks]
    codes, _ = oracle.encode(latents[:held_out], books, metric.double().numpy())
    rest = latents[:held_out].double().numpy() - oracle.decode(codes, books)
    return (rest[:, :CONTENT] ** 2).sum(1).mean()


def called(model, latents, config):
    """With the first fifth kept aside."""
    held_out = len(latents) // 5
    return choose_tree_weight(model, latents[held_out:], latents[:held_out], config, progress=False)


def choose(latents, **settings):
    return called(model_of(), latents, TrainingConfig(**settings))


@pytest.mark.parametrize("limit", [1.03, 1.1, 1.2])
def test_it_keeps_to_the_limit_and_no_further(limit):
    latents = latents_of()
    weight = choose(latents, reconstruction_limit=limit, level_weights=(1.0,))
    assert 0.0 < weight < 1.0
    unit = cost(latents, 0.0)
    assert cost(latents, weight) <= limit * unit
    # [0, sqrt(4)] is halved on the scale of distances: the next step would have been too far.
    following = (weight**0.5 + 4**0.5 / 2**tree_weight._BISECTIONS) ** 2
    assert cost(latents, following) > limit * unit


def test_a_looser_limit_never_gives_less():
    weights = [choose(latents_of(), reconstruction_limit=limit) for limit in (1.0, 1.02, 1.05, 1.2, 2.0)]
    assert weights == sorted(weights)
    assert weights[0] < weights[-1]


def test_what_costs_nothing_gets_the_largest_weight():
    assert choose(latents_of("constant"), reconstruction_limit=1.001) == 1.0
    assert choose(latents_of(), reconstruction_limit=100.0) == 1.0


def test_the_shares_of_the_levels_count():
    latents = latents_of()
    half = choose(latents, reconstruction_limit=1.1, level_weights=(0.5,))
    assert cost(latents, half, (0.5, 0.0)) <= 1.1 * cost(latents, 0.0)
    assert choose(latents, level_weights=(0.0, 0.0)) == 1.0, "no level is touched"


def test_the_model_stays_as_it_was_and_the_same_call_gives_the_same():
    model, latents, config = model_of(), latents_of(), TrainingConfig()
    before, state = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    first = called(model, latents, config)
    assert first == called(model, latents, config)
    torch.testing.assert_close(dict(model.state_dict()), before, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), state)

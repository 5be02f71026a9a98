import dataclasses

import numpy as np
import pytest
import torch
from tests.oracles import residual_quantization as oracle
from torch.nn import functional as F

from leafcode.errors import InputError
from leafcode.quantizers import RQVAE, ResidualQuantizer, RQVAEConfig

CONFIG = RQVAEConfig(embedding_dim=6, sizes=(8, 4), categories=4, depths=2, tree_dim=3, hidden_dim=10)
NO_TREE = dataclasses.replace(CONFIG, categories=0, depths=0)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def model_of(config=CONFIG, seed=0, weights=None):
    """A float64 model to use, with codebooks initialised on `random(100, 6)` and the decoder untouched."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = RQVAE(config).double()
    if weights is not None:
        model.set_level_weights(weights)
    model.quantizer.fit(model.latents(random(100, 6)).detach(), torch.Generator().manual_seed(seed))
    return model.eval()


def disturb(model, seed=3):
    """As after training: nothing is zero any more."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    return model


def test_the_encoder_starts_as_the_identity():
    x = random(7, 6)
    latents = model_of().latents(x).detach()
    assert latents.shape == (7, 9)
    torch.testing.assert_close(latents[:, :6], x / x.norm(dim=1, keepdim=True))
    assert latents[:, 6:].any(dim=1).all()
    torch.testing.assert_close(model_of(NO_TREE).latents(x).detach(), latents[:, :6])


@pytest.mark.parametrize("weights", [None, (2.0, 0.5)])
def test_before_training_it_decodes_to_the_sum_of_its_codewords(weights):
    model, x = model_of(weights=weights), random(50, 6, seed=1)
    codebooks = [codebook.detach().numpy() for codebook in model.quantizer.codebooks]
    codes, _ = oracle.encode(model.latents(x).detach(), codebooks, model.quantizer.metric.numpy())
    assert model.encode(x).tolist() == codes.tolist()
    np.testing.assert_allclose(model.decode(model.encode(x)), oracle.decode(codes, codebooks)[:, :6])


def test_without_tree_weights_it_starts_as_rq_kmeans():
    model, x, train = model_of(), random(50, 6, seed=1), random(100, 6)
    rq_kmeans = ResidualQuantizer(6, (8, 4)).double()
    rq_kmeans.fit(F.normalize(train, dim=1), torch.Generator().manual_seed(0))
    codes = rq_kmeans.encode(F.normalize(x, dim=1))
    assert torch.equal(model.encode(x), codes)
    torch.testing.assert_close(model.decode(codes), rq_kmeans.decode(codes).detach())


def test_forward_is_encode_and_decode():
    model, x = disturb(model_of(weights=(1.0, 0.0))), random(20, 6, seed=1)
    output = model(x)
    assert torch.equal(output.quantizer.codes, model.encode(x))
    torch.testing.assert_close(output.reconstruction.detach(), model.decode(model.encode(x)))


def test_only_the_direction_of_an_embedding_counts():
    model, x = disturb(model_of()), random(20, 6, seed=1)
    assert torch.equal(model.encode(x), model.encode(3.7 * x))


def test_level_weights():
    model, x = model_of(), random(30, 6, seed=1)
    assert model.level_weights == (0.0, 0.0)
    before = model.encode(x)
    disturb(model.tree_encoder)
    assert torch.equal(model.encode(x), before), "at weight zero the tree part has no say"
    model.set_level_weights((4.0, 0.0))
    assert model.level_weights == (4.0, 0.0)
    assert model.quantizer.metric[:, :6].eq(1).all()
    assert not torch.equal(model.encode(x), before)
    with pytest.raises(InputError, match="metric"):
        model.set_level_weights((-1.0, 0.0))


@pytest.mark.parametrize("estimator", ["straight_through", "rotation"])
def test_every_part_gets_a_gradient(estimator):
    model = disturb(model_of(dataclasses.replace(CONFIG, estimator=estimator), weights=(1.0, 1.0)))
    x = random(100, 6)
    output = model(x, depth=torch.arange(100) % 2 + 1)
    ((F.normalize(x, dim=1) - output.reconstruction).square().mean() + output.quantizer.loss).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_reconstruction_gradient_in_float64():
    """The decoder and the codewords have no estimator in their way: numbers must agree with differences."""
    model = disturb(model_of())
    codes = model.encode(random(5, 6, seed=1))

    def decode(first, second):
        codewords = torch.stack([first[codes[:, 0]], second[codes[:, 1]]], dim=1)
        return model.decoder(codewords, codewords.sum(1))

    books = [codebook.detach().clone().requires_grad_() for codebook in model.quantizer.codebooks]
    assert torch.autograd.gradcheck(decode, books)


def test_without_categories_there_is_no_tree_part():
    model, x = disturb(model_of(NO_TREE)), random(20, 6)
    assert model.tree_encoder is None
    assert model.tree_part(x).shape == (20, 0)
    assert model.latents(x).shape == (20, 6)
    model.set_level_weights((3.0, 1.0))
    assert model.level_weights == (0.0, 0.0)
    assert model.quantizer.metric.eq(1).all()
    assert torch.equal(model(x).quantizer.codes, model.encode(x))


def test_a_seed_gives_the_same_encoder_and_decoder_with_a_tree_and_without():
    first, second = model_of().state_dict(), model_of(NO_TREE).state_dict()
    parts = [name for name in second if not name.startswith("quantizer.")]
    assert {name.split(".")[0] for name in parts} == {"content_encoder", "decoder"}
    assert all(torch.equal(first[name], second[name]) for name in parts)


def test_the_balance_reaches_the_quantizer():
    x = random(100, 6)
    for strength in (0.0, 0.2):
        model = model_of(dataclasses.replace(NO_TREE, balance=strength))
        before = {name: value.clone() for name, value in model.state_dict().items()}
        model.train()(x)
        after = model.state_dict()
        assert all(torch.equal(after[name], before[name]) for name in before) == (strength == 0.0)


def test_a_tree_part_at_hand_is_taken_as_it_is():
    model, x = disturb(model_of(weights=(2.0, 1.0))), random(20, 6, seed=1)
    part = model.tree_part(x)
    torch.testing.assert_close(part, model.tree_encoder(x))
    torch.testing.assert_close(model.latents(x, part), model.latents(x))
    torch.testing.assert_close(model(x, tree_part=part).reconstruction, model(x).reconstruction)
    other = random(20, 3, seed=2)
    assert torch.equal(model(x, tree_part=other).latents[:, 6:], other)


def test_dropout_is_in_the_tree_part_alone():
    model, x = model_of(dataclasses.replace(CONFIG, dropout=0.5)), random(20, 6)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        first, second = model.train().latents(x), model.latents(x)
    assert torch.equal(first[:, :6], second[:, :6])
    assert not torch.equal(first[:, 6:], second[:, 6:])


@pytest.mark.parametrize(
    "wrong",
    [
        {"embedding_dim": 0},
        {"tree_dim": 0},
        {"hidden_dim": -1},
        {"dropout": 1.0},
        {"commitment": -0.1},
        {"balance": -0.1},
        {"balance": 1.0},
        {"categories": -1},
        {"categories": 0},
        {"categories": 4, "depths": 0},
    ],
)
def test_a_shape_that_cannot_be(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        dataclasses.replace(CONFIG, **wrong)


def test_levels_that_cannot_be():
    with pytest.raises(InputError, match="at least one level"):
        RQVAE(RQVAEConfig(embedding_dim=4, sizes=()))
    with pytest.raises(InputError, match="'gumbel'"):
        model_of(dataclasses.replace(CONFIG, estimator="gumbel"))(random(2, 6))


ENGAGED = dataclasses.replace(CONFIG, engagement_dim=5)


def engaged_inputs(n=40):
    """Rows of which every other has no engagement."""
    inputs = random(n, 11, seed=4)
    inputs[::2, 6:] = 0
    return inputs


def engaged_model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = RQVAE(ENGAGED).double()
    model.set_level_weights((1.0, 2.0))
    model.set_engagement_weights((0.5, 0.0))
    inputs = engaged_inputs(100)
    generator = torch.Generator().manual_seed(0)
    model.quantizer.fit(model.latents(inputs).detach(), generator, known=model.known(inputs))
    return model.eval()


def test_the_engagement_part_comes_last_and_has_weights_of_its_own():
    model, inputs = engaged_model(), engaged_inputs()
    latents = model.latents(inputs)
    assert latents.shape == (40, 14)
    torch.testing.assert_close(latents[:, 9:], inputs[:, 6:], rtol=0, atol=0)
    torch.testing.assert_close(latents[:, :6], F.normalize(inputs[:, :6], dim=1))
    assert model.level_weights == (1.0, 2.0)
    assert model.engagement_weights == (0.5, 0.0)
    expected = [[1.0] * 6 + [1.0] * 3 + [0.5] * 5, [1.0] * 6 + [2.0] * 3 + [0.0] * 5]
    assert model.quantizer.metric.tolist() == expected
    known = model.known(inputs)
    assert known[:, :9].all()
    assert known[1::2].all()
    assert not known[::2, 9:].any()


def test_items_without_history_are_coded_as_if_engagement_had_no_weight():
    model, inputs = engaged_model(), engaged_inputs()
    codes, bare = model.encode(inputs), model.encode(inputs[:, :6])
    model.set_engagement_weights((0.0, 0.0))
    expected = model.encode(inputs)
    assert torch.equal(codes[::2], expected[::2])
    assert torch.equal(bare, expected)
    assert not torch.equal(codes[1::2], expected[1::2])


def test_reconstruction_is_that_of_the_embedding():
    model, inputs = engaged_model(), engaged_inputs()
    output = model(inputs)
    assert output.reconstruction.shape == (40, 6)
    torch.testing.assert_close(output.reconstruction, model.decode(model.encode(inputs)))


def test_without_an_engagement_part_all_is_known():
    model = model_of()
    assert model.known(random(3, 6)) is None
    assert model.engagement_weights == (0.0, 0.0)

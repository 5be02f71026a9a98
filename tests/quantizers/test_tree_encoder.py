import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.strategies import labelled_trees

from leafcode.quantizers import TreeEncoder, tree_encoder
from leafcode.taxonomy.categories import find_categories

SPANS = [
    [[0, 3], [0, 2], [0, 1]],
    [[0, 3], [0, 2], [1, 2]],
    [[0, 3], [2, 3], [2, 3]],
    [[3, 4], [3, 4], [3, 4]],
]


def encoder_of(spans=SPANS, seed=0, dim=5, **settings):
    """A float64 encoder of embeddings (B, 6), as after training: nothing is zero."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        encoder = TreeEncoder(6, 10, dim, len(spans), len(spans[0]), **settings).double()
        for parameter in encoder.parameters():
            torch.nn.init.normal_(parameter)
    encoder.spans.copy_(torch.tensor(spans))
    return encoder


@pytest.fixture(params=[1, 3, 2048])
def compared(request, monkeypatch):
    """With so many categories at once."""
    monkeypatch.setattr(tree_encoder, "_COMPARED", request.param)


def embeddings(count=9, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 6, generator=generator, dtype=torch.float64)


def unit(x):
    return x / np.linalg.norm(x)


def places_of(prototypes, spans):
    """By the words of the definition, one category and depth at a time."""
    prototypes = [unit(prototype) for prototype in prototypes]
    return np.array(
        [np.mean([unit(sum(prototypes[first:last])) for first, last in own], axis=0) for own in spans]
    )


def test_places():
    encoder = encoder_of()
    expected = places_of(encoder.prototypes.detach().numpy(), SPANS)
    np.testing.assert_allclose(encoder.places().detach(), expected, rtol=1e-10)


@settings(max_examples=40)
@given(labelled_trees(), st.integers(0, 1000))
def test_places_in_any_tree(labelled, seed):
    tree, nodes = labelled
    spans = find_categories(np.array(nodes), tree).spans
    if not spans.size:
        return
    encoder = encoder_of(spans.tolist(), seed)
    expected = places_of(encoder.prototypes.detach().numpy(), spans)
    np.testing.assert_allclose(encoder.places().detach(), expected, rtol=1e-8, atol=1e-10)


@pytest.mark.usefixtures("compared")
def test_the_tree_part_is_the_expected_place():
    encoder, x = encoder_of(), embeddings()
    encoder.temperature.fill_(0.4)
    prototypes = encoder.prototypes.detach().numpy()
    expected = []
    for z in encoder.project(x).detach().numpy():
        scores = np.array([np.exp(z @ unit(prototype) / 0.4) for prototype in prototypes])
        expected.append(scores / scores.sum() @ places_of(prototypes, SPANS))
    np.testing.assert_allclose(encoder(x).detach(), expected, rtol=1e-6)
    assert (encoder(x).norm(dim=1) <= 1 + 1e-12).all()


@pytest.mark.usefixtures("compared")
def test_sure_of_its_category_an_item_lies_on_its_place():
    encoder, x = encoder_of(), embeddings(40)
    encoder.temperature.fill_(1e-5)
    prototypes = torch.nn.functional.normalize(encoder.prototypes, dim=1)
    nearest = (encoder.project(x) @ prototypes.T).argmax(1)
    assert len(nearest.unique()) == 4
    torch.testing.assert_close(encoder(x), encoder.places()[nearest])


def test_the_fewer_depths_are_shared_the_further_apart():
    encoder = encoder_of(dim=64)
    with torch.no_grad():
        encoder.prototypes.copy_(torch.eye(64, dtype=torch.float64)[:4])
    places = encoder.places()
    to_first = (places - places[0]).norm(dim=1).tolist()
    assert to_first == sorted(to_first)
    assert to_first[1] < to_first[2] < to_first[3]


def test_projection_is_of_unit_length_and_sees_only_the_direction():
    encoder, x = encoder_of(), embeddings()
    torch.testing.assert_close(encoder.project(x).norm(dim=1), torch.ones(9, dtype=torch.float64))
    torch.testing.assert_close(encoder(3.7 * x), encoder(x))


@pytest.mark.usefixtures("compared")
def test_gradient_in_float64():
    encoder, x = encoder_of(), embeddings(4).requires_grad_()
    encoder.temperature.fill_(0.5)
    assert torch.autograd.gradcheck(encoder, x)
    assert torch.autograd.gradcheck(encoder.project, x)
    encoder(x).square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad.any(), name


@pytest.mark.usefixtures("compared")
def test_float32_has_the_gradient_of_float64():
    encoder, x = encoder_of(), embeddings()
    encoder.temperature.fill_(0.5)
    single = encoder_with(encoder).float()
    encoder(x).square().sum().backward()
    single(x.float()).square().sum().backward()
    for exact, found in zip(encoder.parameters(), single.parameters(), strict=True):
        torch.testing.assert_close(found.grad.double(), exact.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.usefixtures("compared")
def test_within_autocast_it_is_exact():
    encoder, x = encoder_of().float(), embeddings().float()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        found = encoder(x)
        projected = encoder.project(x).float()
    shares = torch.softmax(projected @ unit_rows(encoder.prototypes).T / encoder.temperature, 1)
    torch.testing.assert_close(found, shares @ encoder.places())


def test_exported_it_takes_any_number_of_items():
    encoder, x = encoder_of().float(), embeddings().float()
    batch = torch.export.Dim("batch", min=2)
    program = torch.export.export(encoder, (x,), dynamic_shapes=({0: batch},))
    torch.testing.assert_close(program.module()(x[:3]), encoder(x[:3]))


def unit_rows(x):
    return torch.nn.functional.normalize(x.detach(), dim=1)


def test_dropout_is_for_training_only():
    encoder, x = encoder_of(dropout=0.5), embeddings(20)
    assert torch.equal(encoder.eval()(x), encoder(x))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder.train()
        assert not torch.equal(encoder(x), encoder(x))


def test_temperature_and_spans_are_saved_with_the_weights():
    first, second = encoder_of(), encoder_of(seed=2)
    first.temperature.fill_(0.3)
    second.spans.zero_()
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(embeddings()), second(embeddings()))
    assert second.temperature.item() == pytest.approx(0.3)
    assert second.spans.tolist() == SPANS
    assert "temperature" not in dict(second.named_parameters())


def test_places_some_categories_at_a_time(monkeypatch):
    encoder = encoder_of()
    whole = encoder.places()
    monkeypatch.setattr(tree_encoder, "_CATEGORIES", 3)
    assert torch.equal(encoder.places(), whole)


def test_places_that_are_kept_follow_the_weights():
    encoder, x = encoder_of().eval(), embeddings()
    with torch.no_grad():
        before = encoder(x)
        assert torch.equal(encoder(x), before)
        encoder.prototypes.mul_(torch.linspace(-1, 1, 4, dtype=torch.float64)[:, None])
        assert torch.equal(encoder(x), encoder_with(encoder)(x))
        encoder.spans.copy_(torch.arange(4)[:, None, None] + torch.arange(2))
        assert torch.equal(encoder(x), encoder_with(encoder)(x))
        assert encoder.float()(x.float()).dtype == torch.float32


@pytest.mark.parametrize("fused", [False, True])
def test_training_lets_go_of_places(fused):
    encoder, x = encoder_of().eval(), embeddings()
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=0.1, fused=fused)
    with torch.no_grad():
        encoder(x)
    encoder.train()
    encoder(x).square().sum().backward()
    with torch.no_grad():
        encoder(x)  # as when a training loop looks at its progress
    optimizer.step()
    with torch.no_grad():
        in_training, afterwards = encoder(x), encoder.eval()(x)
    assert torch.equal(afterwards, encoder_with(encoder)(x))
    assert torch.equal(in_training, afterwards)


def test_within_inference_mode():
    with torch.inference_mode():
        encoder, x = encoder_of().eval(), embeddings()
        assert torch.equal(encoder(x), encoder(x))


def encoder_with(other):
    """A fresh encoder of the same weights."""
    fresh = encoder_of(seed=5).eval()
    fresh.load_state_dict(other.state_dict())
    return fresh

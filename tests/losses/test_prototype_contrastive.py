import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.prototype_contrastive import prototype_contrastive
from torch.nn import functional as F

from leafcode.errors import InputError
from leafcode.losses import _span_softmax, prototype_contrastive_loss


def random_batch(seed, batch=12, categories=7, depths=3, dim=5, dtype=torch.float64):
    """Embeddings, prototypes, spans that shrink with depth and may end early, and weights, some of them 0."""
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(batch, dim)) * rng.uniform(0.1, 10, size=(batch, 1))
    prototypes = rng.normal(size=(categories, dim)) * rng.uniform(0.1, 10, size=(categories, 1))
    spans = np.full((batch, depths, 2), -1)
    for item in range(batch):
        first, last = 0, categories
        for depth in range(rng.integers(depths + 1)):
            first = rng.integers(first, last)
            last = rng.integers(first, last) + 1
            spans[item, depth] = first, last
    weights = rng.choice([0.0, 0.25, 1.0], size=(batch, depths))
    tensors = (torch.tensor(part, dtype=dtype) for part in (embeddings, prototypes))
    return *tensors, torch.from_numpy(spans), torch.tensor(weights, dtype=dtype)


def own(labels, depths=1):
    """Spans that hold nothing but the item's own category."""
    return (labels[:, None, None] + torch.arange(2)).repeat(1, depths, 1)


@settings(max_examples=80)
@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.integers(1, 8),
    categories=st.integers(1, 9),
    depths=st.integers(1, 4),
    temperature=st.sampled_from([0.02, 0.05, 1.0]),
    weighted=st.booleans(),
    trusted=st.booleans(),
)
def test_equals_the_formula(seed, batch, categories, depths, temperature, weighted, trusted):
    embeddings, prototypes, spans, weights = random_batch(seed, batch, categories, depths)
    trust = torch.from_numpy(np.random.default_rng(seed).choice([0.0, 0.3, 1.0], size=batch))
    found = prototype_contrastive_loss(
        embeddings,
        prototypes,
        spans,
        weights=weights if weighted else None,
        item_weights=trust if trusted else None,
        temperature=temperature,
    )
    used = weights if weighted else torch.ones_like(weights)
    expected = prototype_contrastive(
        *(part.numpy() for part in (embeddings, prototypes, spans, used)),
        temperature,
        trust.numpy() if trusted else None,
    )
    assert found.item() == pytest.approx(expected, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("temperature", [0.05, 0.7])
@pytest.mark.parametrize("depths", [1, 3])
def test_spans_of_one_category_are_cross_entropy(temperature, depths):
    embeddings, prototypes, _, _ = random_batch(1)
    labels = torch.randint(7, (12,), generator=torch.Generator().manual_seed(0))
    ours, theirs = embeddings.clone().requires_grad_(), embeddings.clone().requires_grad_()
    found = prototype_contrastive_loss(ours, prototypes, own(labels, depths), temperature=temperature)
    logits = F.normalize(theirs) @ F.normalize(prototypes).T / temperature
    expected = F.cross_entropy(logits, labels)
    torch.testing.assert_close(found, expected)
    found.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_merging_prototypes_is_cross_entropy_between_subtrees():
    """Equal prototypes beneath each root: the depth of the roots is a softmax over roots."""
    embeddings, roots, _, _ = random_batch(2, categories=3)
    labels = torch.arange(12) % 3
    spans = (4 * labels[:, None, None]) + torch.tensor([0, 4])
    found = prototype_contrastive_loss(embeddings, roots.repeat_interleave(4, 0), spans, temperature=0.3)
    logits = F.normalize(embeddings) @ F.normalize(roots).T / 0.3
    torch.testing.assert_close(found, F.cross_entropy(logits, labels))


def test_gradient_in_float64():
    embeddings, prototypes, spans, weights = random_batch(3, batch=6)

    def loss(x, p, w):
        return prototype_contrastive_loss(x, p, spans, weights=w, temperature=0.3)

    weights = weights + 0.1  # inside the domain, where differences on either side make sense
    inputs = [part.requires_grad_() for part in (embeddings, prototypes, weights)]
    assert torch.autograd.gradcheck(loss, inputs)


@pytest.mark.parametrize("temperature", [1e-4, 1e-2, 1e4])
def test_extreme_temperatures_stay_finite(temperature):
    embeddings, prototypes, spans, weights = random_batch(4, dtype=torch.float32)
    inputs = [part.requires_grad_() for part in (embeddings, prototypes)]
    loss = prototype_contrastive_loss(*inputs, spans, weights=weights, temperature=temperature)
    assert loss.isfinite()
    loss.backward()
    assert all(part.grad.isfinite().all() for part in inputs)
    numbers = (part.detach().double().numpy() for part in (*inputs, spans, weights))
    embeddings, prototypes, spans, weights = numbers
    expected = prototype_contrastive(embeddings, prototypes, spans.astype(int), weights, temperature)
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def test_an_item_that_is_sure_of_another_place_has_the_gradient_of_float64():
    """Its own subtree has a probability that no difference of running sums in float32 can tell from 0."""
    prototypes = torch.randn(200, 16, generator=torch.Generator().manual_seed(1))
    spans = torch.tensor([[[100, 200], [100, 120], [119, 120]]]).repeat(50, 1, 1)
    gradients = []
    for dtype in (torch.float32, torch.float64):
        x = prototypes[:50].to(dtype).requires_grad_()
        prototype_contrastive_loss(x, prototypes.to(dtype), spans, temperature=0.03).backward()
        gradients.append(x.grad.double())
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-6)


def test_items_without_a_span_take_no_part():
    embeddings, prototypes, spans, weights = random_batch(5)
    spans[::3] = -1
    weights[1::3] = 0
    part = torch.arange(12) % 3 == 2
    found = prototype_contrastive_loss(embeddings, prototypes, spans, weights=weights)
    alone = prototype_contrastive_loss(embeddings[part], prototypes, spans[part], weights=weights[part])
    torch.testing.assert_close(found, alone)


def test_nothing_to_learn_is_a_zero_with_zero_gradients():
    embeddings, prototypes, spans, _ = random_batch(6)
    inputs = [part.requires_grad_() for part in (embeddings, prototypes)]
    loss = prototype_contrastive_loss(*inputs, torch.full_like(spans, -1))
    assert loss.item() == 0.0
    loss.backward()
    assert not any(part.grad.any() for part in inputs)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_float32(dtype):
    embeddings, prototypes, spans, weights = random_batch(7, dtype=dtype)
    found = prototype_contrastive_loss(embeddings, prototypes, spans, weights=weights.float())
    exact = prototype_contrastive_loss(
        embeddings.double(), prototypes.double(), spans, weights=weights.double()
    )
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(exact.item(), rel=1e-4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = prototype_contrastive_loss(embeddings, prototypes, spans, weights=weights.float())
    assert torch.equal(inside, found)


def test_lengths_and_order_do_not_matter():
    embeddings, prototypes, spans, weights = random_batch(8)
    plain = prototype_contrastive_loss(embeddings, prototypes, spans, weights=weights)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    other = prototype_contrastive_loss(
        7 * embeddings[order], prototypes / 9, spans[order], weights=weights[order]
    )
    torch.testing.assert_close(plain, other)


def test_the_further_away_the_costlier():
    """Two roots of two leaves: an item that is taken for its sibling pays less than for a stranger."""
    prototypes = torch.eye(4)
    spans = torch.tensor([[[0, 2], [0, 1]]])
    own, sibling, cousin = (
        prototype_contrastive_loss(x[None], prototypes, spans).item() for x in prototypes[:3]
    )
    assert own < sibling < cousin


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": float("inf")}, "temperature"),
        ({"prototypes": torch.ones(3, 4)}, r"prototypes: found shape \(3, 4\); expected \(C, 2\)"),
        ({"prototypes": torch.ones(2)}, "prototypes"),
        ({"spans": torch.zeros(2, 2, dtype=torch.int64)}, r"spans: found shape \(2, 2\)"),
        ({"spans": torch.zeros(3, 1, 2, dtype=torch.int64)}, "spans"),
        ({"spans": torch.zeros(2, 1, 3, dtype=torch.int64)}, "spans"),
        ({"weights": torch.ones(2, 2)}, r"weights: found shape \(2, 2\); expected \(2, 1\)"),
    ],
)
def test_arguments_that_do_not_fit(change, named):
    arguments = {
        "embeddings": torch.ones(2, 2),
        "prototypes": torch.ones(3, 2),
        "spans": own(torch.arange(2)),
    }
    with pytest.raises(InputError, match=named):
        prototype_contrastive_loss(**{**arguments, **change})


def test_gradients_do_not_depend_on_how_threads_take_turns(two_threads):
    generator = torch.Generator().manual_seed(0)
    items, categories, depths = 1, 20_000, 12
    embeddings = torch.randn(items, 32, generator=generator)
    # Many terms of a gradient meet in one place, and threads share out the depths of the item.
    spans = torch.tensor([0, categories - 100]).repeat(items, depths, 1)
    weights = torch.rand(items, depths, generator=generator)

    def gradient():
        prototypes = torch.randn(categories, 32, generator=torch.Generator().manual_seed(1)).requires_grad_()
        prototype_contrastive_loss(embeddings, prototypes, spans, weights=weights).backward()
        return prototypes.grad

    first = gradient()
    assert all(torch.equal(first, gradient()) for _ in range(10))


def test_several_spans_are_one_where_their_categories_stand_together():
    embeddings, prototypes, _, weights = random_batch(9, categories=6, depths=2)
    apart = torch.tensor([[[0, 2], [4, 5], [-1, -1]], [[1, 2], [-1, -1], [4, 5]]]).repeat(12, 1, 1, 1)
    found = prototype_contrastive_loss(embeddings, prototypes, apart, weights=weights)
    together = torch.tensor([[[0, 3], [1, 3]]]).repeat(12, 1, 1)
    moved = prototypes[[0, 1, 4, 2, 3, 5]]
    torch.testing.assert_close(
        found, prototype_contrastive_loss(embeddings, moved, together, weights=weights)
    )


def test_a_single_span_may_be_given_as_one_of_several():
    embeddings, prototypes, spans, weights = random_batch(10)
    alone = prototype_contrastive_loss(embeddings, prototypes, spans, weights=weights)
    assert torch.equal(
        prototype_contrastive_loss(embeddings, prototypes, spans[:, :, None], weights=weights), alone
    )


@given(seed=st.integers(0, 2**32 - 1))
def test_no_category_of_its_own_repels_an_item_however_sure_it_is_of_another(seed):
    z = F.normalize(torch.randn(1, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64))
    prototypes = torch.eye(5, dtype=torch.float64, requires_grad=True)
    spans = torch.tensor([[[[0, 1], [2, 3]]]])
    prototype_contrastive_loss(z, prototypes, spans, temperature=0.3).backward()
    # Prototypes of unit length: along z a gradient has the sign of that of the cosine.
    towards = prototypes.grad @ z[0]
    assert (towards[[0, 2]] <= 1e-12).all()
    assert (towards[[1, 3, 4]] >= -1e-12).all()


def written_out(embeddings, prototypes, spans, weights, item_weights, temperature):
    """The loss with a mask (B, depths, C), left to autograd."""
    logits = F.normalize(embeddings) @ F.normalize(prototypes).T / temperature
    column = torch.arange(len(prototypes))
    mask = ((spans[..., :1] <= column) & (column < spans[..., 1:])).any(2)
    inside = logits[:, None].masked_fill(~mask, -torch.inf).logsumexp(2)
    share = mask.any(2) * weights
    inside = torch.where(mask.any(2), inside, 0)
    per_item = ((logits.logsumexp(1)[:, None] - inside) * share).sum(1) / share.sum(1).clamp_min(1e-9)
    counts = (share.sum(1) > 0) * item_weights
    return (per_item * counts).sum() / counts.sum().clamp_min(1e-9)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.integers(1, 9),
    at_once=st.integers(1, 12),
    temperature=st.sampled_from([0.01, 0.05, 1.0]),
)
def test_several_spans_a_depth_have_loss_and_gradients_of_a_softmax_written_out(
    seed, batch, at_once, temperature
):
    embeddings, prototypes, spans, weights = random_batch(seed, batch, categories=12)
    # A second path of some items, which lies behind the first one and may be any inner category.
    rng = np.random.default_rng(seed)
    second = torch.full_like(spans, -1)
    for item, depth in itertools.product(range(batch), range(3)):
        begin = max(0, int(spans[item, depth, 1]))
        if begin < 12 and rng.random() < 0.5:
            second[item, depth, 0] = rng.integers(begin, 12)
            second[item, depth, 1] = rng.integers(second[item, depth, 0], 12) + 1
    spans = torch.stack([spans, second], 2)
    trust = torch.from_numpy(rng.choice([0.0, 0.3, 1.0], size=batch))
    inputs = [part.requires_grad_() for part in (embeddings, prototypes)]
    with pytest.MonkeyPatch.context() as patch:
        chunks = [slice(start, start + at_once) for start in range(0, 12, at_once)]
        patch.setattr(_span_softmax, "_chunks", lambda powers: chunks)
        found = prototype_contrastive_loss(
            *inputs, spans, weights=weights, item_weights=trust, temperature=temperature
        )
    expected = written_out(*inputs, spans, weights, trust, temperature)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad(found, inputs), torch.autograd.grad(expected, inputs))


def test_there_is_no_second_derivative():
    embeddings, prototypes, spans, _ = random_batch(11)
    loss = prototype_contrastive_loss(embeddings.requires_grad_(), prototypes, spans)
    with pytest.raises(NotImplementedError, match="no second derivative"):
        torch.autograd.grad(loss, embeddings, create_graph=True)


@pytest.mark.parametrize("where", [0, 1])
def test_what_is_not_finite_is_not_swallowed(where):
    embeddings, prototypes, spans, _ = random_batch(12)
    (embeddings, prototypes)[where][3, 1] = float("nan")
    spans[3] = -1  # whether or not the item takes part
    assert prototype_contrastive_loss(embeddings, prototypes, spans).isnan()

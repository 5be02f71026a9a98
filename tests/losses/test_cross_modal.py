import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.graded_contrastive import graded_contrastive
from torch.nn import functional as F

from leafcode.errors import InputError
from leafcode.losses import CrossModalLoss, cross_modal_loss, graded_contrastive_loss
from leafcode.taxonomy import Grades, TreeRelevance

NAN = float("nan")


def random_batch(seed, batch=12, dim=4):
    """Two modalities and the relevance between their items, 1 or NaN on the diagonal."""
    rng = np.random.default_rng(seed)
    relevance = rng.choice([0.0, 0.5, 1.0, NAN], p=[0.5, 0.2, 0.2, 0.1], size=(batch, batch))
    np.fill_diagonal(relevance, rng.choice([1.0, NAN], size=batch))
    a, b = rng.normal(size=(2, batch, dim))
    return torch.tensor(a), torch.tensor(b), torch.tensor(relevance)


def mean(losses):
    """Over the anchors; 0 without any."""
    return np.nanmean(losses) if (~np.isnan(losses)).any() else 0.0


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.integers(1, 8),
    within=st.sampled_from([0.0, 0.5, 2.0]),
    missing=st.booleans(),
)
def test_equals_the_formula(seed, batch, within, missing):
    a, b, relevance = random_batch(seed, batch)
    rng = np.random.default_rng(seed)
    has = {"a": np.ones(batch, bool), "b": np.ones(batch, bool)}
    if missing:
        has = {name: rng.random(batch) < 0.7 for name in has}
    masks = {f"has_{name}": torch.tensor(mask) for name, mask in has.items()} if missing else {}
    output = cross_modal_loss(a, b, relevance, within=within, temperature=0.3, **masks)

    vectors, between = {"a": a.numpy(), "b": b.numpy()}, relevance.numpy().copy()
    np.fill_diagonal(between, 1)
    among = relevance.numpy().copy()
    np.fill_diagonal(among, NAN)
    total = 0.0
    for x, y, pairs, weight in [
        ("a", "b", between, 0.5),
        ("b", "a", between, 0.5),
        ("a", "a", among, within / 2),
        ("b", "b", among, within / 2),
    ]:
        left_out = np.where(has[x][:, None] & has[y], pairs, NAN)
        losses = graded_contrastive(vectors[x], left_out, (0.5, 1.0), (0.5, 1.0), 0.3, vectors[y])
        total += weight * mean(losses)
        part = getattr(output, f"{x}_to_{y}")
        if weight == 0:
            assert part is None
        else:
            np.testing.assert_allclose(part.per_anchor.numpy(), losses, rtol=1e-9, atol=1e-11)
            assert part.anchors.item() == (~np.isnan(losses)).sum()
    assert output.loss.item() == pytest.approx(total, abs=1e-11)


def test_identity_relevance_is_clip():
    a, b, _ = random_batch(1, batch=20)
    x, y = a.clone().requires_grad_(), b.clone().requires_grad_()
    ours = cross_modal_loss(
        a.requires_grad_(), b.requires_grad_(), torch.eye(20), within=0.0, temperature=0.07
    )
    logits = F.normalize(x, dim=1) @ F.normalize(y, dim=1).T / 0.07
    own = torch.arange(20)
    clip = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
    torch.testing.assert_close(ours.loss, clip)
    ours.loss.backward()
    clip.backward()
    torch.testing.assert_close(a.grad, x.grad)
    torch.testing.assert_close(b.grad, y.grad)


def test_the_diagonal_has_no_influence():
    a, b, relevance = random_batch(2)
    losses = set()
    for value in (0.0, 1.0, NAN):
        relevance.fill_diagonal_(value)
        losses.add(cross_modal_loss(a, b, relevance).loss.item())
    assert len(losses) == 1


def test_parts_within_are_the_plain_loss():
    a, b, relevance = random_batch(3)
    output = cross_modal_loss(a, b, relevance)
    torch.testing.assert_close(output.a_to_a.loss, graded_contrastive_loss(a, relevance).loss)
    torch.testing.assert_close(output.b_to_b.loss, graded_contrastive_loss(b, relevance).loss)


def test_swapping_the_modalities_changes_nothing():
    a, b, relevance = random_batch(4)
    has_a = torch.arange(12) < 9
    one = cross_modal_loss(a, b, relevance, has_a=has_a)
    other = cross_modal_loss(b, a, relevance, has_b=has_a)
    torch.testing.assert_close(one.loss, other.loss)
    torch.testing.assert_close(one.a_to_b.per_anchor, other.b_to_a.per_anchor, equal_nan=True)


@pytest.mark.parametrize("value", [0.0, NAN, float("inf")])
def test_rows_of_a_missing_modality_have_no_influence(value):
    a, b, relevance = random_batch(5)
    has_b = torch.arange(12) % 3 > 0
    expected = cross_modal_loss(a, b, relevance, has_b=has_b).loss
    b[~has_b] = value
    output = cross_modal_loss(a.requires_grad_(), b.requires_grad_(), relevance, has_b=has_b)
    torch.testing.assert_close(output.loss, expected, rtol=0, atol=0)
    output.loss.backward()
    assert (b.grad[~has_b] == 0).all()
    assert (b.grad[has_b] != 0).any()
    assert (a.grad[~has_b] != 0).any(), "it still belongs to its own modality"


def test_no_item_with_both_modalities_and_no_item_at_all():
    a, b, relevance = random_batch(6)
    none = torch.zeros(12, dtype=torch.bool)
    output = cross_modal_loss(a.requires_grad_(), b.requires_grad_(), relevance, has_a=none, has_b=none)
    output.loss.backward()
    assert output.loss.item() == 0
    assert (a.grad == 0).all()
    assert cross_modal_loss(a[:0], b[:0], relevance[:0, :0]).loss.item() == 0


def test_gradient():
    a, b, relevance = random_batch(7, batch=5, dim=3)
    has_a = torch.tensor([True, True, True, False, True])

    def loss(x, y):
        return cross_modal_loss(x, y, relevance, has_a=has_a, temperature=0.5).loss

    assert torch.autograd.gradcheck(loss, (a.requires_grad_(), b.requires_grad_()))


def test_descent_binds_the_modalities_and_orders_the_tree():
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    relevance = torch.where(labels[:, None] == labels, 1.0, 0.0)
    relevance[:2, 2:4] = relevance[2:4, :2] = 0.5
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(6, 4, generator=generator).requires_grad_() for _ in range(2))
    optimizer = torch.optim.Adam([a, b], lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        cross_modal_loss(a, b, relevance).loss.backward()
        optimizer.step()
    cosine = (F.normalize(a, dim=1) @ F.normalize(b, dim=1).T).detach()
    assert cosine[relevance == 1].min() > cosine[relevance == 0.5].max()
    assert cosine[relevance == 0.5].min() > cosine[relevance == 0].max()


def test_module_equals_the_function():
    a, b, relevance = random_batch(8)
    settings = {"within": 0.2, "grades": (0.5, 1.0), "grade_weights": (1, 3), "temperature": 0.2}
    masks = {"has_a": torch.arange(12) > 2, "has_b": torch.arange(12) < 9}
    criterion = CrossModalLoss(**settings)
    expected = cross_modal_loss(a, b, relevance, **masks, **settings)
    assert criterion(a, b, relevance, **masks).loss == expected.loss
    assert list(criterion.parameters()) == []


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"a": torch.ones(2)}, "a"),
        ({"b": torch.ones(3, 2)}, "b"),
        ({"b": torch.ones(2, 3)}, "b"),
        ({"relevance": torch.ones(2, 3)}, "relevance"),
        ({"relevance": TreeRelevance(Grades.default(), torch.eye(2).long())}, "relevance"),
        ({"has_a": torch.ones(2)}, "has_a"),
        ({"has_b": torch.ones(3, dtype=torch.bool)}, "has_b"),
        ({"within": -0.1}, "within"),
        ({"within": NAN}, "within"),
        ({"grades": (0.5, 2.0)}, "grades"),
        ({"grades": ()}, "grades"),
        ({"temperature": 0.0}, "temperature"),
    ],
)
def test_bad_input(arguments, where):
    with pytest.raises(InputError) as error:
        cross_modal_loss(
            **{"a": torch.ones(2, 2), "b": torch.ones(2, 2), "relevance": torch.eye(2), **arguments}
        )
    assert error.value.where == where


@pytest.mark.parametrize("setting", [{"within": -1}, {"grades": (2.0,)}, {"temperature": 0}])
def test_bad_settings_of_the_module(setting):
    with pytest.raises(InputError):
        CrossModalLoss(**setting)

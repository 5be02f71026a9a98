import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.in_batch_softmax import in_batch_softmax
from torch.nn import functional as F

from leafcode.errors import InputError
from leafcode.losses import InBatchSoftmaxLoss, in_batch_softmax_loss
from leafcode.taxonomy import Grades, TreeRelevance

NAN = float("nan")


def random_batch(seed, batch=16, dim=4, dtype=torch.float64):
    """Queries, items, relevance and logarithms of frequencies."""
    rng = np.random.default_rng(seed)
    relevance = rng.choice([0.0, 0.25, 0.5, 1.0, NAN], p=[0.4, 0.2, 0.2, 0.1, 0.1], size=(batch, batch))
    queries, items = rng.normal(size=(2, batch, dim)) * rng.uniform(0.1, 10, size=(2, batch, 1))
    log_frequency = np.log(rng.integers(1, 1000, size=batch))
    return tuple(torch.tensor(array).to(dtype) for array in (queries, items, relevance, log_frequency))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.integers(1, 10),
    temperature=st.sampled_from([0.05, 0.1, 1.0]),
    graded=st.booleans(),
    corrected=st.booleans(),
)
def test_equals_the_formula(seed, batch, temperature, graded, corrected):
    queries, items, relevance, log_frequency = random_batch(seed, batch)
    relevance = relevance if graded else None
    log_frequency = log_frequency if corrected else None
    output = in_batch_softmax_loss(
        queries, items, relevance=relevance, log_frequency=log_frequency, temperature=temperature
    )
    expected = in_batch_softmax(queries, items, relevance, log_frequency, temperature)
    np.testing.assert_allclose(output.per_anchor.numpy(), expected, rtol=1e-9, atol=1e-11)
    anchors = ~np.isnan(expected)
    assert output.anchors.item() == anchors.sum()
    assert output.loss.item() == pytest.approx(expected[anchors].mean() if anchors.any() else 0.0, abs=1e-11)


def test_without_relevance_it_is_the_cross_entropy():
    queries, items, _, log_frequency = random_batch(1)
    logits = F.normalize(queries, dim=1) @ F.normalize(items, dim=1).T / 0.2 - log_frequency
    expected = F.cross_entropy(logits, torch.arange(16))
    output = in_batch_softmax_loss(queries, items, log_frequency=log_frequency, temperature=0.2)
    torch.testing.assert_close(output.loss, expected)
    for identity in (torch.eye(16), torch.zeros(16, 16), torch.eye(16, dtype=torch.bool)):
        same = in_batch_softmax_loss(
            queries, items, relevance=identity, log_frequency=log_frequency, temperature=0.2
        )
        torch.testing.assert_close(same.loss, expected)


def test_relevance_one_and_nan_leave_an_item_out():
    queries, items, _, _ = random_batch(2, batch=6)
    pair = torch.tensor([True, True, False, False, False, False])
    expected = in_batch_softmax_loss(queries[:1], items[:1])
    assert expected.anchors == 0
    for value in (1.0, NAN):
        relevance = torch.where(pair[:, None] & pair, value, 0.0)
        output = in_batch_softmax_loss(queries, items, relevance=relevance)
        kept = [0, 2, 3, 4, 5]
        without = in_batch_softmax_loss(queries[kept], items[kept])
        torch.testing.assert_close(output.per_anchor[0], without.per_anchor[0])


def test_a_second_copy_of_the_positive_is_no_negative():
    queries, items, _, _ = random_batch(3, batch=5)
    once = in_batch_softmax_loss(queries, items)
    doubled = torch.cat([items, items[:1]])
    relevance = torch.eye(6)
    relevance[0, 5] = relevance[5, 0] = 1
    twice = in_batch_softmax_loss(torch.cat([queries, queries[:1]]), doubled, relevance=relevance)
    torch.testing.assert_close(twice.per_anchor[0], once.per_anchor[0])


def test_half_a_negative_counts_half():
    queries, items = torch.eye(2, dtype=torch.float64), torch.ones(2, 2, dtype=torch.float64)
    for value in (0.0, 0.5, 0.9):
        relevance = torch.full((2, 2), value)
        loss = in_batch_softmax_loss(queries, items, relevance=relevance).loss
        assert loss.item() == pytest.approx(np.log(2 - value))


def test_a_constant_in_the_frequencies_cancels():
    queries, items, relevance, log_frequency = random_batch(4)
    counted = in_batch_softmax_loss(queries, items, relevance=relevance, log_frequency=log_frequency)
    shares = in_batch_softmax_loss(queries, items, relevance=relevance, log_frequency=log_frequency - 9)
    torch.testing.assert_close(counted.loss, shares.loss)


@pytest.mark.parametrize("graded", [True, False])
def test_gradient(graded):
    queries, items, relevance, log_frequency = random_batch(5, batch=5, dim=3)
    relevance[2] = 1  # no negative

    def loss(x, y):
        return in_batch_softmax_loss(
            x, y, relevance=relevance if graded else None, log_frequency=log_frequency, temperature=0.5
        ).loss

    assert torch.autograd.gradcheck(loss, (queries.requires_grad_(), items.requires_grad_()))


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("batch", [0, 1, 4])
def test_without_any_negative_the_loss_is_zero_with_zero_gradients(batch):
    queries, items = (torch.randn(batch, 3, requires_grad=True) for _ in range(2))
    with torch.autograd.detect_anomaly():
        output = in_batch_softmax_loss(queries, items, relevance=torch.ones(batch, batch))
        output.loss.backward()
    assert output.loss.item() == output.anchors.item() == 0
    assert output.per_anchor.isnan().all()
    assert (queries.grad == 0).all()
    assert (items.grad == 0).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_low_precision_and_autocast(dtype):
    queries, items, relevance, log_frequency = random_batch(6, dim=32)
    x, y = queries.to(dtype).requires_grad_(), items.to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = in_batch_softmax_loss(x, y, relevance=relevance.to(dtype), log_frequency=log_frequency)
    exact = in_batch_softmax_loss(x.double(), y.double(), relevance=relevance, log_frequency=log_frequency)
    assert output.loss.dtype == torch.float32
    torch.testing.assert_close(output.loss.double(), exact.loss, rtol=1e-5, atol=0)
    output.loss.backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("value", [NAN, float("inf")])
def test_non_finite_embeddings_are_not_swallowed(value):
    queries, items, relevance, _ = random_batch(7)
    items[3, 1] = value
    assert in_batch_softmax_loss(queries, items, relevance=relevance).loss.isnan()


def test_module_equals_the_function():
    queries, items, relevance, log_frequency = random_batch(8)
    settings = {"relevance": relevance, "log_frequency": log_frequency}
    criterion = InBatchSoftmaxLoss(temperature=0.3)
    expected = in_batch_softmax_loss(queries, items, temperature=0.3, **settings)
    assert criterion(queries, items, **settings).loss == expected.loss
    assert list(criterion.parameters()) == []


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"queries": torch.ones(2)}, "queries"),
        ({"queries": torch.ones(2, 2, dtype=torch.int64)}, "queries"),
        ({"items": torch.ones(3, 2)}, "items"),
        ({"items": torch.ones(2, 3)}, "items"),
        ({"relevance": torch.ones(2, 3)}, "relevance"),
        ({"relevance": TreeRelevance(Grades.default(), torch.eye(2).long())}, "relevance"),
        ({"relevance": torch.full((2, 2), 1.1)}, "relevance"),
        ({"relevance": torch.full((2, 2), -0.1)}, "relevance"),
        ({"log_frequency": torch.ones(3)}, "log_frequency"),
        ({"log_frequency": torch.tensor([0.0, -torch.inf])}, "log_frequency"),
        ({"log_frequency": torch.tensor([0.0, NAN])}, "log_frequency"),
        ({"temperature": 0.0}, "temperature"),
    ],
)
def test_bad_input(arguments, where):
    with pytest.raises(InputError) as error:
        in_batch_softmax_loss(**{"queries": torch.ones(2, 2), "items": torch.ones(2, 2), **arguments})
    assert error.value.where == where


def test_bad_settings_of_the_module():
    with pytest.raises(InputError, match="temperature"):
        InBatchSoftmaxLoss(temperature=NAN)

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pytorch_metric_learning.losses import SupConLoss
from tests.oracles.graded_contrastive import graded_contrastive

from leafcode.errors import InputError
from leafcode.losses import GradedContrastiveLoss, _closed_form, graded_contrastive_loss
from leafcode.taxonomy import Grades, Taxonomy, TreeRelevance

NAN = float("nan")


def random_batch(seed, batch=24, dim=6, levels=(0.0, 0.25, 0.5, 1.0), ignored=0.1, dtype=torch.float64):
    """Embeddings and a relevance matrix that is not even symmetric."""
    rng = np.random.default_rng(seed)
    relevance = rng.choice(levels, size=(batch, batch))
    relevance[rng.random((batch, batch)) < ignored] = NAN
    embeddings = rng.normal(size=(batch, dim)) * rng.uniform(0.1, 10, size=(batch, 1))
    return torch.tensor(embeddings, dtype=dtype), torch.tensor(relevance)


def random_pairs(seed, batch, among, dim=3, levels=(0.0, 0.25, 0.5, 1.0), ignored=0.2):
    """Anchors, candidates, their relevance and pair weights, some of which are 0."""
    rng = np.random.default_rng(seed)
    relevance = rng.choice(levels, size=(batch, among))
    relevance[rng.random((batch, among)) < ignored] = NAN
    weights = rng.choice([0.0, 0.3, 1.0, 7.0], size=(batch, among))
    anchors, candidates = rng.normal(size=(batch, dim)), rng.normal(size=(among, dim))
    return tuple(torch.tensor(array) for array in (anchors, candidates, relevance, weights))


def relevance_of(paths):
    """Same path 1, same parent 0.5, else 0."""
    return torch.tensor(
        [[1.0 if a == b else 0.5 if a[:-1] and a[:-1] == b[:-1] else 0.0 for b in paths] for a in paths]
    )


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.integers(1, 12),
    grades=st.sampled_from([(1.0,), (0.5, 1.0), (0.25, 0.5, 1.0), (0.3,)]),
    temperature=st.sampled_from([0.05, 0.1, 1.0]),
    own_weights=st.booleans(),
)
def test_equals_the_formula(seed, batch, grades, temperature, own_weights):
    embeddings, relevance = random_batch(seed, batch, dim=3)
    weights = [0.7 + i for i in range(len(grades))] if own_weights else None
    output = graded_contrastive_loss(
        embeddings, relevance, grades=grades, grade_weights=weights, temperature=temperature
    )
    expected = graded_contrastive(embeddings, relevance, grades, weights or grades, temperature)
    np.testing.assert_allclose(output.per_anchor.numpy(), expected, rtol=1e-10, atol=1e-12)
    anchors = ~np.isnan(expected)
    assert output.anchors.item() == anchors.sum()
    assert output.loss.item() == pytest.approx(expected[anchors].mean() if anchors.any() else 0.0, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.integers(1, 8),
    among=st.integers(1, 8),
    grades=st.sampled_from([(1.0,), (0.5, 1.0), (0.25, 0.5, 1.0)]),
    weighted=st.booleans(),
)
def test_candidates_and_pair_weights_equal_the_formula(seed, batch, among, grades, weighted):
    anchors, candidates, relevance, weights = random_pairs(seed, batch, among)
    output = graded_contrastive_loss(
        anchors,
        relevance,
        candidates=candidates,
        pair_weights=weights if weighted else None,
        grades=grades,
        temperature=0.2,
    )
    expected = graded_contrastive(
        anchors, relevance, grades, grades, 0.2, candidates, weights if weighted else None
    )
    np.testing.assert_allclose(output.per_anchor.numpy(), expected, rtol=1e-10, atol=1e-12)
    is_anchor = ~np.isnan(expected)
    assert output.anchors.item() == is_anchor.sum()
    expected_loss = expected[is_anchor].mean() if is_anchor.any() else 0.0
    assert output.loss.item() == pytest.approx(expected_loss, abs=1e-12)


def test_the_batch_as_its_own_candidates_equals_the_plain_form():
    embeddings, relevance = random_batch(21)
    x, y = embeddings.clone().requires_grad_(), embeddings.clone().requires_grad_()
    plain = graded_contrastive_loss(x, relevance)
    relevance.fill_diagonal_(NAN)
    among = graded_contrastive_loss(y, relevance, candidates=y)
    torch.testing.assert_close(among.loss, plain.loss, rtol=1e-12, atol=0)
    torch.testing.assert_close(among.per_anchor, plain.per_anchor, rtol=1e-12, atol=0, equal_nan=True)
    plain.loss.backward()
    among.loss.backward()
    torch.testing.assert_close(y.grad, x.grad, rtol=1e-10, atol=1e-14)


def test_relevance_is_not_changed():
    embeddings, relevance = random_batch(22)
    for candidates in (None, embeddings):
        before = relevance.clone()
        graded_contrastive_loss(embeddings, relevance, candidates=candidates)
        torch.testing.assert_close(relevance, before, rtol=0, atol=0, equal_nan=True)


def test_one_positive_among_candidates_is_the_cross_entropy():
    anchors, candidates, _, _ = random_pairs(23, 6, 6, dim=5)
    output = graded_contrastive_loss(anchors, torch.eye(6), candidates=candidates, temperature=0.3)
    unit = torch.nn.functional.normalize
    logits = unit(anchors, dim=1) @ unit(candidates, dim=1).T / 0.3
    torch.testing.assert_close(output.loss, torch.nn.functional.cross_entropy(logits, torch.arange(6)))


def test_equal_pair_weights_change_nothing_and_scale_does_not_matter():
    embeddings, relevance = random_batch(24)
    weights = torch.rand(24, 24, generator=torch.Generator().manual_seed(0))
    plain = graded_contrastive_loss(embeddings, relevance).loss
    equal = graded_contrastive_loss(embeddings, relevance, pair_weights=torch.full((24, 24), 3)).loss
    torch.testing.assert_close(equal, plain, rtol=1e-12, atol=0)
    weighted = graded_contrastive_loss(embeddings, relevance, pair_weights=weights).loss
    scaled = graded_contrastive_loss(embeddings, relevance, pair_weights=weights * 8).loss
    torch.testing.assert_close(scaled, weighted, rtol=1e-12, atol=0)
    assert weighted != plain


def test_weighted_supcon():
    # The mean over the positives of equation 2 becomes a weighted one; the logarithms stay as they are.
    generator = torch.Generator().manual_seed(5)
    embeddings = torch.randn(40, 8, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 6, (40,), generator=generator)
    weights = torch.rand(40, 40, generator=generator, dtype=torch.float64)
    others = ~torch.eye(40, dtype=torch.bool)
    positive = (labels[:, None] == labels) & others
    logits = torch.nn.functional.normalize(embeddings, dim=1)
    logits = (logits @ logits.T / 0.1).masked_fill(~others, -torch.inf)
    log_probability = logits.log_softmax(1).masked_fill(~positive, 0)
    pulls = weights * positive
    expected = -((pulls * log_probability).sum(1) / pulls.sum(1)).mean()
    output = graded_contrastive_loss(embeddings, positive, pair_weights=weights, grades=(1.0,))
    torch.testing.assert_close(output.loss, expected, rtol=1e-10, atol=0)


def test_a_positive_of_weight_zero_still_competes():
    anchors, candidates, relevance, _ = random_pairs(25, 1, 4, ignored=0.0)
    relevance[:] = torch.tensor([1.0, 1.0, 0.0, 0.0])
    weights = torch.tensor([[1.0, 0.0, 9.0, 9.0]])  # those of negatives do not count
    output = graded_contrastive_loss(
        anchors, relevance, candidates=candidates, pair_weights=weights, temperature=1.0
    )
    unit = torch.nn.functional.normalize
    similarity = (unit(anchors, dim=1) @ unit(candidates, dim=1).T)[0]
    torch.testing.assert_close(output.loss, similarity.logsumexp(0) - similarity[0])


@pytest.mark.parametrize(("batch", "among"), [(0, 3), (3, 0), (0, 0), (4, 4)])
def test_without_candidates_or_weight_the_loss_is_zero_with_zero_gradients(batch, among):
    anchors = torch.ones(batch, 2, requires_grad=True)
    candidates = torch.ones(among, 2, requires_grad=True)
    ones = torch.ones(batch, among)
    output = graded_contrastive_loss(anchors, ones, candidates=candidates, pair_weights=0 * ones)
    output.loss.backward()
    assert output.loss.item() == output.anchors.item() == 0
    assert output.anchors.dtype == torch.int64
    assert output.per_anchor.isnan().all()
    assert output.per_anchor.shape == (batch,)
    assert (anchors.grad == 0).all()
    assert (candidates.grad == 0).all()


def test_gradient_of_candidates():
    anchors, candidates, relevance, weights = random_pairs(26, 4, 6)

    def loss(x, y):
        return graded_contrastive_loss(x, relevance, candidates=y, pair_weights=weights, temperature=0.3).loss

    assert torch.autograd.gradcheck(loss, (anchors.requires_grad_(), candidates.requires_grad_()))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_candidates_and_weights_of_other_dtypes(dtype):
    anchors, candidates, relevance, weights = random_pairs(27, 12, 20, dim=8)
    low = [tensor.to(dtype) for tensor in (anchors, candidates, relevance, weights)]
    output = graded_contrastive_loss(low[0], low[2], candidates=low[1], pair_weights=weights)
    exact = graded_contrastive_loss(
        low[0].double(), relevance, candidates=low[1].double(), pair_weights=weights
    )
    assert output.loss.dtype == torch.float32
    torch.testing.assert_close(output.loss.double(), exact.loss, rtol=1e-5, atol=0)
    assert graded_contrastive_loss(low[0], relevance, candidates=candidates).loss.dtype == torch.float32


@pytest.mark.parametrize("temperature", [0.07, 0.5])
def test_binary_relevance_is_supcon(temperature):
    generator = torch.Generator().manual_seed(3)
    embeddings = torch.randn(96, 16, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 40, (96,), generator=generator)
    assert (labels.bincount() == 1).any(), "some anchors must be without a positive"
    ours, theirs = embeddings.clone().requires_grad_(), embeddings.clone().requires_grad_()
    output = graded_contrastive_loss(
        ours, labels[:, None] == labels[None, :], grades=(1.0,), temperature=temperature
    )
    expected = SupConLoss(temperature=temperature)(theirs, labels)
    torch.testing.assert_close(output.loss, expected, rtol=1e-9, atol=0)
    output.loss.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("grades", [(1.0,), (0.25, 0.5, 1.0)])
def test_gradient(grades):
    embeddings, relevance = random_batch(5, batch=7, dim=3)
    relevance[2] = 0  # no anchor
    relevance[4] = NAN  # an unlabelled item
    relevance[:, 4] = NAN

    def loss(x):
        return graded_contrastive_loss(x, relevance, grades=grades, temperature=0.3).loss

    x = embeddings.requires_grad_()
    assert torch.autograd.gradcheck(loss, x)
    with pytest.raises(NotImplementedError, match="no second derivative"):
        torch.autograd.grad(loss(x), x, create_graph=True)


def test_low_temperature_neither_overflows_nor_underflows():
    # The negatives of item 0 lie 2,000 nats below its positives: a shared shift would lose their sum.
    embeddings = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]], requires_grad=True)
    relevance = torch.tensor([[0, 1, 0.5, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    output = graded_contrastive_loss(embeddings, relevance, temperature=0.001)
    # Item 0: the sibling ties with the negative (log 2, weight 0.5), the same category wins (0, weight 1).
    torch.testing.assert_close(output.per_anchor[0], torch.tensor(np.log(2) / 3, dtype=torch.float32))
    output.loss.backward()
    assert embeddings.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_dtypes(dtype):
    embeddings, relevance = random_batch(8, batch=64, dim=32)
    x = embeddings.to(dtype).requires_grad_()
    output = graded_contrastive_loss(x, relevance.to(dtype), grades=(0.25, 0.5, 1.0))
    exact = graded_contrastive_loss(x.detach().double(), relevance, grades=(0.25, 0.5, 1.0))
    assert output.loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    torch.testing.assert_close(output.loss.double(), exact.loss, rtol=1e-5, atol=0)
    output.loss.backward()
    assert x.grad.dtype == dtype
    assert x.grad.isfinite().all()


def test_autocast_does_not_lower_the_precision():
    embeddings, relevance = random_batch(9, batch=64, dim=32, dtype=torch.float32)
    plain = graded_contrastive_loss(embeddings, relevance).loss
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = graded_contrastive_loss(embeddings, relevance).loss
    assert inside.dtype == torch.float32
    assert inside.item() == plain.item()


def test_ignored_pairs_take_part_in_nothing():
    embeddings, relevance = random_batch(11, batch=10, ignored=0.0)
    relevance[7:] = NAN
    relevance[:, 7:] = NAN
    x = embeddings.clone().requires_grad_()
    output = graded_contrastive_loss(x, relevance)
    alone = graded_contrastive_loss(embeddings[:7], relevance[:7, :7])
    torch.testing.assert_close(output.loss, alone.loss)
    assert output.anchors == alone.anchors
    output.loss.backward()
    assert (x.grad[7:] == 0).all()
    assert (x.grad[:7] != 0).any()


def test_the_diagonal_is_ignored():
    embeddings, relevance = random_batch(12)
    results = []
    for value in (0.0, 1.0, NAN):
        relevance.fill_diagonal_(value)
        results.append(graded_contrastive_loss(embeddings, relevance).loss.item())
    assert results[0] == results[1] == results[2]


def test_items_without_a_positive_are_negatives_but_no_anchors():
    embeddings = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]], dtype=torch.float64)
    relevance = relevance_of(["aa", "aa", "bb"])
    output = graded_contrastive_loss(embeddings, relevance, temperature=1.0)
    pair = [np.log(np.exp(0.8) + np.exp(0.0)) - 0.8, np.log(np.exp(0.8) + np.exp(0.6)) - 0.8]
    assert output.anchors.item() == 2
    assert output.loss.item() == pytest.approx(np.mean(pair))
    assert output.per_anchor.isnan().tolist() == [False, False, True]


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
@pytest.mark.parametrize("value", [0.0, 0.4, NAN])
@pytest.mark.parametrize("batch", [0, 1, 5])
def test_without_any_positive_the_loss_is_zero_with_zero_gradients(value, batch):
    embeddings = torch.randn(batch, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    with torch.autograd.detect_anomaly():
        output = graded_contrastive_loss(embeddings, torch.full((batch, batch), value))
        output.loss.backward()
    assert output.loss.item() == 0
    assert output.anchors.item() == 0
    assert output.per_anchor.isnan().all()
    assert (embeddings.grad == 0).all()
    assert embeddings.grad.shape == (batch, 4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_duplicates_zeros_and_extreme_lengths(dtype):
    small, large = (1e-6, 1e4) if dtype == torch.float16 else (1e-11, 1e30)
    rows = [[1, 2], [1, 2], [0, 0], [0, 0], [small, small], [large, -large], [0, 3], [-1, -2]]
    embeddings = torch.tensor(rows, dtype=dtype, requires_grad=True)
    relevance = relevance_of(["aa", "aa", "aa", "ab", "ab", "bc", "bc", "bd"])
    output = graded_contrastive_loss(embeddings, relevance, temperature=0.05)
    output.loss.backward()
    expected = graded_contrastive(embeddings.detach().double(), relevance, (0.5, 1.0), (0.5, 1.0), 0.05)
    np.testing.assert_allclose(output.per_anchor.numpy(), expected, rtol=1e-4)
    assert (embeddings.grad[2:4] == 0).all(), "a vector without direction has no gradient"
    assert not embeddings.grad.isnan().any()


def test_identical_embeddings():
    embeddings = torch.ones(6, 4, requires_grad=True)
    relevance = relevance_of(["aa", "aa", "ab", "ab", "bc", "bc"])
    output = graded_contrastive_loss(embeddings, relevance)
    output.loss.backward()
    # All similarities are equal, so each pair pays the logarithm of the number of its rivals.
    with_sibling, without = (0.5 * np.log(4) + np.log(5)) / 1.5, np.log(5)
    np.testing.assert_allclose(output.per_anchor.numpy(), [with_sibling] * 4 + [without] * 2, rtol=1e-6)
    torch.testing.assert_close(embeddings.grad, torch.zeros(6, 4), rtol=0, atol=1e-6)


@pytest.mark.parametrize("value", [NAN, float("inf")])
def test_non_finite_embeddings_are_not_swallowed(value):
    embeddings, relevance = random_batch(13)
    embeddings[3, 1] = value
    assert graded_contrastive_loss(embeddings, relevance).loss.isnan()


def test_order_of_the_items_does_not_matter():
    embeddings, relevance = random_batch(14, batch=40)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(1))
    plain = graded_contrastive_loss(embeddings, relevance)
    permuted = graded_contrastive_loss(embeddings[order], relevance[order][:, order])
    torch.testing.assert_close(plain.loss, permuted.loss)
    torch.testing.assert_close(plain.per_anchor[order], permuted.per_anchor, equal_nan=True)


def test_length_of_the_embeddings_does_not_matter():
    embeddings, relevance = random_batch(15)
    scale = torch.linspace(0.1, 3.0, len(embeddings), dtype=torch.float64)[:, None]
    plain, scaled = (graded_contrastive_loss(x, relevance).loss for x in (embeddings, embeddings * scale))
    torch.testing.assert_close(plain, scaled)


def test_embeddings_in_the_order_of_the_grades_have_the_lower_loss():
    def on_circle(degrees):
        angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
        return torch.stack([angles.cos(), angles.sin()], dim=1)

    relevance = relevance_of(["aa", "aa", "ab", "ab", "bc", "bc"])
    ranked = graded_contrastive_loss(on_circle([0.0, 5.0, 40.0, 45.0, 170.0, 175.0]), relevance).loss
    nearer = graded_contrastive_loss(on_circle([0.0, 1.0, 40.0, 41.0, 170.0, 171.0]), relevance).loss
    sibling_swapped = graded_contrastive_loss(on_circle([0.0, 40.0, 5.0, 45.0, 170.0, 175.0]), relevance).loss
    stranger_swapped = graded_contrastive_loss(
        on_circle([0.0, 170.0, 40.0, 45.0, 5.0, 175.0]), relevance
    ).loss
    assert nearer < ranked < sibling_swapped < stranger_swapped


def test_gradient_descent_orders_the_grades():
    relevance = relevance_of([*["aa"] * 4, *["ab"] * 4, *["bc"] * 4, *["bd"] * 4])
    embeddings = torch.randn(16, 8, generator=torch.Generator().manual_seed(2)).requires_grad_()
    optimizer = torch.optim.Adam([embeddings], lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        graded_contrastive_loss(embeddings, relevance).loss.backward()
        optimizer.step()
    unit = torch.nn.functional.normalize(embeddings.detach(), dim=1)
    cosine, off_diagonal = unit @ unit.T, ~torch.eye(16, dtype=torch.bool)
    same, sibling, negative = (cosine[(relevance == g) & off_diagonal] for g in (1.0, 0.5, 0.0))
    assert same.min() > sibling.max()
    assert sibling.min() > negative.max()


@pytest.mark.parametrize("levels", [7, 10])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rounded_relevance_reaches_its_grade(levels, dtype):
    # Tables of grades such as d / D are float32 in the matrix and float64 in the settings.
    grades = [d / levels for d in range(1, levels + 1)]
    generator = torch.Generator().manual_seed(4)
    rank = torch.randint(0, levels + 1, (12, 12), generator=generator)
    relevance = torch.tensor([0.0, *grades], dtype=torch.float32)[rank].to(dtype)
    embeddings = torch.randn(12, 3, generator=generator, dtype=torch.float64)
    output = graded_contrastive_loss(embeddings, relevance, grades=grades)
    exact = graded_contrastive(embeddings, rank, range(1, levels + 1), grades, 0.1)
    np.testing.assert_allclose(output.per_anchor.numpy(), exact, rtol=1e-6)


def test_module_equals_the_function():
    embeddings, relevance = random_batch(16)
    criterion = GradedContrastiveLoss(grades=(0.25, 1.0), grade_weights=(1, 3), temperature=0.2)
    expected = graded_contrastive_loss(
        embeddings, relevance, grades=(0.25, 1.0), grade_weights=(1, 3), temperature=0.2
    )
    assert criterion(embeddings, relevance).loss == expected.loss
    among = {"candidates": embeddings, "pair_weights": torch.eye(24) + 1}
    settings = {"grades": (0.25, 1.0), "grade_weights": (1, 3), "temperature": 0.2}
    expected = graded_contrastive_loss(embeddings, relevance, **among, **settings)
    assert criterion(embeddings, relevance, **among).loss == expected.loss
    assert list(criterion.parameters()) == []


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"grades": ()}, "grades"),
        ({"grades": (1.0, 0.5)}, "grades"),
        ({"grades": (0.5, 0.5)}, "grades"),
        ({"grades": (0.0, 1.0)}, "grades"),
        ({"grades": (0.5, NAN)}, "grades"),
        ({"grade_weights": (1.0,)}, "grade_weights"),
        ({"grade_weights": (0.0, 1.0)}, "grade_weights"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": NAN}, "temperature"),
    ],
)
def test_bad_settings(settings, where):
    with pytest.raises(InputError) as error:
        graded_contrastive_loss(torch.ones(2, 2), torch.ones(2, 2), **settings)
    assert error.value.where == where
    with pytest.raises(InputError):
        GradedContrastiveLoss(**settings)


@pytest.mark.parametrize(
    ("embeddings", "relevance", "where"),
    [
        (torch.ones(2), torch.ones(2, 2), "embeddings"),
        (torch.ones(2, 0), torch.ones(2, 2), "embeddings"),
        (torch.ones(2, 2, dtype=torch.int64), torch.ones(2, 2), "embeddings"),
        (torch.ones(3, 2), torch.ones(2, 2), "relevance"),
        (torch.ones(2, 2), torch.ones(2, 2, dtype=torch.complex64), "relevance"),
    ],
)
def test_bad_batches(embeddings, relevance, where):
    with pytest.raises(InputError) as error:
        graded_contrastive_loss(embeddings, relevance)
    assert error.value.where == where


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"candidates": torch.ones(3, 3)}, "candidates"),
        ({"candidates": torch.ones(3, 2, dtype=torch.int64)}, "candidates"),
        ({"candidates": torch.ones(2, 2)}, "relevance"),
        ({"candidates": None}, "relevance"),
        ({"pair_weights": torch.ones(2, 2)}, "pair_weights"),
        ({"pair_weights": torch.ones(2, 3, dtype=torch.complex64)}, "pair_weights"),
        ({"pair_weights": torch.full((2, 3), -1.0)}, "pair_weights"),
        ({"pair_weights": torch.full((2, 3), NAN)}, "pair_weights"),
        ({"pair_weights": torch.full((2, 3), torch.inf)}, "pair_weights"),
    ],
)
def test_bad_candidates_and_weights(arguments, where):
    arguments = {"candidates": torch.ones(3, 2), **arguments}
    with pytest.raises(InputError) as error:
        graded_contrastive_loss(torch.ones(2, 2), torch.ones(2, 3), **arguments)
    assert error.value.where == where


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    grades=st.sampled_from([Grades.default(), Grades.by_depth(3)]),
    temperature=st.sampled_from([0.01, 0.1]),
    weighted=st.booleans(),
)
def test_relevance_by_blocks_gives_the_loss_and_gradients_of_the_matrix(seed, grades, temperature, weighted):
    rng = np.random.default_rng(seed)
    tree, nodes = Taxonomy.from_paths(
        [" > ".join(rng.choice(list("abc"), rng.integers(1, 4))) for _ in range(30)]
    )
    rows = torch.from_numpy(tree.ancestors[nodes])
    rows[3] = -1
    if rows.shape[1] != 3:
        rows = torch.nn.functional.pad(rows, (0, 3 - rows.shape[1]), value=-1)
    x = torch.tensor(rng.normal(size=(30, 4)), requires_grad=True)
    weights = torch.tensor(rng.random((30, 30))) if weighted else None
    results = []
    for relevance in (grades.matrix(rows), TreeRelevance(grades, rows)):
        output = graded_contrastive_loss(
            x, relevance, pair_weights=weights, grades=grades.levels, temperature=temperature
        )
        results.append((*output, *torch.autograd.grad(output.loss, x)))
    for dense, blocks in zip(*results, strict=True):
        torch.testing.assert_close(blocks, dense, equal_nan=True)


@settings(max_examples=40, deadline=None)
@example(seed=250, size=1, temperature=0.1)  # a block of anchors that no candidate is related to
@example(seed=250, size=1, temperature=0.01)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 30), temperature=st.sampled_from([0.01, 0.1]))
def test_blocks_of_candidates_give_the_loss_and_gradients_of_the_matrix(seed, size, temperature):
    rng = np.random.default_rng(seed)
    paths = [" > ".join(rng.choice(list("abc"), rng.integers(1, 4))) for _ in range(30)]
    tree, nodes = Taxonomy.from_paths([*paths, "a > a > a"])
    rows = torch.from_numpy(tree.ancestors[nodes[:30]])
    rows[3], rows[17], rows[19] = -1, -1, rows[18]
    grades = Grades.by_depth(3)
    # Candidates 0 to 4 are the anchors 15 to 19, and the last two anchors are one item.
    own = torch.tensor([-1] * 15 + [0, 1, 2, 3, 3])
    matrix = grades.matrix(rows[:20], rows[15:])
    matrix[range(15, 20), own[15:]] = NAN
    x = torch.tensor(rng.normal(size=(20, 4)), requires_grad=True)
    y = torch.tensor(rng.normal(size=(15, 4)), requires_grad=True)
    results = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_closed_form, "_block_size", lambda candidates: size)
        for relevance in (matrix, TreeRelevance(grades, rows[:20], rows[15:], itself=own)):
            output = graded_contrastive_loss(
                x, relevance, candidates=y, grades=grades.levels, temperature=temperature
            )
            results.append((*output, *torch.autograd.grad(output.loss, (x, y))))
    for dense, blocks in zip(*results, strict=True):
        torch.testing.assert_close(blocks, dense, equal_nan=True)


def test_many_blocks_are_as_one(monkeypatch):
    embeddings, relevance = random_batch(33, batch=50)
    x = embeddings.requires_grad_()
    whole = graded_contrastive_loss(x, relevance, grades=(0.25, 0.5, 1.0))
    monkeypatch.setattr(_closed_form, "_block_size", lambda candidates: 7)
    parts = graded_contrastive_loss(x, relevance, grades=(0.25, 0.5, 1.0))
    torch.testing.assert_close(parts, whole, equal_nan=True)
    torch.testing.assert_close(torch.autograd.grad(parts.loss, x), torch.autograd.grad(whole.loss, x))


def test_an_item_that_is_not_finite_is_not_passed_over():
    embeddings, relevance = random_batch(34)
    relevance[3], relevance[:, 3] = NAN, NAN
    embeddings[3, 0] = NAN
    assert graded_contrastive_loss(embeddings, relevance).loss.isnan()


def test_relevance_in_numpy_is_refused():
    embeddings, relevance = random_batch(35)
    with pytest.raises(InputError, match="found a ndarray; expected a torch tensor or a TreeRelevance"):
        graded_contrastive_loss(embeddings, relevance.numpy())


def test_the_tree_brings_its_grades():
    tree, nodes = Taxonomy.from_paths([f"{a} > {b} > {c}" for a in "AB" for b in "xy" for c in "12"])
    rows, grades = torch.from_numpy(tree.ancestors[nodes]), Grades.by_depth(3)
    embeddings, pairs = random_batch(36, batch=8)[0], TreeRelevance(grades, rows)
    expected = graded_contrastive_loss(embeddings, grades.matrix(rows), grades=grades.levels)
    for found in (graded_contrastive_loss(embeddings, pairs), GradedContrastiveLoss()(embeddings, pairs)):
        torch.testing.assert_close(found.loss, expected.loss)
        assert found.anchors == expected.anchors == 8
    ours = GradedContrastiveLoss((1 / 3, 1.0))(embeddings, pairs)
    torch.testing.assert_close(
        ours, graded_contrastive_loss(embeddings, grades.matrix(rows), grades=(1 / 3, 1))
    )


def test_anchors_and_candidates_without_candidates():
    tree, nodes = Taxonomy.from_paths(["A > x", "A > x", "B"])
    rows = torch.from_numpy(tree.ancestors[nodes])
    with pytest.raises(InputError, match="relevance: found one of anchors and candidates"):
        graded_contrastive_loss(torch.eye(3), TreeRelevance(Grades.default(), rows, rows))
    known = TreeRelevance(Grades.default(), rows, rows, itself=torch.arange(3))
    alone = TreeRelevance(Grades.default(), rows)
    found, expected = (graded_contrastive_loss(torch.eye(3), pairs).loss for pairs in (known, alone))
    torch.testing.assert_close(found, expected)


def test_weights_without_grades():
    with pytest.raises(InputError, match="grade_weights: found"):
        GradedContrastiveLoss(grade_weights=(1.0, 2.0))

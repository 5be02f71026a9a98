import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import residual_quantization as oracle

from leafcode.errors import InputError
from leafcode.quantizers import ResidualQuantizer, assign, kmeans

SIZES = (5, 4, 3)


def random(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def quantizer_of(dim=4, sizes=SIZES, seed=0, metric=None, **arguments):
    """With random codebooks, in float64."""
    quantizer = ResidualQuantizer(dim, sizes, metric=metric, **arguments).double()
    with torch.no_grad():
        for level, codebook in enumerate(quantizer.codebooks):
            codebook.copy_(random(*codebook.shape, seed=100 * seed + level))
    return quantizer


def books(quantizer):
    return [codebook.detach().numpy() for codebook in quantizer.codebooks]


def fitted(latents, sizes, seed=0, metric=None):
    quantizer = ResidualQuantizer(latents.shape[1], sizes, metric=metric).to(latents.dtype)
    quantizer.fit(latents, torch.Generator().manual_seed(seed))
    return quantizer


@settings(max_examples=40)
@given(
    n=st.integers(1, 12),
    dim=st.integers(1, 5),
    sizes=st.lists(st.integers(2, 6), min_size=1, max_size=4),
    seed=st.integers(0, 999),
)
def test_against_brute_force(n, dim, sizes, seed):
    metric = random(len(sizes), dim, seed=seed).abs().float()
    quantizer, latents = quantizer_of(dim, sizes, seed, metric), random(n, dim, seed=seed + 1)
    codes, residuals = oracle.encode(latents, books(quantizer), quantizer.metric.numpy())
    output = quantizer(latents)
    assert output.codes.tolist() == quantizer.encode(latents).tolist() == codes.tolist()
    summed = oracle.decode(codes, books(quantizer))
    np.testing.assert_allclose(output.quantized.detach(), summed)
    np.testing.assert_allclose(quantizer.decode(output.codes).detach(), summed)
    np.testing.assert_allclose(output.codewords.sum(1).detach(), summed)
    errors = (quantizer.metric.numpy() * residuals[:, 1:] ** 2).sum(2)
    np.testing.assert_allclose(output.errors, errors, atol=1e-9)
    assert float(output.loss.detach()) == pytest.approx(1.25 * errors.mean(0).sum())
    for level in range(len(sizes)):
        np.testing.assert_allclose(quantizer.residuals(latents, level).detach(), residuals[:, level])


def test_gradients_of_the_loss_are_those_of_its_formula():
    metric = random(3, 4, seed=5).abs().float()
    quantizer = quantizer_of(metric=metric, commitment=0.7)
    latents = random(9, 4, seed=1).requires_grad_()
    quantizer(latents).loss.backward()
    weights = quantizer.metric.numpy()
    codes, residuals = oracle.encode(latents.detach(), books(quantizer), weights)
    after = residuals[:, 1:]
    expected = 0.7 * 2 * (weights * after).sum(1) / 9
    np.testing.assert_allclose(latents.grad, expected, atol=1e-12)
    for level, codebook in enumerate(quantizer.codebooks):
        gradient = np.zeros(codebook.shape)
        np.add.at(gradient, codes[:, level], -2 * weights[level] * after[:, level] / 9)
        np.testing.assert_allclose(codebook.grad, gradient, atol=1e-12)


def level_by_level(quantizer, latents, depth, known):
    """Codewords and loss as the docstring of the quantiser has them, left to autograd."""
    residual, codewords, loss = latents * known, [], 0.0
    for level, (codebook, metric) in enumerate(zip(quantizer.codebooks, quantizer.metric, strict=True)):
        distances = (known[:, None] * metric * (residual.detach()[:, None] - codebook.detach()) ** 2).sum(2)
        codeword = codebook[distances.argmin(1)]
        counts = (depth > level).double()
        pull = (metric * (known * (residual.detach() - codeword)) ** 2).sum(1)
        residual = known * (residual - codeword.detach())
        commit = (metric * residual**2).sum(1)
        loss = loss + (counts * (pull + quantizer.commitment * commit)).mean()
        codewords.append(codeword * counts[:, None])
    return torch.stack(codewords, 1), loss


@settings(max_examples=40)
@given(
    n=st.integers(1, 9),
    seed=st.integers(0, 999),
    masked=st.booleans(),
    missing=st.booleans(),
    part=st.integers(0, 2),
)
def test_gradients_are_those_of_the_levels_written_out(n, seed, masked, missing, part):
    quantizer = quantizer_of(metric=random(3, 4, seed=seed).abs().float(), commitment=0.7, seed=seed)
    rng = np.random.default_rng(seed)
    depth = torch.from_numpy(rng.integers(0 if masked else 3, 4, n))
    known = torch.from_numpy(rng.random((n, 4)) < (0.6 if missing else 2.0))
    latents, weights = random(n, 4, seed=seed + 1).requires_grad_(), random(n, 3, 4, seed=seed + 2)
    inputs = [latents, *quantizer.codebooks]
    output = quantizer(latents, depth=depth if masked else None, known=known if missing else None)
    results = []
    for codewords, loss in (
        level_by_level(quantizer, latents, depth, known),
        (output.codewords, output.loss),
    ):
        # A gradient of the codewords, of the loss, of both.
        terms = [(codewords * weights).sum(), loss, (codewords * weights).sum() + 3 * loss]
        gradients = torch.autograd.grad(terms[part], inputs, allow_unused=True)
        results.append([terms[part], *(torch.zeros(()) if part is None else part for part in gradients)])
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected)


def test_there_is_no_second_derivative():
    latents = random(6, 4).requires_grad_()
    with pytest.raises(NotImplementedError, match="no second derivative"):
        torch.autograd.grad(quantizer_of()(latents).loss, latents, create_graph=True)


@pytest.mark.parametrize("estimator", ["straight_through", "rotation"])
def test_commitment_of_the_second_level_reaches_the_encoder(estimator):
    latents = random(6, 4, seed=1)
    gradients = []
    for sizes in ((5,), (5, 4)):
        x = latents.clone().requires_grad_()
        quantizer_of(sizes=sizes, estimator=estimator)(x).loss.backward()
        gradients.append(x.grad)
    second = gradients[1] - gradients[0]
    assert (second.norm(dim=1) > 1e-3).all(), "it cancels where the subtracted codeword carries a gradient"


def test_straight_through_hands_the_gradient_of_the_sum_to_the_latents_once():
    quantizer, gradient = quantizer_of(), random(6, 4, seed=2)
    latents = random(6, 4, seed=1).requires_grad_()
    quantizer(latents).quantized.backward(gradient)
    assert torch.equal(latents.grad, gradient)


def test_masked_levels_count_for_nothing():
    quantizer, latents = quantizer_of(), random(6, 4, seed=1)
    depth = torch.tensor([1, 2, 3, 1, 2, 3])
    full, masked = quantizer(latents), quantizer(latents, depth=depth)
    assert torch.equal(full.codes, masked.codes)
    seen = (torch.arange(3) < depth[:, None]).double()
    assert torch.equal(masked.codewords, full.codewords * seen[..., None])
    torch.testing.assert_close(masked.quantized, masked.codewords.sum(1))
    torch.testing.assert_close(masked.loss, 1.25 * (full.errors * seen).mean(0).sum())
    masked.loss.backward()
    unseen = set(range(3)) - set(full.codes[depth == 3, 2].tolist())
    assert all(quantizer.codebooks[2].grad[code].norm() == 0 for code in unseen)


def test_full_depth_is_no_mask():
    quantizer, latents = quantizer_of(), random(6, 4, seed=1)
    torch.testing.assert_close(quantizer(latents, depth=torch.full((6,), 3)).loss, quantizer(latents).loss)


def test_a_weight_of_zero_leaves_a_dimension_out_of_the_choice_and_the_loss():
    metric = torch.ones(3, 4)
    metric[:, 3] = 0.0
    quantizer, latents = quantizer_of(metric=metric), random(8, 4, seed=1)
    other = latents.clone()
    other[:, 3] = 1e3 * random(8, seed=2)
    first, second = quantizer(latents), quantizer(other.requires_grad_())
    assert torch.equal(first.codes, second.codes)
    torch.testing.assert_close(first.loss, second.loss)
    second.loss.backward()
    assert not other.grad[:, 3].any()
    assert other.grad[:, :3].any()


def test_fit_ignores_a_dimension_of_weight_zero_but_gives_it_a_mean():
    latents = random(60, 3)
    metric = torch.tensor([[1.0, 1.0, 0.0]])
    quantizer, plain = fitted(latents, (6,), metric=metric), fitted(latents[:, :2], (6,))
    codes = quantizer.encode(latents)
    assert torch.equal(codes, plain.encode(latents[:, :2]))
    for code in codes.unique().tolist():
        near = torch.isclose(quantizer.codebooks[0][code], latents[codes[:, 0] == code].mean(0), atol=0.2)
        assert near.all()


def test_a_heavier_dimension_is_kept_better():
    latents = random(300, 2)
    errors = []
    for weight in (1.0, 16.0):
        quantizer = fitted(latents, (6,), metric=torch.tensor([[1.0, weight]]))
        rest = latents - quantizer.decode(quantizer.encode(latents)).detach()
        errors.append(rest.square().mean(0))
    assert errors[1][1] < 0.5 * errors[0][1]
    assert errors[1][0] > errors[0][0]


def test_rq_kmeans_error_falls_with_levels():
    latents = random(400, 6)
    errors = []
    for levels in range(1, 5):
        quantizer = fitted(latents, (8,) * levels)
        codes, _ = oracle.encode(latents, books(quantizer), quantizer.metric.numpy())
        rest = latents.numpy() - oracle.decode(codes, books(quantizer))
        errors.append((rest**2).sum(1).mean())
    assert errors[0] < float(latents.square().sum(1).mean())
    assert all(after < 0.9 * before for before, after in itertools.pairwise(errors))


def test_the_first_level_of_fit_is_kmeans():
    latents = random(100, 3)
    centroids = kmeans(latents, 8, torch.Generator().manual_seed(0), iterations=100, tolerance=0.0)
    quantizer = ResidualQuantizer(3, (8,)).double()
    quantizer.fit(latents, torch.Generator().manual_seed(0), iterations=100)
    rest = latents - quantizer.decode(quantizer.encode(latents)).detach()
    inertia = torch.cdist(latents, centroids).min(1).values.square().sum()
    assert float(rest.square().sum()) == pytest.approx(float(inertia), rel=0.02)


def test_the_seed_decides_the_fit():
    latents = random(80, 3, dtype=torch.float32)
    first, second, third = (fitted(latents, (6, 4), seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first.codebooks, second.codebooks, strict=True))
    assert not torch.equal(first.codebooks[0], third.codebooks[0])


def test_fit_with_too_few_latents():
    with pytest.raises(InputError, match="3 items for 4 codes"):
        fitted(random(3, 2), (2, 4))


@pytest.mark.parametrize("sizes", [(), (4, 1)])
def test_levels_that_cannot_be(sizes):
    with pytest.raises(InputError, match="at least one level of at least two codes"):
        ResidualQuantizer(2, sizes)


@pytest.mark.parametrize("wrong", [torch.ones(2, 4), -torch.ones(3, 4), torch.full((3, 4), torch.nan)])
def test_a_metric_that_cannot_be(wrong):
    with pytest.raises(InputError, match=r"finite weights >= 0 of shape \(3, 4\)"):
        ResidualQuantizer(4, SIZES, metric=wrong)


def test_fit_from_codes_goes_on_where_they_are():
    latents = random(200, 4)
    quantizer = fitted(latents, (6, 3))
    codes = quantizer.encode(latents)
    again = ResidualQuantizer(4, (6, 3)).double()
    again.fit(latents, torch.Generator().manual_seed(9), iterations=1, start=codes)
    expected = torch.stack([latents[codes[:, 0] == code].mean(0) for code in range(6)])
    moved = assign(latents, expected)[0]
    means = torch.stack([latents[moved == code].mean(0) for code in range(6)])
    torch.testing.assert_close(again.codebooks[0].detach(), means)


def test_missing_entries_have_no_say():
    known = torch.ones(30, 6, dtype=torch.bool)
    known[:20, 4:] = False
    quantizer = quantizer_of(6, metric=random(3, 6, seed=1).abs().float())
    latents = random(30, 6)
    other = latents.clone()
    other[:20, 4:] = 1e3  # what stands in a missing entry means nothing
    without = quantizer_of(6, metric=torch.cat([quantizer.metric[:, :4], torch.zeros(3, 2)], 1))
    expected = torch.cat([without.encode(latents[:20]), quantizer.encode(latents[20:])])
    for points in (latents, other):
        assert torch.equal(quantizer.encode(points, known), expected)
        output = quantizer(points, known=known)
        assert torch.equal(output.codes, expected)
        # The codewords are whole: they tell what is to be expected of the missing entries.
        torch.testing.assert_close(output.quantized, quantizer.decode(expected))
        assert not quantizer.residuals(points, 2, known)[:20, 4:].any()
    output = quantizer(latents[:20], known=known[:20])
    output.loss.backward()
    assert all(not book.grad[:, 4:].any() and book.grad[:, :4].any() for book in quantizer.codebooks)
    assert float(output.loss.detach()) == pytest.approx(float(without(latents[:20]).loss.detach()))


def test_fit_takes_means_over_what_is_known():
    latents, known = random(60, 4), torch.ones(60, 4, dtype=torch.bool)
    known[::2, 3] = False
    start = torch.randint(3, (60, 2), generator=torch.Generator().manual_seed(0))
    results = []
    for fill in (0.0, 55.0):
        quantizer = quantizer_of(4, (3, 3))
        points = torch.where(known, latents, fill)
        quantizer.fit(points, torch.Generator().manual_seed(0), start=start, known=known)
        results.append(books(quantizer))
        residual = torch.where(known, latents, torch.nan)
        for level, book in enumerate(books(quantizer)):
            codes = quantizer.encode(points, known)[:, level]
            for code in range(3):
                expected = np.nanmean(residual[codes == code].numpy(), axis=0)
                np.testing.assert_allclose(book[code], expected, atol=1e-9)
            residual = residual - torch.from_numpy(book)[codes]
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)


def test_gradients_do_not_depend_on_how_threads_take_turns(two_threads):
    quantizer = ResidualQuantizer(256, (64, 64))
    latents = torch.randn(2048, 256, generator=torch.Generator().manual_seed(0))
    quantizer.fit(latents, torch.Generator().manual_seed(0), iterations=1)

    def gradients():
        quantizer.zero_grad()
        output = quantizer(latents)
        (output.loss + output.codewords.square().sum()).backward()
        return [book.grad.clone() for book in quantizer.codebooks]

    first = gradients()
    for _ in range(5):
        assert all(map(torch.equal, first, gradients()))

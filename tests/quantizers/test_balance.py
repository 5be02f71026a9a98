import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import fsolve

from leafcode.quantizers import ResidualQuantizer, assign
from leafcode.quantizers.balance import CodeBalance

STRENGTH = 0.1


def crowd(seed=0):
    """Most points near the origin, a few far out, and a codeword for each region."""
    generator = torch.Generator().manual_seed(seed)
    near = 0.4 * torch.randn(900, 2, generator=generator)
    far = torch.tensor([[3.0, 0.0], [0.0, 3.0], [-3.0, 0.0]]).repeat(20, 1)
    points = torch.cat([near, far + 0.4 * torch.randn(60, 2, generator=generator)])
    codebook = torch.tensor([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5], [-1.5, 0.0]])
    return points, codebook


def entropy(indices, size):
    share = torch.bincount(indices, minlength=size).double() / len(indices)
    share = share[share > 0]
    return float(-(share * share.log()).sum())


def balanced(points, codebook, strength, rounds=400):
    """Offsets after many rounds of choosing among fixed codewords."""
    balance = CodeBalance(len(codebook), strength)
    for _ in range(rounds):
        balance.update(*assign(points, codebook, offset=balance.offsets))
    return balance.offsets


def line_of(offsets, codewords):
    """Shares and mean squared distance of points spread evenly over [0, 1], by integrals."""
    middle = (codewords[1:] + codewords[:-1]) / 2
    ends = np.concatenate([[0.0], middle + np.diff(offsets) / (2 * np.diff(codewords)), [1.0]])
    return np.diff(ends), sum(
        ((right - at) ** 3 - (left - at) ** 3) / 3
        for left, right, at in zip(ends[:-1], ends[1:], codewords, strict=True)
    )


@pytest.mark.parametrize("strength", [0.03, 0.1, 0.2])
def test_offsets_come_to_the_fixed_point_of_their_equation(strength):
    codewords = np.array([0.1, 0.25, 0.3, 0.85])

    def equation(offsets):
        shares, distance = line_of(offsets, codewords)
        return strength * distance * np.log(4 * shares) - offsets

    expected = fsolve(equation, np.zeros(4))
    np.testing.assert_allclose(equation(expected), 0.0, atol=1e-9)
    points = (torch.arange(20_000)[:, None] + 0.5) / 20_000
    found = balanced(points, torch.from_numpy(codewords).float()[:, None], strength)
    np.testing.assert_allclose(found, expected, rtol=0.01, atol=1e-5)


@settings(max_examples=30)
@given(
    counts=st.lists(st.integers(1, 20), min_size=2, max_size=6),
    distance=st.floats(0.01, 100.0),
    strength=st.floats(0.01, 0.3),
)
def test_offsets_for_shares_that_never_change(counts, distance, strength):
    codes = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    balance = CodeBalance(len(counts), strength)
    for _ in range(300):
        balance.update(codes, torch.full((len(codes),), distance))
    shares = np.array(counts) / sum(counts)
    expected = strength * distance * np.log(len(counts) * shares)
    np.testing.assert_allclose(balance.offsets, expected, rtol=1e-3, atol=0.02 * strength * distance)


def test_use_is_more_even_and_the_objective_lower():
    points, codebook = crowd()
    plain, distances = assign(points, codebook)
    previous, scale = entropy(plain, 4), float(distances.mean())
    for strength in (0.02, 0.05, 0.1):
        offsets = balanced(points, codebook, strength)
        indices, moved = assign(points, codebook, offset=offsets)
        assert entropy(indices, 4) > previous
        before = scale - strength * scale * entropy(plain, 4)
        assert float(moved.mean()) - strength * scale * entropy(indices, 4) < before
        previous = entropy(indices, 4)


def test_a_codeword_that_nothing_chooses_grows_cheaper_within_bounds():
    balance, codes = CodeBalance(2, 0.1), torch.zeros(8, dtype=torch.int64)
    seen = []
    for _ in range(2000):
        balance.update(codes, torch.ones(8))
        seen.append(float(balance.offsets[1]))
    assert seen[0] > seen[10] > seen[100]
    assert -2.0 < seen[-1] < -0.1
    assert float(balance.offsets[0]) == pytest.approx(0.1 * np.log(2), rel=1e-2)


def test_assign_with_offsets_against_brute_force():
    generator = torch.Generator().manual_seed(0)
    points, codebook = (torch.randn(n, 3, generator=generator, dtype=torch.float64) for n in (50, 7))
    offsets = torch.randn(7, generator=generator, dtype=torch.float64)
    distances = (points[:, None] - codebook).square().sum(2)
    indices, found = assign(points, codebook, offset=offsets)
    assert torch.equal(indices, (distances + offsets).argmin(1))
    torch.testing.assert_close(found, distances.gather(1, indices[:, None])[:, 0])


LATENTS = torch.randn(2000, 6, generator=torch.Generator().manual_seed(1)) ** 3


def quantizer_of(strength=STRENGTH, batches=0, sizes=(8, 16, 8)):
    """Codebooks by k-means on `LATENTS`, then batches in training mode that move the offsets alone."""
    quantizer = ResidualQuantizer(6, sizes, balance=strength)
    quantizer.fit(LATENTS, torch.Generator().manual_seed(0))
    quantizer.train()
    for batch in range(batches):
        quantizer(LATENTS[batch % 4 :: 4])
    return quantizer.eval()


def state(quantizer):
    return {name: value.clone() for name, value in quantizer.state_dict().items()}


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_training_evens_out_the_use_of_all_levels_but_the_first():
    plain, even = quantizer_of(0.0).encode(LATENTS), quantizer_of(batches=200).encode(LATENTS)
    assert torch.equal(plain[:, 0], even[:, 0])
    for level, size in ((1, 16), (2, 8)):
        assert entropy(even[:, level], size) > entropy(plain[:, level], size) + 0.05
    assert len(even.unique(dim=0)) > len(plain.unique(dim=0))


def test_no_codeword_is_moved_and_the_loss_is_that_of_the_chosen_ones():
    quantizer = quantizer_of(batches=50)
    before = [book.detach().clone() for book in quantizer.codebooks]
    output = quantizer.train()(LATENTS)
    assert all(torch.equal(*pair) for pair in zip(before, quantizer.codebooks, strict=True))
    residual, expected = LATENTS, []
    for level, book in enumerate(before):
        residual = residual - book[output.codes[:, level]]
        expected.append(residual.square().sum(1))
    torch.testing.assert_close(output.errors, torch.stack(expected, 1), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(output.loss, 1.25 * output.errors.mean(0).sum())


def test_only_batches_in_training_mode_count():
    quantizer = quantizer_of(batches=20)
    before = state(quantizer)
    quantizer(LATENTS)
    quantizer.train().encode(LATENTS)
    quantizer.residuals(LATENTS, 2)
    assert equal(state(quantizer), before)
    quantizer(LATENTS)
    assert not equal(state(quantizer), before)


def test_codes_are_the_same_in_training_and_afterwards():
    quantizer = quantizer_of(batches=50)
    codes = quantizer.encode(LATENTS)
    torch.testing.assert_close(
        quantizer.residuals(LATENTS, 2), LATENTS - quantizer.codewords(codes)[:, :2].sum(1)
    )
    assert torch.equal(quantizer(LATENTS).codes, codes)
    assert torch.equal(quantizer.train()(LATENTS).codes, codes), (
        "what it learns counts from the next batch on"
    )


def test_the_state_has_the_offsets():
    quantizer = quantizer_of(batches=50)
    other = ResidualQuantizer(6, (8, 16, 8), balance=STRENGTH).eval()
    other.load_state_dict(quantizer.state_dict())
    assert torch.equal(other.encode(LATENTS), quantizer.encode(LATENTS))
    offsets = [name for name in quantizer.state_dict() if name.endswith("offsets")]
    assert len(offsets) == 2


@pytest.mark.parametrize("start", [False, True])
def test_fit_begins_without_offsets(start):
    used, fresh = quantizer_of(batches=50), ResidualQuantizer(6, (8, 16, 8), balance=STRENGTH)
    codes = used.encode(LATENTS) if start else None
    for quantizer in (used, fresh):
        quantizer.fit(LATENTS, torch.Generator().manual_seed(3), start=codes)
    assert equal(state(used), state(fresh))


def test_without_strength_it_is_a_plain_quantiser():
    plain, none = ResidualQuantizer(6, (8, 4)), ResidualQuantizer(6, (8, 4), balance=0.0)
    assert plain.state_dict().keys() == none.state_dict().keys()
    assert not any("balance" in name for name in plain.state_dict())
    quantizer = quantizer_of(0.0, batches=20)
    assert equal(state(quantizer), state(quantizer_of(0.0)))
    codes, rest = quantizer.encode(LATENTS), LATENTS
    for level, book in enumerate(quantizer.codebooks):
        nearest = torch.cdist(rest, book).argmin(1)
        assert (nearest == codes[:, level]).float().mean() > 0.999
        rest = rest - book[codes[:, level]]


def test_a_single_level_is_never_balanced():
    assert equal(state(quantizer_of(sizes=(8,), batches=20)), state(quantizer_of(0.0, sizes=(8,))))

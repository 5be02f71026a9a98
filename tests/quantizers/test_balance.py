import numpy as np
import pytest
import torch

from leafcode.quantizers import ResidualQuantizer, assign
from leafcode.quantizers.balance import balance_offsets


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


def test_use_is_more_even_and_the_objective_lower():
    points, codebook = crowd()
    plain, distances = assign(points, codebook)
    previous, scale = entropy(plain, 4), float(distances.mean())
    for strength in (0.02, 0.05, 0.1):
        offsets = balance_offsets(points, codebook, strength)
        indices, moved = assign(points, codebook, offset=offsets)
        assert entropy(indices, 4) > previous
        before = scale - strength * scale * entropy(plain, 4)
        assert float(moved.mean()) - strength * scale * entropy(indices, 4) < before
        previous = entropy(indices, 4)


def test_offsets_solve_their_equation():
    points, codebook = crowd()
    offsets = balance_offsets(points, codebook, 0.05)
    indices, _ = assign(points, codebook, offset=offsets)
    _, distances = assign(points, codebook)
    counts = np.bincount(indices.numpy(), minlength=4)
    expected = 0.05 * float(distances.mean()) * np.log((counts + 0.5) * 4 / len(points))
    np.testing.assert_allclose(offsets.numpy(), expected, atol=2e-3)


def test_no_strength_no_offsets():
    assert not balance_offsets(*crowd(), 0.0).any()


def test_assign_with_offsets_against_brute_force():
    generator = torch.Generator().manual_seed(0)
    points, codebook = (torch.randn(n, 3, generator=generator, dtype=torch.float64) for n in (50, 7))
    offsets = torch.randn(7, generator=generator, dtype=torch.float64)
    distances = (points[:, None] - codebook).square().sum(2)
    indices, found = assign(points, codebook, offset=offsets)
    assert torch.equal(indices, (distances + offsets).argmin(1))
    torch.testing.assert_close(found, distances.gather(1, indices[:, None])[:, 0])


@pytest.fixture
def quantizer():
    latents = torch.randn(2000, 6, generator=torch.Generator().manual_seed(1))
    quantizer = ResidualQuantizer(6, (8, 16))
    quantizer.fit(latents**3, torch.Generator().manual_seed(0))
    return quantizer, latents**3


def test_balance_changes_the_last_codes_and_no_codeword(quantizer):
    quantizer, latents = quantizer
    codes, books = quantizer.encode(latents), [book.detach().clone() for book in quantizer.codebooks]
    quantizer.balance(latents, 0.05)
    balanced = quantizer.encode(latents)
    assert all(torch.equal(*pair) for pair in zip(books, quantizer.codebooks, strict=True))
    assert torch.equal(codes[:, 0], balanced[:, 0])
    assert entropy(balanced[:, 1], 16) > entropy(codes[:, 1], 16)
    assert len(balanced.unique(dim=0)) >= len(codes.unique(dim=0))
    assert torch.equal(balanced, quantizer(latents).codes)


def test_balance_is_part_of_the_state_and_gone_after_another_fit(quantizer):
    quantizer, latents = quantizer
    plain = quantizer.encode(latents)
    quantizer.balance(latents, 0.05)
    other = ResidualQuantizer(6, (8, 16))
    other.load_state_dict(quantizer.state_dict())
    assert torch.equal(other.encode(latents), quantizer.encode(latents))
    quantizer.fit(latents, torch.Generator().manual_seed(0))
    assert torch.equal(quantizer.encode(latents), plain)

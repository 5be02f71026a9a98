import numpy as np
import pytest
import torch

from leafcode.codes import ResidualSearch, search
from leafcode.products import linear
from leafcode.quantizers import ResidualQuantizer


def quantizer(sizes, dim=16, metric=None, seed=0, balance=0.0):
    generator = torch.Generator().manual_seed(seed)
    made = ResidualQuantizer(dim, sizes, metric=metric, balance=balance)
    for level, book in enumerate(made.codebooks):
        book.data = torch.randn(book.shape, generator=generator) / (level + 1)
    return made


def distances(made, latents, known=None):
    """Codes, and by how much the second nearest codeword is farther at each level, all in NumPy's float64."""
    residual = latents.double().numpy()
    seen = np.ones_like(residual) if known is None else known.numpy()
    codes, gaps = [], []
    for book, metric, offset in made.levels:
        words = book.detach().double().numpy()
        squares = (seen[:, None] * metric.double().numpy() * (residual[:, None] - words) ** 2).sum(2)
        squares += 0.0 if offset is None else offset.double().numpy()
        codes.append(squares.argmin(1))
        nearest = np.partition(squares, 1, axis=1)
        gaps.append(nearest[:, 1] - nearest[:, 0])
        residual = residual - words[codes[-1]]
    return np.stack(codes, 1), np.stack(gaps, 1)


WEIGHTS = torch.linspace(0, 2, 32).reshape(2, 16)


@pytest.mark.parametrize("sizes", [(2, 3), (256, 256), (300, 5000)])
@pytest.mark.parametrize("metric", [None, WEIGHTS])
@pytest.mark.parametrize("missing", [False, True])
def test_certain_codes_are_those_of_float64(sizes, metric, missing):
    made = quantizer(sizes, metric=metric, balance=0.2)
    made.balances[0].offsets.copy_(torch.linspace(-0.3, 0.5, sizes[1]))
    latents = torch.randn(400, 16, generator=torch.Generator().manual_seed(1))
    known = (torch.arange(400)[:, None] + torch.arange(16)) % 5 > 0 if missing else None
    codes, certain = ResidualSearch(made)(latents, known)
    expected, gaps = distances(made, latents, known)
    np.testing.assert_array_equal(codes[certain], expected[certain.numpy()])
    assert certain.float().mean() > 0.9
    # What is not certain is close; float32 is off by far less than a thousandth of these lengths.
    assert (gaps.min(1)[~certain.numpy()] < 1e-3 * 40).all()


def test_halfway_between_codewords_nothing_is_certain():
    made = quantizer((64,))
    words = made.codebooks[0].detach()
    near = torch.cdist(words, words).fill_diagonal_(torch.inf).argmin(1)
    _, certain = ResidualSearch(made)((words + words[near]) / 2)
    assert not certain.any()


def test_what_is_not_finite_is_not_certain():
    latents = torch.zeros(3, 16)
    latents[:, 0] = torch.tensor([torch.nan, torch.inf, 1e30])
    codes, certain = ResidualSearch(quantizer((8, 8)))(latents)
    assert not certain.any()
    assert ((codes >= 0) & (codes < 8)).all()


def test_coarse_products_leave_more_in_doubt(monkeypatch):
    """As of TF32, or of bfloat16 where `torch.set_float32_matmul_precision` allows it."""
    made = quantizer((256, 256), dim=64)
    latents = torch.randn(4000, 64, generator=torch.Generator().manual_seed(1))
    exact, certain = ResidualSearch(made)(latents)

    def coarse(inputs, weight, bias=None):
        return linear(inputs.bfloat16().float(), weight.bfloat16().float(), bias)

    monkeypatch.setattr(search, "linear", coarse)
    codes, still_certain = ResidualSearch(made)(latents)
    assert (codes != exact).any()
    assert 0 < still_certain.sum() < certain.sum()
    np.testing.assert_array_equal(codes[still_certain], exact[still_certain])

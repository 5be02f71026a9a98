import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.residual_quantization import rotation

from leafcode.errors import InputError
from leafcode.quantizers.gradient import pass_gradient

ESTIMATORS = ("straight_through", "rotation")


def pairs(n=6, dim=5, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(n, dim, generator=generator, dtype=dtype) for _ in range(3))


def map_of(latent, codeword):
    """The linear map (D, D) that carries the latent, as autograd sees it."""
    return torch.autograd.functional.jacobian(
        lambda x: pass_gradient(x[None], codeword[None], "rotation")[0], latent
    ).numpy()


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_value_is_the_codeword(estimator, dtype):
    latents, codewords, _ = pairs(dtype=dtype)
    passed = pass_gradient(latents.requires_grad_(), codewords, estimator)
    torch.testing.assert_close(passed.detach(), codewords)
    assert passed.dtype == dtype


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_codeword_keeps_its_own_gradient(estimator):
    latents, codewords, gradient = pairs()
    codewords.requires_grad_()
    pass_gradient(latents, codewords, estimator).backward(gradient)
    assert torch.equal(codewords.grad, gradient)


def test_straight_through_is_the_identity():
    latents, codewords, gradient = pairs()
    latents.requires_grad_()
    pass_gradient(latents, codewords, "straight_through").backward(gradient)
    assert torch.equal(latents.grad, gradient)


@settings(max_examples=50)
@given(dim=st.integers(2, 8), seed=st.integers(0, 9999))
def test_rotation_is_a_scaled_rotation_that_takes_the_latent_to_the_codeword(dim, seed):
    latents, codewords, _ = pairs(1, dim, seed)
    latent, codeword = latents[0], codewords[0]
    scale = float(codeword.norm() / latent.norm())
    matrix = map_of(latent, codeword) / scale
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(dim), atol=1e-9)
    assert np.linalg.det(matrix) == pytest.approx(1.0)
    np.testing.assert_allclose(scale * matrix @ latent.numpy(), codeword.numpy(), atol=1e-9)
    np.testing.assert_allclose(matrix, rotation(latent.numpy(), codeword.numpy()), atol=1e-6)


def test_rotation_keeps_the_angle_between_gradient_and_codeword():
    latents, codewords, gradient = pairs(20)
    latents.requires_grad_()
    pass_gradient(latents, codewords, "rotation").backward(gradient)
    after = torch.cosine_similarity(latents.grad, latents)
    torch.testing.assert_close(after.detach(), torch.cosine_similarity(gradient, codewords))
    ratio = codewords.norm(dim=1) / latents.detach().norm(dim=1)
    torch.testing.assert_close(latents.grad.norm(dim=1), gradient.norm(dim=1) * ratio)


def test_rotation_onto_itself_is_straight_through():
    latents, _, gradient = pairs()
    latents.requires_grad_()
    pass_gradient(latents, latents.detach().clone(), "rotation").backward(gradient)
    torch.testing.assert_close(latents.grad, gradient)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("noise", [0.0, 1e-9, 1e-7, 1e-5])
def test_opposite_directions_stay_orthogonal(dtype, noise):
    latents, _, jitter = pairs(10, dtype=dtype)
    for latent, shift in zip(latents, jitter, strict=True):
        codeword = -3.0 * latent + noise * shift
        matrix = map_of(latent, codeword) * float(latent.norm() / codeword.norm())
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(5), atol=5e-3)


def test_zeros_give_no_endless_gradients():
    latents, codewords, gradient = pairs()
    latents[0], codewords[1] = 0.0, 0.0
    latents.requires_grad_()
    pass_gradient(latents, codewords, "rotation").backward(gradient)
    assert latents.grad[0].norm() <= gradient[0].norm() * 1.001
    assert latents.grad[1].norm() == 0.0


def test_an_unknown_estimator():
    with pytest.raises(InputError, match=r"'gumbel'.*'straight_through' or 'rotation'"):
        pass_gradient(torch.ones(1, 2), torch.ones(1, 2), "gumbel")

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cosine

from leafcode.errors import InputError
from leafcode.evaluation import reconstruction_error


@given(st.integers(0, 10**6), st.integers(1, 20), st.integers(1, 8))
def test_equals_scipy(seed, n, width):
    rng = np.random.default_rng(seed)
    x, x_hat = rng.normal(size=(n, width)), rng.normal(size=(n, width))
    expected = np.mean([cosine(a, b) for a, b in zip(x, x_hat, strict=True)])
    assert reconstruction_error(x, x_hat) == pytest.approx(expected, abs=1e-12)


def test_known_values():
    x = np.array([[1.0, 0.0], [0.0, 3.0]])
    assert reconstruction_error(x, 2 * x) == 0
    assert reconstruction_error(x, -x) == 2
    assert reconstruction_error(x, x[:, ::-1]) == 1


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_any_float_and_any_length(dtype):
    x = np.random.default_rng(0).normal(size=(10, 5)).astype(dtype)
    assert reconstruction_error(x, x * dtype(100)) == pytest.approx(0, abs=1e-3)


def test_no_items_is_undefined():
    assert np.isnan(reconstruction_error(np.empty((0, 3)), np.empty((0, 3))))


def test_a_reconstruction_of_zeros_is_undefined_and_not_left_out():
    assert np.isnan(reconstruction_error([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 0.0]]))


def test_shapes_must_agree():
    with pytest.raises(InputError, match="x_hat: found 2 columns; expected 3"):
        reconstruction_error(np.ones((1, 3)), np.ones((1, 2)))
    with pytest.raises(InputError, match="x_hat: found 2 rows; expected 1"):
        reconstruction_error(np.ones((1, 3)), np.ones((2, 3)))

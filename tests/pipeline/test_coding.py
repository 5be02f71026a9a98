import numpy as np
import pytest

from leafcode.codes import encode_codes, encode_items
from leafcode.pipeline import coding
from leafcode.pipeline.coding import code_items
from leafcode.quantizers import RQVAE, RQVAEConfig


@pytest.fixture
def model():
    model = RQVAE(RQVAEConfig(embedding_dim=4, sizes=(5, 3)))
    for book in model.quantizer.codebooks:
        book.data = book.new_tensor(np.random.default_rng(len(book)).standard_normal(book.shape))
    return model


def test_vectors_of_some_and_codes_of_all(model, monkeypatch):
    monkeypatch.setattr(coding, "_BLOCK", 7)
    x = np.random.default_rng(0).standard_normal((50, 4))
    rows = np.array([3, 40, 41])
    whole = code_items(lambda part: encode_items(model, part), x, None)
    some = code_items(lambda part: encode_items(model, part), x, rows)
    quick = code_items(
        lambda part: encode_items(model, part), x, rows, only_codes=lambda part: encode_codes(model, part)
    )
    np.testing.assert_array_equal(quick.codes, whole.codes)
    np.testing.assert_array_equal(quick.encoded.reconstructions, some.encoded.reconstructions)
    assert whole.rows is None
    assert whole.codes is whole.encoded.codes
    np.testing.assert_array_equal(some.codes, whole.codes)
    np.testing.assert_array_equal(some.encoded.codes, whole.codes[rows])
    np.testing.assert_allclose(some.encoded.reconstructions, whole.encoded.reconstructions[rows], rtol=1e-6)

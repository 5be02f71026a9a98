import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leafcode.codes import encode_items
from leafcode.errors import InputError
from leafcode.quantizers import RQVAE, RQVAEConfig

SIZES = (16, 8, 8)
EMBEDDINGS = np.random.default_rng(0).normal(size=(257, 12)).astype(np.float32)


def trained(level_weights=(1.0, 0.5, 0.0)):
    """A model with weights everywhere, its codebooks set by k-means."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = RQVAE(RQVAEConfig(12, SIZES, categories=3, depths=2, tree_dim=4, hidden_dim=16))
        for weight in model.parameters():
            torch.nn.init.normal_(weight, std=0.3)
    spans = [[[0, 2], [0, 1]], [[0, 2], [1, 2]], [[2, 3], [2, 3]]]
    model.tree_encoder.spans.copy_(torch.tensor(spans))
    model.set_level_weights(level_weights)
    with torch.no_grad():
        latents = model.eval().latents(torch.from_numpy(EMBEDDINGS))
    model.quantizer.fit(latents, torch.Generator().manual_seed(0))
    return model


MODEL = trained()
WHOLE = encode_items(MODEL, EMBEDDINGS)


def nearest(model, embeddings):
    """Codes by every distance to every codeword, in NumPy."""
    with torch.no_grad():
        residual = model.double().eval().latents(torch.from_numpy(embeddings).double()).numpy()
    codes = []
    for book, metric in zip(model.quantizer.codebooks, model.quantizer.metric.numpy(), strict=True):
        words = book.detach().numpy()
        distances = (metric * (residual[:, None] - words[None]) ** 2).sum(-1)
        codes.append(distances.argmin(1))
        residual = residual - words[codes[-1]]
    return np.stack(codes, 1)


def test_codes_are_the_nearest_codewords():
    np.testing.assert_array_equal(WHOLE.codes, nearest(trained(), EMBEDDINGS))
    assert len(np.unique(WHOLE.codes[:, 0])) == SIZES[0]


def test_vectors_belong_to_the_codes():
    codes = torch.from_numpy(WHOLE.codes)
    np.testing.assert_allclose(WHOLE.quantized, MODEL.quantizer.decode(codes).detach(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(WHOLE.reconstructions, MODEL.decode(codes), rtol=1e-4, atol=1e-5)
    assert [part.dtype for part in WHOLE] == [np.int64, np.float32, np.float32]


@settings(max_examples=15)
@given(st.integers(1, 300), st.randoms(use_true_random=False))
def test_codes_do_not_depend_on_chunks_or_order(chunk, random):
    order = np.array(random.sample(range(len(EMBEDDINGS)), random.randint(1, len(EMBEDDINGS))))
    part = encode_items(MODEL, EMBEDDINGS[order], chunk=chunk)
    np.testing.assert_array_equal(part.codes, WHOLE.codes[order])
    np.testing.assert_array_equal(part.quantized, WHOLE.quantized[order])


def test_codes_do_not_depend_on_threads_or_mode():
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2 if threads == 1 else 1)
        model = trained().train()  # dropout would change the codes
        np.testing.assert_array_equal(encode_items(model, EMBEDDINGS).codes, WHOLE.codes)
        assert model.training
        assert next(model.parameters()).dtype == torch.float32
    finally:
        torch.set_num_threads(threads)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_codes_do_not_depend_on_the_device():
    np.testing.assert_array_equal(encode_items(MODEL, EMBEDDINGS, device="cuda").codes, WHOLE.codes)


def test_near_ties_that_float32_cannot_tell_apart():
    rng = np.random.default_rng(1)
    words = rng.normal(size=(2, 64))
    words /= np.linalg.norm(words, axis=1, keepdims=True)
    model = RQVAE(RQVAEConfig(64, (2,), hidden_dim=4))  # new, so latents begin with the embedding
    with torch.no_grad():
        model.quantizer.codebooks[0].copy_(torch.from_numpy(words))
    words = model.quantizer.codebooks[0].detach().double().numpy()
    across = words[0] - words[1]
    middle = (np.square(words[0]).sum() - np.square(words[1]).sum()) / 2
    unit = rng.normal(size=(400, 64))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    # On the plane between both codewords, up to the rounding of the result to float32.
    items = (unit - np.outer((unit @ across - middle) / (across @ across), across)).astype(np.float32)

    exact = items / np.linalg.norm(items.astype(np.float64), axis=1, keepdims=True)
    expected = np.square(exact[:, None] - words).sum(2).argmin(1)
    assert 100 < expected.sum() < 300
    assert (model.encode(torch.from_numpy(items))[:, 0].numpy() != expected).any(), "float32 would not do"
    for chunk in (1, 7, 400):
        np.testing.assert_array_equal(encode_items(model, items, chunk=chunk).codes[:, 0], expected)


def test_single_items():
    codes = [encode_items(MODEL, EMBEDDINGS[i : i + 1]).codes[0] for i in range(0, len(EMBEDDINGS), 8)]
    np.testing.assert_array_equal(codes, WHOLE.codes[::8])


def test_of_equal_codewords_the_first_counts():
    model = trained()
    with torch.no_grad():
        for book in model.quantizer.codebooks:
            book[len(book) // 2 :] = book[: len(book) // 2].flip(0)
    codes = encode_items(model, EMBEDDINGS).codes
    assert (codes < np.array(SIZES) // 2).all()


def test_memory_mapped_half_precision(tmp_path):
    np.save(tmp_path / "x.npy", EMBEDDINGS.astype(np.float16))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    expected = encode_items(MODEL, EMBEDDINGS.astype(np.float16).astype(np.float64)).codes
    np.testing.assert_array_equal(encode_items(MODEL, mapped, chunk=50).codes, expected)


def test_no_items():
    empty = encode_items(MODEL, EMBEDDINGS[:0])
    assert [part.shape for part in empty] == [(0, 3), (0, 16), (0, 12)]


@pytest.mark.parametrize(
    ("embeddings", "message"),
    [
        (EMBEDDINGS[:, :5], r"float32 of shape \(257, 5\); expected floats of shape \(items, 12\)"),
        (EMBEDDINGS[0], r"shape \(12,\)"),
        (EMBEDDINGS.astype(np.int64), "int64"),
    ],
)
def test_other_embeddings_are_refused(embeddings, message):
    with pytest.raises(InputError, match=message):
        encode_items(MODEL, embeddings)


@pytest.mark.parametrize(
    ("value", "found"), [(0.0, "only zeros"), (np.nan, "a NaN"), (np.inf, "an infinity")]
)
def test_rows_without_a_direction_are_named(value, found):
    broken = EMBEDDINGS.copy()
    broken[200] = value
    with pytest.raises(InputError, match=rf"embeddings\[200\]: found .*{found}"):
        encode_items(MODEL, broken, chunk=64)


@pytest.mark.parametrize("scale", [1e-12, 1e-30, 1e20])
def test_rows_too_short_or_too_long_are_named(scale):
    broken = EMBEDDINGS.copy()
    broken[200] *= scale / np.linalg.norm(broken[200])
    with pytest.raises(InputError, match=r"embeddings\[200\]: found a length of .*; expected one from 1e-10"):
        encode_items(MODEL, broken, chunk=64)


@pytest.mark.parametrize("scale", [1e-9, 1e17])
def test_length_says_nothing(scale):
    np.testing.assert_array_equal(encode_items(MODEL, EMBEDDINGS * np.float32(scale)).codes, WHOLE.codes)


def test_broken_models_and_chunks_are_refused():
    model = trained()
    with torch.no_grad():
        model.decoder.inner.bias[0] = torch.nan
    with pytest.raises(InputError, match="weights that are not finite"):
        encode_items(model, EMBEDDINGS)
    with pytest.raises(InputError, match="chunk: found 0"):
        encode_items(MODEL, EMBEDDINGS, chunk=0)


def test_progress_is_shown_on_standard_error(capsys):
    encode_items(MODEL, EMBEDDINGS, progress=True)
    output = capsys.readouterr()
    assert output.out == ""
    assert "encode" in output.err

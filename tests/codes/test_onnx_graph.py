import sys

import numpy as np
import onnxruntime
import pytest
import torch

from leafcode.codes import encode_codes, export_onnx
from leafcode.errors import InputError
from leafcode.quantizers import RQVAE, RQVAEConfig

SIZES = (16, 300, 8)
ITEMS = np.random.default_rng(0).normal(size=(500, 12)).astype(np.float32)
HISTORY = np.random.default_rng(1).normal(size=(500, 5)).astype(np.float32)
HISTORY[::3] = 0.0


def model(**config):
    """Weights everywhere, and codewords that are latents of other items."""
    torch.manual_seed(0)
    made = RQVAE(RQVAEConfig(12, SIZES, hidden_dim=16, tree_dim=4, **config)).eval()
    with torch.no_grad():
        for weight in made.parameters():
            torch.nn.init.normal_(weight, std=0.3)
        others = torch.randn(400, made.config.embedding_dim + made.config.engagement_dim)
        made.quantizer.fit(made.latents(others), torch.Generator().manual_seed(0))
        made.quantizer.balances[0].offsets.copy_(torch.linspace(-0.1, 0.1, SIZES[1]))
        made.quantizer.codebooks[0][7] = made.quantizer.codebooks[0][3]  # of equals the first counts
    return made


@pytest.mark.parametrize(
    ("config", "items"),
    [
        ({}, ITEMS),
        ({"categories": 3, "depths": 2}, ITEMS),
        ({"categories": 3, "depths": 2, "engagement_dim": 5}, np.hstack([ITEMS, HISTORY])),
    ],
)
@pytest.mark.parametrize("count", [1, 500])
def test_another_runtime_finds_the_same_codes(tmp_path, config, items, count):
    made = model(**config)
    if "depths" in config:
        made.set_level_weights((1.0, 0.5, 0.0))
    if "engagement_dim" in config:
        made.set_engagement_weights((0.5, 0.0, 1.0))
    export_onnx(made, str(tmp_path / "model.onnx"))
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(["codes"], {"embeddings": items[:count]})
    assert (found.dtype, found.shape) == (np.int64, (count, 3))
    assert (found[:, 0] != 7).all()
    # None of these items is so near to two codewords that float32 and float64 differ.
    np.testing.assert_array_equal(found, encode_codes(made, items[:count]))


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(InputError, match=r"no package onnx; .*pip install 'leafcode\[onnx\]'"):
        export_onnx(model(), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []

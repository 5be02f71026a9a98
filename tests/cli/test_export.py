import sys

import numpy as np
import onnxruntime
import pytest
from tests.cli.commands import failure, success

from leafcode.codes import encode_codes
from leafcode.pipeline import Run


def test_the_file_gives_the_codes_of_the_run(capsys, tmp_path, fitted, catalogue):
    out = tmp_path / "model.onnx"
    assert success(capsys, "export", fitted, "--out", out) == f"codes of 2 levels in {out}\n"
    session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    vectors = catalogue.embeddings.astype(np.float32)
    (found,) = session.run(None, {"embeddings": vectors})
    np.testing.assert_array_equal(found, encode_codes(Run.open(fitted).model, vectors))


@pytest.mark.parametrize("name", [".", "nowhere/model.onnx"])
def test_places_that_cannot_be_written_to(capsys, tmp_path, fitted, name):
    assert "a file in a folder that exists" in failure(capsys, "export", fitted, "--out", tmp_path / name)


def test_the_run_is_left_as_it_is(capsys, run_copy):
    message = failure(capsys, "export", run_copy, "--out", run_copy / "model.safetensors")
    assert "a file of the run" in message


def test_without_the_package(capsys, tmp_path, fitted, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    message = failure(capsys, "export", fitted, "--format", "onnx", "--out", tmp_path / "model.onnx")
    assert "pip install 'leafcode[onnx]'" in message

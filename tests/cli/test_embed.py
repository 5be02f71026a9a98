import sys
import types

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.catalogues import COMMAND_OPTIONS, write
from tests.cli.commands import failure, success


class Model:
    """Stands in for a model of sentence-transformers: twelve numbers from a text's letters."""

    def __init__(self, name, **options):
        pass

    def encode(self, texts, **options):
        return np.array([np.bincount([ord(letter) % 12 for letter in text], minlength=12) for text in texts])


@pytest.fixture
def model(monkeypatch, tmp_path):
    module = types.ModuleType("sentence_transformers")
    module.SentenceTransformer = Model
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    (tmp_path / "model").mkdir()
    return ["--model", tmp_path / "model", "--cache", tmp_path / "cache", "--quiet"]


def test_what_it_leaves_can_be_trained_on_and_encoded(capsys, catalogue, model, tmp_path):
    words = ["--text", "text", "brand", "--out", tmp_path / "vectors", *model]
    assert success(capsys, "embed", catalogue.items, *words) == f"1 files in {tmp_path / 'vectors'}\n"
    items = tmp_path / "vectors" / catalogue.items.name
    vectors = np.array(pq.ParquetFile(items).read()["embedding"].to_pylist())
    texts = [f"{row['text']} | {row['brand']}" for row in catalogue.rows]
    np.testing.assert_array_equal(vectors, Model("").encode(texts))
    columns = ["--embedding", "embedding"]
    success(capsys, "fit", items, "--path", "path", *columns, "--out", tmp_path / "run", *COMMAND_OPTIONS)
    words = ["encode", tmp_path / "run", tmp_path / "vectors", *columns, "--out", tmp_path / "ids", "--quiet"]
    assert success(capsys, *words) == f"240 IDs in {tmp_path / 'ids'}\n"


def test_bad_items(capsys, model, tmp_path):
    files = write(tmp_path / "in", [{"id": "a", "text": "salt"}, {"id": "b", "text": " "}], None)
    words = ["--out", tmp_path / "vectors", *model]
    assert f"{files.items}: column 'text': row 2 (id 'b')" in failure(capsys, "embed", files.items, *words)
    assert "found no Parquet file" in failure(capsys, "embed", tmp_path / "model", *words)
    assert "found no Parquet file" in failure(capsys, "embed", files.vectors, *words)

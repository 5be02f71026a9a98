import sys
import types
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leafcode.catalog import read_catalog
from leafcode.errors import InputError
from leafcode.pipeline import CatalogSource, Run, embed_parts
from leafcode.pipeline.part_work import EmbedWork, EncodeWork, ItemReader
from leafcode.pipeline.parts import LocalEngine

TEXTS = {"a": "sea salt", "b": "oil", "c": "soap | blue", "d": "oil"}


def vector(text):
    return [len(text), ord(text[0]), -1.0]


@pytest.fixture
def source(monkeypatch, tmp_path):
    """A source with a model of three dimensions that stands in for one of sentence-transformers."""
    loaded = []

    class Model:
        def __init__(self, name, **options):
            loaded.append(name)

        def encode(self, texts, **options):
            return np.array([vector(text) for text in texts])

    module = types.ModuleType("sentence_transformers")
    module.SentenceTransformer = Model
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text("{}")
    made = CatalogSource("", text_columns=("text", "color"), model=str(model))
    yield made
    assert loaded in ([], [str(model)])  # once for all files


@pytest.fixture
def files(tmp_path):
    """Two files: a and b, c and d."""
    (tmp_path / "in").mkdir()
    for name, ids in (("1.parquet", "ab"), ("2.parquet", "cd")):
        texts = [TEXTS[key].split(" | ") for key in ids]
        table = {
            "id": list(ids),
            "text": [text[0] for text in texts],
            "color": [text[1] if len(text) > 1 else None for text in texts],
            "price": [1.5, None],
        }
        pq.write_table(pa.table(table), tmp_path / "in" / name)
    return tmp_path / "in"


@pytest.mark.parametrize("half", [False, True])
def test_items_get_a_column_of_vectors_that_can_be_read_again(source, files, tmp_path, half):
    engine = LocalEngine(progress=False)
    assert embed_parts(source, str(files), str(tmp_path / "out"), engine, half=half) == 2
    for name in ("1.parquet", "2.parquet"):
        before, after = (pq.ParquetFile(folder / name).read() for folder in (files, tmp_path / "out"))
        assert after.drop(["embedding"]).equals(before)
        kind = pa.float16() if half else pa.float32()
        assert after.schema.field("embedding").type == pa.list_(kind, 3)
        catalog = read_catalog(
            tmp_path / "out" / name, text_columns=("text", "color"), embedding_column="embedding"
        )
        expected = np.array([vector(TEXTS[key]) for key in catalog.ids.to_pylist()], np.float32)
        np.testing.assert_array_equal(catalog.embeddings, expected)


def test_vectors_that_float16_cannot_hold(source, files):
    pq.write_table(pa.table({"id": ["a", "b"], "text": ["salt", "x" * 70_000]}), files / "1.parquet")
    work = EmbedWork.of(ItemReader(replace(source, text_columns=("text",)), "cpu"), half=True)
    with pytest.raises(InputError, match=r"1\.parquet: vectors as float16: row 2: found a NaN or an inf"):
        work(files / "1.parquet")


def test_items_that_have_vectors_already(source, files):
    table = pq.ParquetFile(files / "1.parquet").read().append_column("embedding", pa.array([[1.0], [2.0]]))
    pq.write_table(table, files / "1.parquet")
    with pytest.raises(InputError, match="found a column 'embedding'"):
        EmbedWork.of(ItemReader(source, "cpu"), half=False)(files / "1.parquet")


def test_the_fingerprint_names_all_that_counts(source, fitted, tmp_path):
    run = Run.open(fitted)
    changes = [
        {},
        {"text_columns": ("text",)},
        {"text_columns": ("color", "text")},
        {"id_column": "sku"},
        {"path_column": "path"},
        {"embedding_column": "v"},
        {"model": "some/model"},
    ]
    readers = [ItemReader(replace(source, **change), "cpu") for change in changes]
    prints = [EncodeWork.of(reader, run.model, run.folder).fingerprint for reader in readers]
    prints += [EmbedWork.of(readers[0], half=half).fingerprint for half in (False, True)]
    (tmp_path / "model" / "config.json").write_text("{ }")
    prints.append(EmbedWork.of(ItemReader(source, "cpu"), half=False).fingerprint)
    assert len(set(prints)) == len(prints)
    same = ItemReader(replace(source, items="other"), "cuda", tmp_path)
    assert EmbedWork.of(same, half=False).fingerprint == prints[-1]


def test_items_of_several_paths_stand_at_the_first(source, tmp_path):
    table = {"id": ["a"], "text": ["tea"], "color": [None], "path": ["Food > Tea|Gifts"]}
    pq.write_table(pa.table(table, pa.schema({name: pa.string() for name in table})), tmp_path / "a.parquet")
    read = ItemReader(replace(source, path_column="path", paths_separator="|"), "cpu").read
    catalog = read(tmp_path / "a.parquet")
    assert [catalog.taxonomy.keys[node] for node in catalog.places[0]] == ["Food > Tea", "Gifts"]

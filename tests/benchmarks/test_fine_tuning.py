"""The benchmark of fine-tuning, with an encoder of no layers in place of the real one."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

import fine_tuning
from fine_tuning import METHODS, SCHEMA, UNTOUCHED, Budget, Cell, load_task, run
from leafcode.errors import InputError

BUDGET = Budget(steps=3, batch_size=16, learning_rate=0.1)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder of one catalogue whose categories are told by a word of each text."""
    rng = np.random.default_rng(0)
    leaves = [f"{a} > {b}" for a in "ABC" for b in "xyz"]
    rows = [
        {"id": str(n), "text": f"w{n % 9} n{rng.integers(40)} n{rng.integers(40)}", "path": leaves[n % 9]}
        for n in range(240)
    ]
    (tmp_path / "data" / "shop").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data" / "shop" / "items.parquet")
    words = ["[UNK]", *(f"w{n}" for n in range(9)), *(f"n{n}" for n in range(40))]

    def encoder(_):
        tokenizer = Tokenizer(WordLevel({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = Whitespace()
        weights = np.random.default_rng(1).normal(size=(len(words), 8)).astype(np.float32)
        return SentenceTransformer(modules=[StaticEmbedding(tokenizer, weights)], device="cpu")

    monkeypatch.setattr(fine_tuning, "new_encoder", encoder)
    return tmp_path / "data"


@pytest.mark.slow
def test_every_method_trains_and_a_rerun_goes_on(data, tmp_path, monkeypatch, capsys):
    cells = [Cell("shop", "items", method, 0) for method in (UNTOUCHED, *METHODS)]
    places = {"work": tmp_path / "work", "out": tmp_path / "out"}
    run(data, cells[:1], BUDGET, **places)
    run(data, cells, BUDGET, **places)
    table = pq.read_table(tmp_path / "out" / "fine_tuning.parquet")
    assert table.schema.equals(SCHEMA)
    assert table["method"].unique().to_pylist() == [UNTOUCHED, *METHODS]
    assert table["depth"].to_pylist() == [1, 2] * len(cells)
    values = table["precision_at_10"].to_numpy().reshape(-1, 2)
    assert (values[1:] != values[0]).any(1).all(), "all of them train"
    monkeypatch.setattr(fine_tuning, "run_cell", None)  # nothing is left to do
    capsys.readouterr()
    run(data, cells, BUDGET, **places)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(cells)
    assert "error" not in lines[0]
    assert all("error" in line for line in lines[1:])
    with pytest.raises(InputError, match="figures of another budget"):
        run(data, cells, Budget(steps=4), **places)


def test_training_helps_where_texts_tell_their_category(data):
    untouched, ours = (
        fine_tuning.run_cell(Cell("shop", "items", method, 0), data, Budget(40, 16, 0.05))["precision_at_10"]
        for method in (UNTOUCHED, "tree")
    )
    assert all(after > before + 0.1 for before, after in zip(untouched, ours, strict=True))


@pytest.mark.parametrize("split", ["items", "leaves"])
def test_held_out_items_are_not_trained_on(data, split):
    file = data / "shop" / "items.parquet"
    whole = load_task(file, split, 0, max_items=10_000)
    inner = load_task(file, split, 0, max_items=10_000, validate=True)
    assert len(whole.train) + len(whole.query) == 240
    assert set(inner.train) | set(inner.query) == set(whole.train)
    sides = [
        {task.texts[row] if split == "items" else task.nodes[row] for row in rows.tolist()}
        for task in (whole,)
        for rows in (task.train, task.query)
    ]
    assert not sides[0] & sides[1]
    assert load_task(file, split, 0, max_items=100).texts != whole.texts[:100]


def test_a_method_that_does_not_exist_is_told(tmp_path):
    with pytest.raises(InputError, match="--methods: found none_such"):
        run(Path("nowhere"), [Cell("shop", "items", "none_such", 0)], BUDGET, work=tmp_path, out=tmp_path)

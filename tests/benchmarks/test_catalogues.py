"""A benchmark of seconds: what it leaves, and that it goes on and grows."""

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.catalogues import SHORT, clustered

import ablations
from catalogues import Benchmark, merge, run
from figures import machine
from leafcode import CatalogSource
from leafcode.errors import InputError
from leafcode.pipeline import CompareOptions
from leafcode.pipeline.compare_results import RESULTS_SCHEMA
from leafcode.quantizers import RQVAEConfig
from leafcode.training import TrainingConfig
from result_files import read_split

OPTIONS = CompareOptions(
    methods=("tree",),
    seeds=1,
    sizes=(8, 4),
    training=dataclasses.replace(SHORT, tree_steps=8, content_steps=8, steps=8),
    jobs=1,
)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder of one catalogue whose texts are embedded as the vectors that belong to them."""
    rows, vectors = clustered()
    (tmp_path / "data" / "shop").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data" / "shop" / "items.parquet")
    by_text = {row["text"]: vector for row, vector in zip(rows, vectors, strict=True)}
    monkeypatch.setattr(
        CatalogSource,
        "embed",
        lambda self, texts, **_: np.stack([by_text[text] for text in texts]).astype(np.float32),
    )
    return tmp_path / "data"


def benchmark(data, **more):
    folder = data.parent
    made = {"options": OPTIONS, "results": folder / "results", "work": folder / "work", **more}
    return Benchmark(data, ("shop",), **made)


def cells(file):
    rows = pq.read_table(file).to_pylist()
    return sorted({(row["method"], row["strength"] or 0.0, row["seed"]) for row in rows})


def test_goes_on_and_grows(data):
    first = benchmark(data)
    assert run(first, progress=False) == []
    trained = sorted((data.parent / "work" / "items" / "shop" / "cells").iterdir())
    assert cells(first.figures("shop")) == [(m, 0.0, 0) for m in ("rq_kmeans", "tree", "without_tree")]
    before = [file.stat().st_mtime_ns for file in trained]

    more = benchmark(data, options=dataclasses.replace(OPTIONS, seeds=2), fronts=("tree",), ceilings=True)
    assert run(more, progress=False) == []
    assert [file.stat().st_mtime_ns for file in trained] == before
    found = cells(more.figures("shop"))
    assert {cell[2] for cell in found} == {0, 1}
    assert ("ceiling", 0.0, 0) in found
    assert [cell for cell in found if cell[:2] == ("tree", 0.5)] == [("tree", 0.5, 0), ("tree", 0.5, 1)]

    about = json.loads(more.about.read_text(encoding="utf-8"))
    assert about["machine"] == machine()
    assert about["defaults"]["sizes"] == [8, 4]
    assert about["catalogues"]["shop"]["items"] == 240
    shop = read_split(data.parent / "results", "items").catalogues[0]
    assert shop.data.seeds == [0, 1]
    assert set(shop.ceilings) == {0}


def test_figures_of_other_defaults_are_not_mixed(data):
    run(benchmark(data), progress=False)
    other = dataclasses.replace(OPTIONS, training=dataclasses.replace(OPTIONS.training, temperature=0.5))
    with pytest.raises(InputError, match="figures of other defaults"):
        run(benchmark(data, options=other), progress=False)


def test_of_a_training_in_several_tables_the_last_counts():
    def table(method, value):
        row = {"method": method, "seed": 0, "measure": "seconds", "value": value}
        return pa.Table.from_pylist([row], RESULTS_SCHEMA)

    merged = merge([table("tree", 1.0), table("rq_kmeans", 2.0), table("tree", 3.0)])
    assert merged["method"].to_pylist() == ["rq_kmeans", "tree"]
    assert merged["value"].to_pylist() == [2.0, 3.0]


def test_ablations_go_on_and_leave_a_table(data):
    where = {"results": data.parent / "results", "work": data.parent / "ablations", "progress": False}
    factors = ("progressive masking",)
    assert ablations.run(data, ("shop",), factors, OPTIONS, **where) == []
    files = sorted((data.parent / "ablations" / "shop" / "cells").iterdir())
    before = [file.stat().st_mtime_ns for file in files]
    assert ablations.run(data, ("shop",), factors, OPTIONS, **where) == []
    assert [file.stat().st_mtime_ns for file in files] == before
    rows = pq.read_table(data.parent / "results" / "ablations.parquet").to_pylist()
    assert {(row["factor"], row["setting"]) for row in rows} == {
        ("default", "default"),
        ("progressive masking", "True"),
    }
    assert {row["depth"] for row in rows if row["measure"] == "prefix_accuracy"} == {1, 2}


def test_every_setting_of_the_ablations_is_valid_and_its_name_its_own():
    training, shape = TrainingConfig(contrast_weight=ablations.LAMBDA), RQVAEConfig(embedding_dim=8)
    settings = ablations.settings(training, shape)
    for setting in settings:
        dataclasses.replace(training, **setting.training)
        dataclasses.replace(shape, **setting.shape)
    assert len({setting.key for setting in settings}) == len(settings)
    # The default stands for itself in every factor, and is trained once.
    assert all(setting.training or setting.shape or setting.term for setting in settings[1:])
    for factor in ablations.FACTORS:
        assert factor.default(training, shape) not in {s.name for s in factor.settings(training, shape)}
    with pytest.raises(InputError, match="--factors"):
        ablations.settings(training, shape, ["temprature"])

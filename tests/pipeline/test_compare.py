"""Comparisons of a second or two, in this process; see tests/pipeline/test_workers.py for more of them."""

import dataclasses
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.catalogues import SHORT, with_several_paths, write
from tests.cli.commands import contents
from tests.pipeline.fits import source

from leafcode.catalog import split_by_leaf
from leafcode.errors import InputError, TrainingError
from leafcode.methods import METHODS, Method
from leafcode.pipeline import CompareOptions, compare
from leafcode.pipeline.cells import Cell
from leafcode.pipeline.compare import held_out_items
from leafcode.pipeline.items import hold_out

TRAINING = dataclasses.replace(SHORT, tree_steps=8, content_steps=8, steps=8)
OPTIONS = CompareOptions(
    methods=("lda_rq_kmeans", "tree"), seeds=2, sizes=(8, 4), training=TRAINING, front_seeds=0, jobs=1
)


@pytest.fixture(scope="module")
def items(catalogue):
    return source(catalogue.items, catalogue.vectors).load()


def run(items, out, options=OPTIONS, **more):
    return compare(items, out, options, progress=False, **more)


@pytest.fixture(scope="module")
def compared(tmp_path_factory, items):
    """A comparison that must not be changed."""
    return run(items, tmp_path_factory.mktemp("compared") / "out")


def rows(comparison):
    return pq.read_table(comparison.folder.results).to_pylist()


def test_what_is_in_the_folder(compared):
    cells = {
        f"cells/{name}.default.seed{seed}.json"
        for name in ("rq_kmeans", "lda_rq_kmeans", "without_tree", "tree")
        for seed in (0, 1)
    }
    assert set(contents(compared.folder.path)) == {
        "comparison.json",
        "comparison.html",
        "results.parquet",
        *cells,
    }
    assert compared.failures == {}
    summary = json.loads(compared.folder.summary.read_text())
    assert summary["verdict"]["label"] == compared.verdict.label
    assert [one["method"] for one in summary["settings"]] == [s.method for s in compared.data.settings]
    page = compared.folder.page.read_text(encoding="utf-8")
    assert compared.verdict.label in page
    assert "LDA + RQ-KMeans" in page


def test_the_table_has_the_figures_of_every_cell(compared):
    found = rows(compared)
    for setting in compared.data.settings:
        for seed, figures in setting.runs.items():
            (value,) = (
                r["value"]
                for r in found
                if (r["method"], r["seed"], r["measure"]) == (setting.method, seed, "reconstruction")
            )
            assert value == figures["reconstruction"]
    assert {r["measure"] for r in found} >= {
        "prefix_accuracy",
        "ami",
        "hp_at_10",
        "seconds",
        "settings.lambda",
    }
    assert all(r["strength"] is None for r in found)


def test_a_seed_decides_the_split_and_every_method_sees_the_same(compared, items):
    figures = {
        (r["method"], r["seed"]): r["value"] for r in rows(compared) if r["measure"] == "reconstruction"
    }
    assert figures["rq_kmeans", 0] != figures["rq_kmeans", 1]
    held_out = np.mean([hold_out(items, 0.2, seed).sum() for seed in (0, 1)])
    assert compared.data.catalogue.held_out == round(held_out)


def test_going_on_trains_nothing_again(compared, items, monkeypatch):
    before = contents(compared.folder.path)
    monkeypatch.setattr(METHODS["rq_kmeans"], "train", lambda *_: pytest.fail("trained again"), raising=False)
    again = run(items, compared.folder.path, resume=True)
    assert contents(compared.folder.path) == before
    assert again.verdict == compared.verdict


def test_a_comparison_grows_by_seeds_methods_and_fronts(tmp_path, items):
    small = dataclasses.replace(OPTIONS, methods=("lda_rq_kmeans",), seeds=1)
    first = contents(run(items, tmp_path / "out", small).folder.cells)
    grown = dataclasses.replace(small, seeds=2, front_seeds=1)
    later = run(items, tmp_path / "out", grown, resume=True)
    assert first.items() <= contents(later.folder.cells).items()
    strengths = [s for s in METHODS["lda_rq_kmeans"].strengths if s != METHODS["lda_rq_kmeans"].default]
    assert [s.strength for s in later.data.settings] == [None, None, *strengths, None]
    for setting in later.data.settings:
        assert list(setting.runs) == ([0, 1] if setting.strength is None else [0])


class Broken(Method):
    """Fails with one seed in a way that a user can mend, and with another by a bug."""

    name, title, uses_tree = "broken", "Broken", True

    def train(self, task, strength=None):
        if task.training.seed == 0:
            raise TrainingError("it takes\nmore items")
        if task.training.seed == 1:
            raise ZeroDivisionError("oh")
        return METHODS["rq_kmeans"].train(task)


def test_a_cell_that_fails_is_told_and_the_rest_is_kept(tmp_path, items, monkeypatch):
    monkeypatch.setitem(METHODS, "broken", Broken())
    options = dataclasses.replace(OPTIONS, methods=("broken",), seeds=3)
    found = run(items, tmp_path / "out", options)
    assert set(found.failures) == {Cell("broken", None, 0), Cell("broken", None, 1)}
    assert found.data.failures == [
        "broken, seed 0: it takes more items",
        "broken, seed 1: ZeroDivisionError: oh",
    ]
    (trace,) = found.folder.cells.glob("*.traceback.txt")
    assert trace == found.folder.trace(Cell("broken", None, 1))
    assert "ZeroDivisionError" in trace.read_text()
    assert [list(s.runs) for s in found.data.settings] == [[0, 1, 2], [0, 1, 2], [2]]
    assert not found.folder.work.exists()

    monkeypatch.setitem(METHODS, "broken", METHODS["rq_kmeans"])
    mended = run(items, tmp_path / "out", options, resume=True)
    assert mended.failures == {}
    assert not trace.exists()


def test_stopped_in_the_middle_it_goes_on_to_the_same(tmp_path, items, compared, monkeypatch):
    train, calls = METHODS["tree"].train, []

    def stop(task, strength=None):
        calls.append(task.training.seed)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(task, strength)

    with monkeypatch.context() as patch:
        patch.setattr(METHODS["tree"], "train", stop, raising=False)
        with pytest.raises(KeyboardInterrupt):
            run(items, tmp_path / "out")
    assert not (tmp_path / "out" / "work").exists()
    assert not (tmp_path / "out" / "results.parquet").exists()
    again = run(items, tmp_path / "out", resume=True)

    def measured(comparison):
        return [row for row in rows(comparison) if row["measure"] != "seconds"]

    assert measured(again) == measured(compared)


def test_whole_categories_held_out(tmp_path, items):
    options = dataclasses.replace(OPTIONS, methods=("rq_kmeans",), seeds=1, split="leaves", holdout=0.4)
    found = run(items, tmp_path / "out", options)
    mask = split_by_leaf(items.nodes, items.taxonomy, 0.4, 0)
    assert found.data.catalogue.held_out == mask.sum()
    assert found.verdict.label == "Not compared"


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"methods": ("tre",)}, "methods: found 'tre'.*Did you mean 'tree'"),
        ({"seeds": 0}, "seeds: found 0"),
        ({"split": "rows"}, "split: found 'rows'"),
        ({"holdout": 0.0}, "holdout: found 0.0"),
        ({"holdout": 1.0}, "holdout: found 1.0"),
        ({"jobs": 0}, "jobs: found 0"),
        ({"reconstruction_limit": float("nan")}, "reconstruction limit: found nan"),
        ({"reconstruction_limit": float("inf")}, "reconstruction limit: found inf"),
        ({"front_seeds": -1}, "front seeds: found -1"),
        ({"sizes": (1,)}, "levels: found 1"),
    ],
)
def test_options_out_of_range(changes, found):
    with pytest.raises(InputError, match=found):
        dataclasses.replace(OPTIONS, **changes)


def test_a_catalogue_without_categories_is_refused(tmp_path, items):
    flat = dataclasses.replace(items, nodes=np.full(len(items), -1, np.int32), taxonomy=None)
    with pytest.raises(InputError, match="no categories"):
        run(flat, tmp_path / "out")
    with pytest.raises(InputError, match="0 of 240 items held out"):
        run(items, tmp_path / "out", dataclasses.replace(OPTIONS, holdout=1e-9))
    assert not (tmp_path / "out").exists()


def test_other_settings_are_refused(compared, items):
    before = contents(compared.folder.path)
    for changes, found in (({"sizes": (8, 2)}, "model sizes"), ({"holdout": 0.3}, "holdout 0.2, not 0.3")):
        with pytest.raises(InputError, match=found):
            run(items, compared.folder.path, dataclasses.replace(OPTIONS, **changes), resume=True)
    with pytest.raises(InputError, match="another catalogue"):
        run(items.subset(np.arange(200)), compared.folder.path, resume=True)
    assert contents(compared.folder.path) == before


@pytest.mark.slow
def test_processes_give_what_one_process_gives(tmp_path, items, compared):
    options = dataclasses.replace(OPTIONS, methods=("lda_rq_kmeans",), seeds=1, jobs=2)
    found = run(items, tmp_path / "out", options)
    assert found.failures == {}
    expected = {
        (r["method"], r["measure"], r["level"], r["depth"]): r["value"]
        for r in rows(compared)
        if r["seed"] == 0
    }
    for row in rows(found):
        if row["measure"] != "seconds":
            key = (row["method"], row["measure"], row["level"], row["depth"])
            assert row["value"] == pytest.approx(expected[key], abs=0.02, nan_ok=True), key


def test_items_of_several_paths(tmp_path, catalogue):
    files = write(tmp_path, with_several_paths(catalogue.rows), catalogue.embeddings)
    several = source(files.items, files.vectors).load()
    options = dataclasses.replace(OPTIONS, seeds=1, split="leaves", methods=("tree",))
    compared = run(several, tmp_path / "out", options)
    assert compared.failures == {}
    held_out = held_out_items(several, options, 0)
    assert compared.data.catalogue.held_out == held_out.sum()
    left = several.places[~held_out]
    assert not np.isin(several.nodes[held_out & ~(several.places[:, 1] >= 0)], left).any()
    with pytest.raises(InputError, match="catalogue"):
        run(dataclasses.replace(several, places=None), tmp_path / "out", options, resume=True)

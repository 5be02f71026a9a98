import dataclasses
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.catalogues import OPTIONS
from tests.pipeline.fits import source

from leafcode.errors import InputError, TrainingError
from leafcode.files import locked
from leafcode.pipeline import FitOptions, TuneOptions, fit, tune
from leafcode.pipeline.items import hold_out
from leafcode.pipeline.tune_trial import Split

TUNE = TuneOptions(fit=OPTIONS, trials=4, reconstruction_limit=3.0)


def tune_files(catalogue, out, options=TUNE, **more):
    named = source(catalogue.items, catalogue.vectors)
    return tune(named.load(), out, options, source=named, progress=False, **more)


def table(out):
    """Every column but the time it took."""
    return pq.read_table(out / "front.parquet").drop_columns(["seconds"]).to_pylist()


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, catalogue):
    out = tmp_path_factory.mktemp("tuned") / "out"
    return out, tune_files(catalogue, out)


def test_a_study_leaves_its_files_and_nothing_else(tuned):
    out, found = tuned
    files = {path.name for path in out.iterdir()}
    assert files == {".study.db.lock", "front.parquet", "study.db", "tuned.html"}
    rows = table(out)
    assert [row["trial"] for row in rows] == [0, 1, 2, 3]
    ended = [row for row in rows if row["state"] == "complete"]
    assert [one.name for one in found.trials] == [f"trial {row['trial']}" for row in ended]
    assert len(found.front) == sum(row["on_front"] for row in rows)
    assert found.pruned == sum(row["state"] == "pruned" for row in rows)


def test_a_fit_with_the_same_setting_measures_the_same_on_the_held_out_items(tmp_path, tuned, catalogue):
    """So the held-out items are those of fit, and nothing of the search reached the model."""
    _, found = tuned
    named = source(catalogue.items, catalogue.vectors)
    point = found.checks[-1]
    assert point.name.startswith("trial")
    training = dataclasses.replace(
        OPTIONS.training,
        contrast_weight=point.weight,
        level_weights=(1.0, point.parameters["share of code 2"]),
        temperature=point.parameters["temperature"],
    )
    options = dataclasses.replace(OPTIONS, training=training, baselines=False, ceilings=False)
    run = fit(named.load(), tmp_path / "run", options, source=named, progress=False)
    metrics = run.folder.read_metrics()
    assert list(metrics["prefix_accuracy"].values()) == list(point.accuracy)
    assert metrics["collision_rate"] == point.collision_rate


def test_no_trial_touches_the_held_out_items(tmp_path, tuned, catalogue):
    """With other vectors for the held-out items, all trials are the same."""
    out, _ = tuned
    named = source(catalogue.items, catalogue.vectors)
    catalog = named.load()
    held_out = hold_out(catalog, TUNE.fit.holdout, TUNE.fit.split_seed)
    vectors = np.array(catalog.embeddings)
    vectors[held_out] = np.random.default_rng(0).normal(size=vectors[held_out].shape)
    changed = dataclasses.replace(catalog, embeddings=vectors)
    tune(changed, tmp_path / "out", dataclasses.replace(TUNE, trials=2), progress=False)
    names = ("contrast_weight", "reconstruction", "error", "start_error")
    for row, expected in zip(table(tmp_path / "out"), table(out), strict=False):
        assert [row[name] for name in names] == [expected[name] for name in names]


def test_a_study_that_was_stopped_goes_on_to_the_same_result(tmp_path, tuned, catalogue, monkeypatch):
    out, found = tuned
    run, calls = Split.run, []

    def stopped(*arguments):
        calls.append(arguments)
        if len(calls) == 4:  # lambda = 0, auto, a trial, and in the midst of the next
            raise KeyboardInterrupt
        return run(*arguments)

    monkeypatch.setattr(Split, "run", stopped)
    with pytest.raises(KeyboardInterrupt):
        tune_files(catalogue, tmp_path / "out")
    assert len(table(tmp_path / "out")) == 1
    again = tune_files(catalogue, tmp_path / "out", resume=True)
    rows = table(tmp_path / "out")
    assert [row.pop("trial") for row in rows] == [0, 2, 3, 4]
    assert rows == [{name: value for name, value in row.items() if name != "trial"} for row in table(out)]
    assert [point.error for point in again.checks] == [point.error for point in found.checks]


def test_what_is_finished_is_not_trained_again(tmp_path, tuned, catalogue, monkeypatch):
    out, found = tuned
    shutil.copytree(out, tmp_path / "out")
    monkeypatch.setattr(Split, "run", None)
    again = tune_files(catalogue, tmp_path / "out", resume=True)
    assert repr(again) == repr(found)  # NaN is not equal to NaN
    assert (tmp_path / "out" / "tuned.html").read_bytes() == (out / "tuned.html").read_bytes()


def test_time_that_has_run_out(tmp_path, catalogue):
    found = tune_files(catalogue, tmp_path / "out", dataclasses.replace(TUNE, seconds=1e-9))
    assert (len(found.trials), found.recommended, found.command) == (0, None, "")
    assert [point.name for point in found.checks] == ["λ = 0", "auto"]


def test_nothing_held_out(tmp_path, catalogue):
    options = dataclasses.replace(TUNE, trials=1, fit=dataclasses.replace(OPTIONS, holdout=0.0))
    assert tune_files(catalogue, tmp_path / "out", options).checks == []


def test_one_level(tmp_path, catalogue):
    options = dataclasses.replace(TUNE, trials=1, fit=dataclasses.replace(OPTIONS, sizes=(8,), holdout=0.0))
    (trial,) = tune_files(catalogue, tmp_path / "out", options).trials
    assert list(trial.parameters) == ["λ", "temperature"]


def test_a_folder_with_a_study_is_left_alone_unless_told(tuned, catalogue):
    out, _ = tuned
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    other = dataclasses.replace(TUNE, fit=dataclasses.replace(OPTIONS, split_seed=1))
    for options, more, told in (
        (TUNE, {}, "an earlier study"),
        (TUNE, {"resume": True, "overwrite": True}, "both resume and overwrite"),
        (other, {"resume": True}, "split seed 0, not 1"),
    ):
        with pytest.raises(InputError, match=told):
            tune_files(catalogue, out, options, **more)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize("more", [{"resume": True}, {"overwrite": True}])
def test_a_study_that_another_process_works_on(tuned, catalogue, more):
    out, _ = tuned
    before = (out / "study.db").read_bytes()
    with (
        locked(out / "study.db"),
        pytest.raises(InputError, match="another process is working on"),
    ):
        tune_files(catalogue, out, **more)
    assert (out / "study.db").read_bytes() == before


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_other_files_is_refused(tmp_path, catalogue, overwrite):
    (tmp_path / "front.parquet").write_text("mine")
    with pytest.raises(InputError, match=r"a folder of other files \(front\.parquet\)"):
        tune_files(catalogue, tmp_path, overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == ["front.parquet"]


def test_catalogues_without_categories(tmp_path, catalogue):
    named = dataclasses.replace(source(catalogue.items, catalogue.vectors), path_column=None)
    with pytest.raises((InputError, TrainingError), match="category"):
        tune(named.load(), tmp_path / "out", TUNE, progress=False)
    assert not (tmp_path / "out").exists()


def test_options_out_of_range_are_told_at_once():
    with pytest.raises(InputError, match=r"trials=0, seconds=-1, reconstruction_limit=0, validation=1"):
        TuneOptions(FitOptions(), trials=0, seconds=-1, reconstruction_limit=0, validation=1)
    with pytest.raises(InputError, match="reconstruction_limit=inf"):
        TuneOptions(reconstruction_limit=float("inf"))

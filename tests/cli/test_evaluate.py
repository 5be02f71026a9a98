import json

import numpy as np
import pytest
from tests.catalogues import write
from tests.cli.commands import contents, failure, success


def test_json_alone_is_printed_and_equals_the_file(capsys, run_copy, fitted):
    printed = json.loads(success(capsys, "evaluate", run_copy, "--json", "--quiet"))
    assert printed == json.loads((run_copy / "metrics.json").read_text())
    assert printed == json.loads((fitted / "metrics.json").read_text())
    assert (run_copy / "report.html").read_bytes() == (fitted / "report.html").read_bytes()


def test_progress_stays_off_the_json(capsys, run_copy):
    from leafcode.cli import main

    assert main(["evaluate", str(run_copy), "--baselines", "--json"]) == 0
    out, err = capsys.readouterr()
    assert set(json.loads(out)["baseline"]) == {"rq_kmeans", "lambda_0"}
    assert "measure" in err


def test_the_table(capsys, run_copy):
    out = success(capsys, "evaluate", run_copy, "--quiet")
    header, *rows = out.splitlines()
    assert header.split() == ["measure", "leafcode", "lambda", "=", "0", "RQ-KMeans", "ceiling"]
    assert [row[:17] for row in rows[2:4]] == ["prefix accuracy 1", "prefix accuracy 2"]


def test_baselines_can_be_trained_later_and_are_the_same(capsys, run_copy, fitted):
    (run_copy / "baselines.safetensors").unlink()
    without = json.loads(success(capsys, "evaluate", run_copy, "--json", "--quiet"))
    assert "baseline" not in without
    later = json.loads(success(capsys, "evaluate", run_copy, "--json", "--quiet", "--baselines"))
    assert later == json.loads((fitted / "metrics.json").read_text())
    assert not list(run_copy.glob("checkpoint*"))


def test_a_catalogue_that_moved(capsys, run_copy, catalogue, tmp_path):
    moved = write(tmp_path, catalogue.rows, None, "moved.csv")
    success(capsys, "evaluate", run_copy, "--items", moved.items, "--quiet")


@pytest.mark.parametrize("kind", ["text", "category", "id", "fewer", "vectors"])
def test_a_catalogue_that_changed(capsys, catalogue, tmp_path, kind):
    from tests.catalogues import COMMAND_OPTIONS

    rows, vectors = [dict(row) for row in catalogue.rows], catalogue.embeddings.copy()
    files = write(tmp_path, rows, vectors)
    run = tmp_path / "run"
    success(capsys, "fit", *files.arguments, "--out", run, *COMMAND_OPTIONS, "--no-baselines")
    before = contents(run)
    if kind == "vectors":
        vectors[3] = vectors[4]
    elif kind == "fewer":
        rows, vectors = rows[:-1], vectors[:-1]
    else:
        # "Root A" becomes a name of the same place in the tree, so that nodes keep their numbers
        rows[2] |= {"text": {"text": "another"}, "id": {"id": "another"}}.get(kind, {})
        if kind == "category":
            rows = [{**row, "path": row["path"] and row["path"].replace("Root A", "Root 0")} for row in rows]
    write(tmp_path, rows, vectors)
    told = failure(capsys, "evaluate", run, "--quiet")
    assert f"{files.items}: found other items, texts, categories or vectors" in told
    assert contents(run) == before


def test_a_catalogue_that_is_gone(capsys, fitted, tmp_path):
    assert "none.csv: found no such file" in failure(
        capsys, "evaluate", fitted, "--items", tmp_path / "none.csv", "--quiet"
    )


def test_undefined_measures_are_null(capsys, run_copy):
    printed = success(capsys, "evaluate", run_copy, "--json", "--quiet")
    assert "NaN" not in printed
    assert np.isfinite(json.loads(printed)["collision_rate"])

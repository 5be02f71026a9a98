import signal
import socket
import subprocess
import sys

import pytest
import torch
from tests.catalogues import COMMAND_OPTIONS
from tests.cli.commands import contents
from tests.torchrun import ENVIRONMENT, ROOT, TORCHRUN, run

from leafcode.cli import main
from leafcode.cli.processes import Place
from leafcode.errors import InputError
from leafcode.serving import RunFolder


def fit_words(catalogue, out):
    return ["fit", *catalogue.arguments, "--out", str(out), *COMMAND_OPTIONS, "--device", "cpu"]


def dying_words(catalogue, out):
    """Of a run whose second process dies in the fifth step of the last phase."""
    step = str(16 + 16 + 5)
    return ["-m", "tests.cli.dying", step, *fit_words(catalogue, out), "--no-baselines"]


def test_the_only_process(monkeypatch):
    for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    place = Place.from_environment()
    assert place == (0, 0, 1)
    assert place.device("cpu") == "cpu"


def test_no_number_in_the_environment(monkeypatch, capsys):
    for name, value in (("RANK", "x"), ("LOCAL_RANK", "1"), ("WORLD_SIZE", "8")):
        monkeypatch.setenv(name, value)
    assert main(["similar", "run", "--id", "a"]) == 2
    assert "RANK: found 'x'" in capsys.readouterr().err


def test_one_of_several(monkeypatch):
    for name, value in (("RANK", "5"), ("LOCAL_RANK", "1"), ("WORLD_SIZE", "8")):
        monkeypatch.setenv(name, value)
    assert Place.from_environment() == (5, 1, 8)


def test_each_process_takes_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("leafcode.cli.processes.pick_device", str)
    place = Place(5, 1, 8)
    assert [place.device(name) for name in ("auto", "cuda", "cpu")] == ["cuda:1", "cuda:1", "cpu"]
    for name in ("cuda:0", "mps"):
        with pytest.raises(InputError, match=f"--device: found {name} for 8 processes"):
            place.device(name)


def test_without_gpus_all_take_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert Place(5, 1, 8).device("auto") == "cpu"
    with pytest.raises(InputError, match="--device: found 'cuda'"):
        Place(5, 1, 8).device("cuda")


def test_only_fit_is_for_several_processes(monkeypatch, capsys, fitted):
    for name, value in (("RANK", "1"), ("LOCAL_RANK", "1"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    assert main(["evaluate", str(fitted)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("leafcode: error in process 1: torchrun: found 2 processes; expected one")


@pytest.mark.slow
def test_a_run_of_two_processes_is_that_of_one(tmp_path, catalogue, fitted):
    done = run(*TORCHRUN, "-m", "leafcode", *fit_words(catalogue, tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("IDs ") == 1, "one process prints"
    assert "Warning" not in done.stderr
    folder, expected = RunFolder(tmp_path / "run"), RunFolder(fitted)
    assert contents(folder.path).keys() == contents(expected.path).keys()
    assert folder.read_ids().equals(expected.read_ids())
    assert folder.read_metrics().keys() == expected.read_metrics().keys()


@pytest.mark.slow
def test_torchrun_ends_the_run_of_a_process_that_dies(tmp_path, catalogue):
    died = run(*TORCHRUN, *dying_words(catalogue, tmp_path / "run"))
    checkpoint = RunFolder(tmp_path / "run").checkpoint
    assert died.returncode == 1
    assert "Root Cause" in died.stderr
    assert "rank      : 1" in died.stderr.split("Root Cause")[1]
    assert "leafcode: process 0 of 2 was ended" in died.stderr
    assert f"with --resume goes on from {checkpoint}" in died.stderr
    assert checkpoint.exists()


@pytest.mark.slow
def test_torchrun_starts_a_run_again_that_resumes(tmp_path, catalogue, fitted):
    words = dying_words(catalogue, tmp_path / "run")
    done = run(*TORCHRUN, "--max-restarts", "1", *words, "--resume")
    assert done.returncode == 0, done.stderr
    assert "leafcode: process 0 of 2 was ended" in done.stderr, "the other one did die"
    assert RunFolder(tmp_path / "run").read_ids().equals(RunFolder(fitted).read_ids())


@pytest.mark.slow
def test_a_process_that_loses_another_says_how_to_go_on(tmp_path, catalogue, fitted):
    """Without torchrun, which would end it."""
    command = [sys.executable, *dying_words(catalogue, tmp_path / "run")]
    with socket.socket() as free:
        free.bind(("localhost", 0))
        shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": str(free.getsockname()[1])}
    processes = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**ENVIRONMENT, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    told = [process.communicate(timeout=600)[1] for process in processes]
    assert [process.returncode for process in processes] == [2, -signal.SIGKILL], told
    assert told[0].startswith("leafcode: error in process 0: Process 0 of 2 lost another one (")
    assert told[0].count("\n") == 1
    assert f"with --resume goes on from {RunFolder(tmp_path / 'run').checkpoint}" in told[0]

    words = fit_words(catalogue, tmp_path / "run")
    assert main([*words, "--no-baselines", "--resume"]) == 0, "in one process"
    assert RunFolder(tmp_path / "run").read_ids().equals(RunFolder(fitted).read_ids())

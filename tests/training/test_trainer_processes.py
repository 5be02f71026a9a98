"""Training in two processes is training in one, with the same batches."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.torchrun import TORCHRUN, run
from tests.training.catalogues import catalogue, trainer_of
from tests.training.processes import RUNS, stop_in_the_midst

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What two processes left, and a checkpoint of one that they went on from."""
    folder = tmp_path_factory.mktemp("two")
    stop_in_the_midst(folder / "of one")
    done = run(*TORCHRUN, "-m", "tests.training.processes", folder)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    return folder


def read(folder, name, rank):
    rest = json.loads((folder / f"{name} {rank}.json").read_text())
    return load_file(folder / f"{name} {rank}.safetensors"), rest


def figures(history):
    """Steps, losses and perplexities, one after the other."""
    return [
        float(figure) for row in history for key in row if key != "phase" for figure in np.ravel(row[key])
    ]


def assert_as_good_as_same(found, result):
    """Equal but for rounding, and in every code."""
    (state, (tree_weight, best_step, history, warnings)), expected = found, result.model.state_dict()
    assert (tree_weight, best_step, warnings) == (result.tree_weight, result.best_step, result.warnings)
    assert [list(row) for row in history] == [list(row) for row in result.history]
    assert [row["phase"] for row in history] == [row["phase"] for row in result.history]
    np.testing.assert_allclose(figures(history), figures(result.history), rtol=1e-5)
    for name, value in expected.items():
        torch.testing.assert_close(state[name], value, rtol=1e-3, atol=1e-4)
    inputs = torch.from_numpy(catalogue()[0])
    codes = result.model.encode(inputs)
    result.model.load_state_dict(state)
    assert torch.equal(result.model.encode(inputs), codes)


@pytest.mark.parametrize("name", RUNS)
def test_two_processes_end_where_one_does(folder, name):
    assert_as_good_as_same(read(folder, name, 0), trainer_of(**RUNS[name]).fit())


@pytest.mark.parametrize("name", [*RUNS, "of one", "revived"])
def test_both_processes_end_with_the_same_bits(folder, name):
    (first, rest), (second, of_second) = read(folder, name, 0), read(folder, name, 1)
    assert rest == of_second
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_two_processes_go_on_from_the_checkpoint_of_one(folder):
    assert_as_good_as_same(read(folder, "of one", 0), trainer_of().fit())


def test_one_process_goes_on_from_the_checkpoint_of_two(folder):
    resumed = trainer_of(checkpoint=folder / "of two").fit()
    state, rest = resumed.model.state_dict(), [resumed.tree_weight, resumed.best_step, resumed.history, []]
    assert_as_good_as_same((state, rest), trainer_of().fit())


def test_processes_that_train_on_other_data_say_so_together(folder):
    told = [json.loads((folder / f"errors {rank}.json").read_text()) for rank in range(2)]
    for errors in told:
        assert errors["other data"].startswith("TrainingError: Processes 1 have a catalogue, settings or a ")


def test_a_process_does_not_wait_for_ever(folder):
    errors = json.loads((folder / "errors 0.json").read_text())
    assert errors["silence"].startswith("LostProcessError: Process 0 of 2 lost another one (")
    assert "imed out" in errors["silence"]

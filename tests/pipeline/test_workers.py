import multiprocessing
import os
import signal
import time
from functools import partial

import pytest
import torch

from leafcode.errors import InputError
from leafcode.pipeline.workers import run_jobs


def work(folder, job):
    """Leaves a file, or fails in one way or another."""
    if job == "input":
        raise InputError("here", "this\nand that", "something else")
    if job == "bug":
        raise ZeroDivisionError("oh")
    if job == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if job == "slow":
        time.sleep(60)
    (folder / str(job)).write_text(f"{os.getpid()} {torch.get_num_threads()}")


def ends(steps):
    return {step.job: step.failure for step in steps if step.ended}


def test_in_this_process(tmp_path):
    steps = list(run_jobs(partial(work, tmp_path), ["a", "input", "bug"], 1))
    assert [(step.job, step.ended) for step in steps] == [
        (job, ended) for job in ("a", "input", "bug") for ended in (False, True)
    ]
    failures = ends(steps)
    assert failures["a"] is None
    assert (failures["input"].message, failures["input"].details) == (
        "here: found this and that; expected something else",
        "",
    )
    assert failures["bug"].message == "ZeroDivisionError: oh"
    assert "in work" in failures["bug"].details
    assert int((tmp_path / "a").read_text().split()[0]) == os.getpid()


def test_nothing_to_do():
    assert list(run_jobs(work, [], 4)) == []


@pytest.mark.slow
def test_one_that_fails_or_dies_takes_no_other_with_it(tmp_path):
    jobs = ["a", "dies", "input", "b", "bug", "c"]
    steps = list(run_jobs(partial(work, tmp_path), jobs, 2))
    assert [step.job for step in steps if not step.ended] == jobs
    failures = ends(steps)
    assert [job for job in jobs if failures[job] is None] == ["a", "b", "c"]
    assert "SIGKILL" in failures["dies"].message
    assert "ZeroDivisionError" in failures["bug"].message
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]
    processes = {int((tmp_path / job).read_text().split()[0]) for job in "abc"}
    assert os.getpid() not in processes
    threads = {int((tmp_path / job).read_text().split()[1]) for job in "abc"}
    assert threads == {max(1, len(os.sched_getaffinity(0)) // 2)}
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_closing_ends_all_processes(tmp_path):
    steps = run_jobs(partial(work, tmp_path), ["slow", "slow", "a"], 2)
    assert [next(steps).ended, next(steps).ended] == [False, False]
    assert len(multiprocessing.active_children()) == 2
    begun = time.monotonic()
    steps.close()
    assert time.monotonic() - begun < 30
    assert multiprocessing.active_children() == []

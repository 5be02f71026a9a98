"""A fit that is killed, whenever that is, ends as one that was left alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.pipeline.fits import fit_files

from leafcode.errors import InputError
from leafcode.serving import RunFolder
from leafcode.training import trainer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, catalogue):
    return fit_files(catalogue.items, tmp_path_factory.mktemp("undisturbed") / "run").folder


def assert_same(folder, expected):
    """The same model, IDs, measures and history, and nothing left over from the way there."""
    assert {path.name for path in folder.path.iterdir()} == {path.name for path in expected.path.iterdir()}
    assert folder.read_ids().equals(expected.read_ids())
    for name in ("model", "taxonomy", "baselines"):
        assert getattr(folder, name).read_bytes() == getattr(expected, name).read_bytes(), name
    assert folder.read_metrics() == expected.read_metrics()
    assert folder.read_history() == expected.read_history()
    assert folder.read_config() == expected.read_config()


class Stopped(BaseException):
    """Not an error that the code under test could catch."""


@pytest.mark.parametrize("writes", [*range(0, 40, 5), 42])
def test_stopped_before_and_after_any_write(tmp_path, catalogue, undisturbed, monkeypatch, writes):
    """Stop at a write, once before it takes effect and once after, then go on; again and again."""
    left = [writes]
    move = Path.replace

    def replace(path, target):
        left[0] -= 1
        if left[0] == -1:
            raise Stopped
        move(path, target)
        if left[0] == -2:
            raise Stopped

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(Stopped):
        fit_files(catalogue.items, tmp_path / "run")
    with pytest.raises(Stopped):
        fit_files(catalogue.items, tmp_path / "run", resume=True)
    run = fit_files(catalogue.items, tmp_path / "run", resume=True)
    assert_same(run.folder, undisturbed)


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path, catalogue, undisturbed):
    """SIGKILL the process after random delays until it ends by itself."""
    rng = np.random.default_rng(0)
    out = tmp_path / "run"
    command = [sys.executable, "-W", "error", "-m", "tests.pipeline.fits", str(catalogue.items), str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    begun = time.monotonic()
    killed, status = 0, None
    delays = rng.uniform(0.0, 2.0, 4).tolist()
    while status != 0:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        if delays:
            _wait_for_folder(process, out)  # imports take longer than training does
            time.sleep(delays.pop())
            process.send_signal(signal.SIGKILL)
        _, err = process.communicate(timeout=120)
        status = process.returncode
        assert status in (0, -signal.SIGKILL), err
        killed += status != 0
        assert time.monotonic() - begun < 300
    assert_same(RunFolder(out), undisturbed)
    assert killed > 0


def _wait_for_folder(process, out):
    """Until the process has come as far as its first checkpoint of this stretch, or has ended."""
    before = _newest(out)
    while process.poll() is None and _newest(out) <= before:
        time.sleep(0.005)


def _newest(out):
    times = [0]
    for path in out.glob("*"):
        try:
            times.append(path.stat().st_mtime_ns)
        except FileNotFoundError:  # a temporary file, or one that was just replaced
            continue
    return max(times)


def test_a_finished_run_is_returned_as_it_is(catalogue, undisturbed, monkeypatch):
    monkeypatch.setattr(trainer.Trainer, "fit", lambda _: pytest.fail("trained again"))
    run = fit_files(catalogue.items, undisturbed.path, resume=True)
    assert run.folder == undisturbed


def test_resume_and_overwrite(catalogue, undisturbed):
    with pytest.raises(InputError, match="found both resume and overwrite"):
        fit_files(catalogue.items, undisturbed.path, resume=True, overwrite=True)
    assert undisturbed.finished


def test_halves_of_files_are_cleared_away(tmp_path, catalogue, undisturbed):
    run = tmp_path / "run"
    run.mkdir()
    (run / ".checkpoint.safetensors.x.tmp").touch()
    (run / ".hidden").touch()
    fit_files(catalogue.items, run)
    (run / ".hidden").unlink()  # not ours, so it is still there
    assert_same(RunFolder(run), undisturbed)

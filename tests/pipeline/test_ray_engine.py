import os
import signal
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leafcode.errors import InputError
from leafcode.pipeline import ray_engine as module
from leafcode.pipeline.part_folder import PartFolder
from leafcode.pipeline.parts import PartJob, list_parts, make_parts
from leafcode.pipeline.ray_engine import TRIES, RayEngine, ray_engine

NAMES = [f"{letter}.parquet" for letter in "abcdef"]


class Died(Exception):
    """What an actor of the stand-in does instead of dying."""


class ActorError(Exception):
    """RayActorError of the stand-in."""


class TaskError(Exception):
    """RayTaskError of the stand-in."""

    def __init__(self, cause):
        super().__init__(str(cause))
        self.cause = cause


class StandIn:
    """Ray in one process: a call happens when its result is asked for, the first one first."""

    exceptions = SimpleNamespace(RayActorError=ActorError, RayTaskError=TaskError)

    def __init__(self, stillborn=()):
        self.stillborn, self.hired, self.killed = stillborn, [], []

    def remote(self, **options):
        assert options == {"max_restarts": 0, "num_cpus": 1}
        return lambda kind: SimpleNamespace(remote=lambda job: self.hire(kind(job)))

    def hire(self, worker):
        dead = len(self.hired) in self.stillborn
        actor = SimpleNamespace(
            __ray_ready__=SimpleNamespace(remote=lambda: lambda: self.begin(dead)),
            make=SimpleNamespace(remote=lambda part: lambda: worker.make(part)),
        )
        self.hired.append(actor)
        return actor

    def begin(self, dead):
        if dead:
            raise Died

    def put(self, value):
        return value

    def wait(self, calls, num_returns):
        return calls[:1], calls[1:]

    def get(self, call):
        try:
            call()
        except Died:
            raise ActorError("it is gone") from None
        except Exception as error:
            raise TaskError(error) from error

    def kill(self, actor):
        self.killed.append(actor)


@dataclass(frozen=True)
class Troubled:
    """Notes who begins a part; some go wrong as often as is said."""

    log: Path
    troubles: dict
    fingerprint: str = "copy"

    def __call__(self, items):
        with (self.log / items.name).open("a") as log:
            log.write(f"{os.getpid()}\n")
        error, times = self.troubles.get(items.name[0], (None, 0))
        if len(self.begun(items.name)) <= times:
            if error == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            raise error
        return pq.ParquetFile(items).read()

    def begun(self, name):
        """By which processes."""
        return (self.log / name).read_text().split()


@pytest.fixture
def job(tmp_path):
    """Makes a job in which some parts go wrong: the error, and how often."""
    items = PartFolder.open(str(tmp_path / "in"))
    for name in NAMES:
        items.write(name, pa.table({"name": [name] * 3, "row": [1, 2, 3]}), {})
    (tmp_path / "log").mkdir()

    def make(**troubles):
        out = PartFolder.open(str(tmp_path / "out"))
        inputs, parts = list_parts(str(tmp_path / "in"), out)
        return PartJob(Troubled(tmp_path / "log", troubles), inputs, out), parts

    return make


def check_whole(job):
    """Every part is there, and in it every row once."""
    assert [part.name for part in job.outputs.parts()] == NAMES
    for name in NAMES:
        rows = job.outputs.read(name)
        assert rows["name"].to_pylist() == [name] * 3
        assert rows["row"].to_pylist() == [1, 2, 3]


def stand_in(monkeypatch, workers=2, **options):
    ray = StandIn(**options)
    monkeypatch.setattr(module, "_import_ray", lambda: ray)
    return ray, RayEngine("cpu", workers, progress=False)


@pytest.mark.parametrize("workers", [1, 2, 6, 50])
def test_what_goes_wrong_is_done_again(monkeypatch, job, workers):
    ray, engine = stand_in(monkeypatch, workers, stillborn=[0])
    doing, parts = job(b=(Died(), 1), c=(OSError("away"), TRIES - 1), f=(Died(), TRIES - 1))
    make_parts(engine, doing, parts)
    check_whole(doing)
    begun = Counter({name[0]: len(doing.work.begun(name)) for name in NAMES})
    assert begun == {"a": 1, "b": 2, "c": TRIES, "d": 1, "e": 1, "f": TRIES}
    assert len(ray.hired) == min(workers, 6) + 1 + TRIES  # one more for each that died
    assert {id(actor) for actor in ray.hired} == {id(actor) for actor in ray.killed}


@pytest.mark.parametrize(
    ("error", "raised", "told", "times"),
    [
        (Died(), InputError, r"in/d\.parquet: found a worker that died 4 times \(it is gone\)", TRIES),
        (OSError("the disk is away"), OSError, "the disk is away", TRIES),
        (InputError("row 1", "nothing", "a text"), InputError, "row 1: found nothing", 1),
        (ZeroDivisionError("a bug"), TaskError, "a bug", 1),
    ],
)
def test_what_goes_wrong_for_good_ends_the_job(monkeypatch, job, error, raised, told, times):
    ray, engine = stand_in(monkeypatch)
    doing, parts = job(d=(error, 99))
    with pytest.raises(raised, match=told):
        make_parts(engine, doing, parts)
    assert len(doing.work.begun("d.parquet")) == times
    assert {id(actor) for actor in ray.hired} == {id(actor) for actor in ray.killed}
    make_parts(engine, *job())
    check_whole(doing)
    assert [len(doing.work.begun(name)) for name in ("a.parquet", "d.parquet")] == [1, times + 1]


def test_workers_that_cannot_start(monkeypatch, job):
    ray, engine = stand_in(monkeypatch, stillborn=range(99))
    with pytest.raises(InputError, match=r"a new worker: found a worker that died 4 times"):
        make_parts(engine, *job())
    assert len(ray.hired) == 2 + TRIES - 1


def test_bad_starts_count_only_in_a_row(monkeypatch, job):
    ray, engine = stand_in(monkeypatch, workers=1, stillborn=[0, 1, 2, 4, 5, 6])
    doing, parts = job(e=(Died(), 1))
    make_parts(engine, doing, parts)
    check_whole(doing)
    assert len(ray.hired) == 8


def test_without_ray(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"no package ray.*pip install 'leafcode\[ray\]'"), ray_engine():
        pass


@pytest.fixture(scope="module")
def cluster():
    """Two cores, which the engines of this module share."""
    ray = pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_worker_niceness", "0")  # as quick as the rest of the tests
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        yield
        ray.shutdown()


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_no_row_and_doubles_none(cluster, job):
    doing, parts = job(b=("kill", 1), c=(OSError("away"), 1))
    with ray_engine(progress=False) as engine:
        assert (engine.device, engine.workers) == ("cpu", 2)
        make_parts(engine, doing, parts)
    check_whole(doing)
    begun = {name: doing.work.begun(name) for name in NAMES}
    assert [len(workers) for workers in begun.values()] == [1, 2, 2, 1, 1, 1]
    workers = {worker for workers in begun.values() for worker in workers}
    assert 2 <= len(workers) <= 3  # one that lives does many parts
    assert str(os.getpid()) not in workers


@pytest.mark.slow
def test_an_error_arrives_as_it_was_raised(cluster, job):
    doing, parts = job(a=(InputError("row 1", "nothing", "something", "Mend it."), 1))
    with (
        pytest.raises(InputError) as raised,
        ray_engine(progress=False, workers=1) as engine,
    ):
        make_parts(engine, doing, parts)
    assert type(raised.value) is InputError
    assert str(raised.value) == "row 1: found nothing; expected something. Mend it."


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"device": "cuda"}, "'cuda', in a cluster without GPUs"),
        ({"device": "cuda:1"}, "'cuda:1'"),
        ({"workers": 0}, "--workers: found 0"),
    ],
)
def test_options_that_do_not_fit(cluster, options, found):
    with pytest.raises(InputError, match=found), ray_engine(**options):
        pass

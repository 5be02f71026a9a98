import uuid
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs

from leafcode.errors import InputError
from leafcode.pipeline.part_folder import PartFolder
from leafcode.pipeline.parts import LocalEngine, PartJob, list_parts, make_parts

QUIET = LocalEngine(progress=False)
NAMES = ["b.parquet", "day=1/a.parquet", "day=1/c.pq"]


@dataclass(frozen=True)
class Doubled:
    """Doubles a column, and leaves a line for each call."""

    log: Path
    fingerprint: str = "twice"

    def __call__(self, items):
        with self.log.open("a") as log:
            log.write(f"{items.name}\n")
        table = pq.ParquetFile(items).read()
        if table["n"][0].as_py() < 0:
            raise InputError(f"{items}: row 1", "a negative", "a number")
        return pa.table({"n": [2 * n for n in table["n"].to_pylist()]})

    @property
    def calls(self):
        return self.log.read_text().split() if self.log.exists() else []


@pytest.fixture(params=["local", "remote"])
def places(request, tmp_path):
    """The names of two folders: on this machine, or on a filesystem of another kind."""
    if request.param == "local":
        return str(tmp_path / "in"), str(tmp_path / "out")
    root = f"fsspec+memory://{uuid.uuid4().hex}"
    return f"{root}/in", f"{root}/out/"


def fill(place, rows=1):
    folder = PartFolder.open(place)
    for start, name in enumerate(NAMES):
        folder.write(name, pa.table({"n": [10 * start + row for row in range(rows)]}), {})
    return folder


def job(places, work):
    out = PartFolder.open(places[1])
    inputs, parts = list_parts(places[0], out)
    return PartJob(work, inputs, out), parts


def values(folder):
    return {part.name: folder.read(part.name)["n"].to_pylist() for part in folder.parts()}


def test_each_part_once_under_its_own_name(places, tmp_path):
    fill(places[0], rows=2)
    work = Doubled(tmp_path / "log")
    doing, parts = job(places, work)
    assert [part.name for part in parts] == NAMES
    make_parts(QUIET, doing, parts)
    expected = dict(zip(NAMES, ([0, 2], [20, 22], [40, 42]), strict=True))
    assert values(doing.outputs) == expected
    assert work.calls == [Path(name).name for name in NAMES]
    make_parts(QUIET, *job(places, work))
    assert len(work.calls) == 3
    assert values(doing.outputs) == expected


def test_a_changed_file_is_done_again_and_no_other(places, tmp_path):
    folder = fill(places[0])
    work = Doubled(tmp_path / "log")
    make_parts(QUIET, *job(places, work))
    folder.write(NAMES[1], pa.table({"n": [7]}), {})
    doing, parts = job(places, work)
    assert [doing.is_made(part) for part in parts] == [True, False, True]
    make_parts(QUIET, doing, parts)
    assert work.calls[3:] == ["a.parquet"]
    assert values(doing.outputs) == dict(zip(NAMES, ([0], [14], [40]), strict=True))


def test_results_of_other_work_stay(places, tmp_path):
    fill(places[0])
    make_parts(QUIET, *job(places, Doubled(tmp_path / "log")))
    doing, parts = job(places, Doubled(tmp_path / "log", "another model"))
    with pytest.raises(InputError, match=r"out/b\.parquet: found a result of another model"):
        make_parts(QUIET, doing, parts)
    assert values(doing.outputs)["b.parquet"] == [0]


def test_files_of_another_origin_stay(places, tmp_path):
    fill(places[0])
    out = PartFolder.open(places[1])
    out.write("b.parquet", pa.table({"n": [1]}), {})
    with out.filesystem.open_output_stream(f"{out.path}/b.parquet") as sink:
        pq.write_table(pa.table({"n": [1]}), sink)
    with pytest.raises(InputError, match=r"b\.parquet: found a Parquet file of another origin"):
        make_parts(QUIET, *job(places, Doubled(tmp_path / "log")))
    with out.filesystem.open_output_stream(f"{out.path}/b.parquet") as sink:
        sink.write(b"PAR1 and no more")
    with pytest.raises(InputError, match=r"b\.parquet: found content that cannot be read"):
        make_parts(QUIET, *job(places, Doubled(tmp_path / "log")))


def test_one_that_fails_leaves_those_before_it_and_goes_on_later(places, tmp_path):
    folder = fill(places[0])
    folder.write(NAMES[1], pa.table({"n": [-1]}), {})
    work = Doubled(tmp_path / "log")
    doing, parts = job(places, work)
    with pytest.raises(InputError, match=r"in/day=1/a\.parquet: row 1: found a negative"):
        make_parts(QUIET, doing, parts)
    assert values(doing.outputs) == {"b.parquet": [0]}
    folder.write(NAMES[1], pa.table({"n": [1]}), {})
    make_parts(QUIET, *job(places, work))
    assert work.calls == ["b.parquet", "a.parquet", "a.parquet", "c.pq"]


def test_halves_of_killed_processes_are_no_parts_and_go(places, tmp_path):
    fill(places[0])
    out = PartFolder.open(places[1])
    out.filesystem.create_dir(f"{out.path}/day=1", recursive=True)
    half = f"{out.path}/day=1/.a.parquet.1f.tmp"
    with out.filesystem.open_output_stream(half) as sink:
        sink.write(b"half")
    doing, parts = job(places, Doubled(tmp_path / "log"))
    make_parts(QUIET, doing, parts)
    assert out.filesystem.get_file_info(half).type == fs.FileType.NotFound
    assert list(values(out)) == NAMES


def test_a_file_alone(tmp_path, monkeypatch):
    fill(str(tmp_path / "in"))
    monkeypatch.chdir(tmp_path / "in")
    for place in ("b.parquet", str(tmp_path / "in" / "b.parquet"), (tmp_path / "in/b.parquet").as_uri()):
        folder, parts = list_parts(place, PartFolder.open("out"))
        assert ([part.name for part in parts], folder.path) == (["b.parquet"], str(tmp_path / "in"))
        assert parts[0].size == Path("b.parquet").stat().st_size


@pytest.mark.parametrize(
    ("items", "out", "found"),
    [
        ("none", "out", "no Parquet file"),
        ("empty", "out", "no Parquet file"),
        ("in/notes.txt", "out", "no Parquet file"),
        ("in", "in/ids", "a folder among the items"),
        ("in", "in", "a folder among the items"),
        ("in/day=1", "in", "b.parquet, which no file of in/day=1 has made"),
        ("nonsense://in", "out", "a place that cannot be opened"),
    ],
)
def test_places_that_cannot_be_used(tmp_path, monkeypatch, items, out, found):
    monkeypatch.chdir(tmp_path)
    fill("in")
    Path("in/notes.txt").touch()
    Path("empty").mkdir()
    with pytest.raises(InputError, match=f"found {found}"):
        list_parts(items, PartFolder.open(out))


def test_results_that_this_machine_does_not_see(tmp_path):
    fill(str(tmp_path / "in"))
    places, work = (str(tmp_path / "in"), str(tmp_path / "out")), Doubled(tmp_path / "log")

    class Elsewhere:
        device = "cpu"

        def __call__(self, job, parts):
            QUIET(job, parts[1:])

    for _ in range(2):  # without the file, and with one made of other items
        with pytest.raises(InputError, match=r"out/b\.parquet: found no file, or an older one"):
            make_parts(Elsewhere(), *job(places, work))
        make_parts(QUIET, *job(places, work))
        make_parts(Elsewhere(), *job(places, work))
        fill(places[0], rows=2)

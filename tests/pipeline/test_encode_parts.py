import dataclasses
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.catalogues import DIM, clustered
from tests.cli.commands import contents

from leafcode.catalog import read_catalog
from leafcode.errors import InputError
from leafcode.pipeline import CatalogSource, Run, encode_parts
from leafcode.pipeline.part_folder import PartFolder
from leafcode.pipeline.parts import LocalEngine
from leafcode.pipeline.ray_engine import ray_engine

SOURCE = CatalogSource("", text_columns=("text",), embedding_column="v")
QUIET = LocalEngine(progress=False)


def items(rows, vectors):
    """As a table with the vectors in a column."""
    ids = [row["id"] for row in rows]
    return pa.table({"id": ids, "text": [row["text"] for row in rows], "v": vectors.tolist()})


def split(table, folder, ends):
    """Write a table as several files, one for each end; the last one in a folder of its own."""
    start = 0
    for number, end in enumerate(ends):
        name = f"part-{number}.parquet" if number < len(ends) - 1 else "z=1/part.parquet"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.slice(start, end - start), path)
        start = end


@pytest.fixture
def table():
    """Ninety items, twenty of which the run knows, in no order; several share all codes."""
    rows, vectors = clustered(290)
    places = np.random.default_rng(1).permutation(np.r_[0:20, 220:290])
    changed = np.where(np.arange(290) < 5, np.roll(np.arange(290), 50), np.arange(290))
    return items([rows[place] for place in places], vectors[changed][places])


@pytest.fixture
def expected(table, fitted, tmp_path):
    """What one call for one file makes of them: the run's IDs afterwards, and the IDs given."""
    run = Run.open(shutil.copytree(fitted, tmp_path / "alone"))
    pq.write_table(table, tmp_path / "all.parquet")
    given = run.encode(read_catalog(tmp_path / "all.parquet", embedding_column="v"))
    assert len(set(given["semantic_id"].to_pylist())) == 90
    assert max(given["suffix"].to_pylist()) > 3
    return run.folder.read_ids(), given


def read_all(folder):
    out = PartFolder.open(str(folder))
    return pa.concat_tables([out.read(name) for name in sorted(out.names())])


def check(run_folder, out, expected):
    ids, given = expected
    assert read_all(out).equals(given)
    assert Run.open(run_folder).folder.read_ids().equals(ids)


@pytest.mark.parametrize("ends", [[90], [40, 90], [1, 30, 31, 80, 90]])
def test_ids_are_those_of_one_file_however_the_items_are_divided(run_copy, tmp_path, table, expected, ends):
    split(table, tmp_path / "in", ends)
    run, out = Run.open(run_copy), tmp_path / "out"
    for _ in range(2):
        assert encode_parts(run, SOURCE, str(tmp_path / "in"), str(out), QUIET) == 90
        check(run_copy, out, expected)
    names = [part.name for part in PartFolder.open(str(tmp_path / "in")).parts()]
    rows = [len(PartFolder.open(str(out)).read(name)) for name in names]
    assert np.cumsum(rows).tolist() == ends


@pytest.mark.slow
def test_ray_gives_the_same_ids(run_copy, tmp_path, table, expected):
    ray = pytest.importorskip("ray")
    split(table, tmp_path / "in", [20, 50, 90])
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_worker_niceness", "0")
        with ray_engine(workers=1, progress=False) as engine:
            encode_parts(Run.open(run_copy), SOURCE, str(tmp_path / "in"), str(tmp_path / "out"), engine)
        assert not ray.is_initialized()
    check(run_copy, tmp_path / "out", expected)


class Stopped:
    """An engine that is stopped after some parts."""

    device = "cpu"

    def __init__(self, after):
        self.after = after

    def __call__(self, job, parts):
        QUIET(job, parts[: self.after])
        raise KeyboardInterrupt


def test_a_call_that_was_stopped_goes_on(run_copy, tmp_path, table, expected, monkeypatch):
    split(table, tmp_path / "in", [20, 50, 70, 90])
    run, out, before = Run.open(run_copy), tmp_path / "out", contents(run_copy)
    words = (run, SOURCE, str(tmp_path / "in"), str(out))
    with pytest.raises(KeyboardInterrupt):
        encode_parts(*words, Stopped(2))
    assert contents(run_copy) == before
    made = contents(out)
    assert len(made) == 2

    write, written = PartFolder.write, []

    def stopped(self, name, *more):  # once the codes are there, while the IDs are written
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(name)
        write(self, name, *more)

    monkeypatch.setattr(PartFolder, "write", stopped)
    with pytest.raises(KeyboardInterrupt):
        encode_parts(*words, QUIET)
    monkeypatch.undo()
    assert contents(out).items() >= made.items()
    assert encode_parts(*words, QUIET) == 90
    check(run_copy, out, expected)


def test_files_that_come_later_leave_the_ids_of_the_others(run_copy, tmp_path, table):
    split(table, tmp_path / "in", [50, 90])
    (tmp_path / "in" / "z=1").rename(tmp_path / "later")
    words = (Run.open(run_copy), SOURCE, str(tmp_path / "in"), str(tmp_path / "out"), QUIET)
    assert encode_parts(*words) == 50
    first = read_all(tmp_path / "out")
    (tmp_path / "later").rename(tmp_path / "in" / "z=1")
    assert encode_parts(*words) == 90
    assert read_all(tmp_path / "out").slice(0, 50).equals(first)


def test_an_id_in_two_files(run_copy, tmp_path, table):
    split(table, tmp_path / "in", [40, 90])
    again = table.slice(45, 1).set_column(0, "id", table["id"].slice(7, 1))
    pq.write_table(pa.concat_tables([table.slice(40, 3), again]), tmp_path / "in/z=1/part.parquet")
    before = contents(run_copy)
    found = r"in/z=1/part\.parquet: row 4: found 'sku\d+' twice, first in .*in/part-0\.parquet: row 8"
    with pytest.raises(InputError, match=found):
        encode_parts(Run.open(run_copy), SOURCE, str(tmp_path / "in"), str(tmp_path / "out"), QUIET)
    assert contents(run_copy) == before


def test_ids_of_another_model_or_origin_stay(run_copy, tmp_path, table):
    split(table, tmp_path / "in", [40, 90])
    run, out = Run.open(run_copy), tmp_path / "out"
    encode_parts(run, SOURCE, str(tmp_path / "in"), str(out), QUIET)
    before = contents(tmp_path)
    other = dataclasses.replace(SOURCE, text_columns=())
    with pytest.raises(InputError, match=r"part-0\.parquet: found a result of another model or of other opt"):
        encode_parts(run, other, str(tmp_path / "in"), str(out), QUIET)
    with run.folder.model.open("ab") as file:
        file.write(b" ")
    with pytest.raises(InputError, match=r"part-0\.parquet: found a result of another model"):
        encode_parts(run, SOURCE, str(tmp_path / "in"), str(out), QUIET)
    assert contents(out) == {name[4:]: held for name, held in before.items() if name.startswith("out/")}
    with pytest.raises(InputError, match="another origin"):
        encode_parts(run, SOURCE, str(out / "_codes"), str(tmp_path / "in"), QUIET)


def test_vectors_of_another_dimension(run_copy, tmp_path, table):
    vectors = pa.array(np.ones((90, DIM + 1)).tolist())
    split(table.set_column(2, "v", vectors), tmp_path / "in", [40, 90])
    with pytest.raises(InputError, match=rf"part-0\.parquet: column 'v': found vectors of {DIM + 1} dim"):
        encode_parts(Run.open(run_copy), SOURCE, str(tmp_path / "in"), str(tmp_path / "out"), QUIET)

import uuid

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leafcode.errors import InputError
from leafcode.pipeline.part_folder import PartFolder

TABLE = pa.table({"n": [1, 2]}, metadata={"units": "kg"})


@pytest.fixture(params=["local", "remote"])
def folder(request, tmp_path):
    """On this machine, or on a filesystem of another kind."""
    if request.param == "local":
        return PartFolder.open(str(tmp_path))
    return PartFolder.open(f"fsspec+memory://{uuid.uuid4().hex}")


def test_hidden_files_and_folders_are_no_parts(folder):
    assert folder.names() == set()
    names = ["z.parquet", "day=1/a.pq", "day=1/b.parquet"]
    for name in [*names, "_codes/x.parquet", ".old/x.parquet", "day=1/_x.parquet", "x.txt"]:
        folder.write(name, TABLE, {})
    assert folder.names() == set(names)
    assert [part.name for part in folder.parts()] == sorted(names)
    assert folder.below("_codes").names() == {"x.parquet"}


def test_only_halves_of_the_named_files_are_removed(folder):
    kept = [
        "a.parquet",
        ".mine.tmp",
        "day=1/.a.parquet.x.tmp",
        ".a.parquet.tmp",
        "day=2/.b.parquet.x.parquet",
    ]
    for name in [*kept, ".a.parquet.x1.tmp", "day=2/.b.parquet.x.tmp"]:
        folder.filesystem.create_dir(f"{folder.path}/{name}".rpartition("/")[0], recursive=True)
        with folder.filesystem.open_output_stream(f"{folder.path}/{name}") as file:
            file.write(b"half")
    folder.remove_halves({"a.parquet", "day=2/b.parquet"})
    assert set(folder._files()) == set(kept)


def test_what_is_written_comes_back_with_its_mark(folder):
    assert folder.read_mark("a.parquet") is None
    folder.write("a.parquet", TABLE, {"model": "m", "size": 3})
    assert folder.read_mark("a.parquet") == {"model": "m", "size": 3}
    found = folder.read("a.parquet")
    assert found.equals(TABLE)
    assert found.schema.metadata[b"units"] == b"kg"
    with folder.local("a.parquet") as path:
        assert path.name == "a.parquet"
        assert pq.ParquetFile(path).read().equals(TABLE)


def test_a_part_is_another_once_its_file_has_changed(folder):
    folder.write("a.parquet", TABLE, {})
    before = folder.parts()
    assert folder.parts() == before
    folder.write("a.parquet", pa.table({"n": [1, 3]}, metadata={"units": "kg"}), {})
    assert folder.parts() != before


def test_errors_name_the_place_and_not_the_copy(folder):
    folder.write("day=1/a.parquet", TABLE, {})
    with (
        pytest.raises(InputError, match=r"day=1/a\.parquet: row 1: found x") as raised,
        folder.local("day=1/a.parquet") as path,
    ):
        raise InputError(f"{path}: row 1", "x", "y")
    assert raised.value.where.startswith(folder.place)


def test_unknown_filesystems():
    with pytest.raises(InputError, match="nonsense://x: found a place that cannot be opened"):
        PartFolder.open("nonsense://x")

import errno
import json
import math
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from leafcode.errors import InputError, RunFolderError
from leafcode.serving import storage

TABLE = pa.table({"a": [1, None], "b": ["x", "é"]})
TENSORS = {"w": torch.arange(6.0).reshape(2, 3), "n": torch.tensor(3)}

# Per format: how it is written and read, and two different values.
FORMATS = {
    "json": (storage.write_json, storage.read_json, {"a": [1, None]}, {"a": 2}),
    "parquet": (storage.write_table, storage.read_table, TABLE, TABLE.slice(1)),
    "safetensors": (storage.write_tensors, storage.read_tensors, TENSORS, {"w": torch.zeros(5000)}),
}


def same(a, b):
    if isinstance(a, dict) and any(isinstance(value, torch.Tensor) for value in a.values()):
        return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
    return a == b


@pytest.fixture(params=FORMATS)
def form(request):
    return FORMATS[request.param]


def test_round_trip(tmp_path, form):
    write, read, value, other = form
    for wanted in (value, other):
        write(tmp_path / "file", wanted)
        assert same(read(tmp_path / "file"), wanted)


def test_a_full_disk_leaves_the_file_whole(tmp_path, form, monkeypatch):
    write, read, value, other = form
    write(tmp_path / "file", value)

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        InputError, match=r"file: found a file that cannot be written .*No space left.*is unchanged"
    ):
        write(tmp_path / "file", other)
    assert same(read(tmp_path / "file"), value)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_disk_that_fills_up_while_it_is_written_to(tmp_path, form):
    resource = pytest.importorskip("resource")  # Unix: a largest file size stands in for a full disk
    write, read, value, _ = form
    write(tmp_path / "file", value)
    text = "".join(map(chr, np.random.default_rng(0).integers(65, 10_000, 20_000)))
    large = {"json": text, "parquet": pa.table({"a": [text]}), "safetensors": {"w": torch.zeros(20_000)}}
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, before[1]))
    try:
        with pytest.raises(InputError, match=r"file: found a file that cannot be written .*File too large"):
            write(tmp_path / "file", large[next(name for name in FORMATS if FORMATS[name] is form)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert same(read(tmp_path / "file"), value)
    assert len(list(tmp_path.iterdir())) == 1


def test_files_are_readable_as_the_umask_says(tmp_path, form):
    write, _, value, _ = form
    before = os.umask(0o022)
    try:
        write(tmp_path / "file", value)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_missing_files_and_folders(tmp_path, form):
    _, read, _, _ = form
    with pytest.raises(RunFolderError, match=r"file: found no such file; expected .* written by leafcode"):
        read(tmp_path / "file")
    with pytest.raises(RunFolderError, match=r"found no folder '.*none'"):
        read(tmp_path / "none" / "file")


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.95])
def test_truncated_files(tmp_path, form, keep):
    write, read, _, other = form
    path = tmp_path / "file"
    write(path, other)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data.rstrip()) * keep)])
    with pytest.raises(RunFolderError, match=r"file: found a damaged file"):
        read(path)


def test_a_folder_named_like_a_partition_adds_no_column(tmp_path):
    folder = tmp_path / "seed=3"
    folder.mkdir()
    storage.write_table(folder / "t.parquet", TABLE)
    assert storage.read_table(folder / "t.parquet").equals(TABLE)


@given(
    st.recursive(
        st.floats() | st.text() | st.booleans(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_is_strict_and_nan_is_null(tmp_path_factory, value):
    def contains(predicate, item):
        if isinstance(item, dict):
            return any(contains(predicate, one) for one in item.values())
        if isinstance(item, list):
            return any(contains(predicate, one) for one in item)
        return isinstance(item, float) and predicate(item)

    def nulled(item):
        if isinstance(item, dict):
            return {key: nulled(one) for key, one in item.items()}
        if isinstance(item, list):
            return [nulled(one) for one in item]
        return None if isinstance(item, float) and math.isnan(item) else item

    path = tmp_path_factory.getbasetemp() / "value.json"
    if contains(math.isinf, value):
        with pytest.raises(RunFolderError, match="a value that JSON cannot hold"):
            storage.write_json(path, value)
    else:
        storage.write_json(path, value)
        assert storage.read_json(path) == nulled(value)
        json.loads(path.read_text(), parse_constant=pytest.fail)  # called for NaN and Infinity


def test_json_of_numpy_values_and_other_keys(tmp_path):
    value = {1: np.float32(0.5), "a": np.array([1, 2]), "b": (np.nan, np.int64(3)), "c": Path("x") / "y"}
    storage.write_json(tmp_path / "v.json", value)
    assert storage.read_json(tmp_path / "v.json") == {"1": 0.5, "a": [1, 2], "b": [None, 3], "c": "x/y"}


def test_values_that_json_does_not_have(tmp_path):
    with pytest.raises(RunFolderError, match=r"v\.json: found a value that JSON cannot hold"):
        storage.write_json(tmp_path / "v.json", {"a": object()})
    assert not list(tmp_path.iterdir())


def test_tensors_that_share_memory_or_do_not_lie_in_order(tmp_path):
    base = torch.arange(6.0).reshape(2, 3)
    tensors = {"a": base, "b": base.T, "c": base[1], "d": torch.nn.Parameter(base)}
    storage.write_tensors(tmp_path / "t", tensors)
    assert same(storage.read_tensors(tmp_path / "t"), tensors)

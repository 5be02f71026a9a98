import sqlite3

import numpy as np
import pytest

from leafcode.catalog import VectorCache
from leafcode.errors import InputError


def test_round_trip_over_many_queries(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(1201, 3)).astype(np.float32)
    keys = [str(i).encode() for i in range(len(vectors))]
    with VectorCache(tmp_path / "new" / "folder", "model") as cache:
        assert cache.read(keys)[0] is None
        cache.write(keys[::2], vectors[::2])
    with VectorCache(tmp_path / "new" / "folder", "model") as cache:
        found, known = cache.read(keys)
        np.testing.assert_array_equal(known, np.arange(len(keys)) % 2 == 0)
        np.testing.assert_array_equal(found[known], vectors[::2])
        cache.write(keys, -vectors)
        np.testing.assert_array_equal(cache.read(keys[5:8])[0], -vectors[5:8])
        assert cache.read([])[0] is None


def test_models_do_not_mix(tmp_path):
    with VectorCache(tmp_path, "a") as a, VectorCache(tmp_path, "b") as b:
        a.write([b"k"], np.ones((1, 2), np.float32))
        assert b.read([b"k"])[1].tolist() == [False]


def test_two_connections_share_a_file(tmp_path):
    with VectorCache(tmp_path, "a") as one, VectorCache(tmp_path, "a") as two:
        one.write([b"k"], np.ones((1, 2), np.float32))
        two.write([b"l"], np.zeros((1, 2), np.float32))
        assert one.read([b"k", b"l"])[1].all()


def test_damaged_files_are_named(tmp_path):
    with VectorCache(tmp_path, "a") as cache:
        path = cache.path
    path.write_bytes(b"no database" * 100)
    with pytest.raises(InputError, match=f"{path.name}: found file is not a database.*delete it"):
        VectorCache(tmp_path, "a")


def test_vectors_of_different_lengths(tmp_path):
    with VectorCache(tmp_path, "a") as cache:
        cache.write([b"k"], np.ones((1, 2), np.float32))
        cache.write([b"l"], np.ones((1, 3), np.float32))
        with pytest.raises(InputError, match="vectors of different lengths"):
            cache.read([b"k", b"l"])


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="a folder that cannot be made"):
        VectorCache(tmp_path / "file", "a")


def test_the_format_on_disk(tmp_path):
    with VectorCache(tmp_path, "a") as cache:
        cache.write([b"k"], np.array([[1.5, -2]], np.float32))
        connection = sqlite3.connect(cache.path)
    rows = connection.execute("SELECT key, vector FROM vectors").fetchall()
    connection.close()
    assert rows == [(b"k", np.array([1.5, -2], "<f4").tobytes())]

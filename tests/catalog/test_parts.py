from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leafcode.catalog import read_catalog, read_catalog_parts
from leafcode.errors import InputError

ROWS = [
    {"id": "007", "name": "Sea salt", "path": "Pantry > Salt"},
    {"id": "8", "name": " Soap ", "path": None},
    {"id": "9", "name": "Milk", "path": "Dairy"},
]
COLUMNS = {"text_columns": ("name",), "path_column": "path"}


@pytest.fixture
def folder(tmp_path):
    """Two items in one file and one in another, with vectors beside."""
    for name, rows in (("a", ROWS[:2]), ("b", ROWS[2:])):
        vectors = np.full((len(rows), 2), len(rows), np.float16)
        np.save(tmp_path / f"{name}.npy", vectors)
        table = pa.Table.from_pylist(rows).append_column("v", pa.array(vectors.astype(float).tolist()))
        pq.write_table(table, tmp_path / f"{name}.parquet")
    return tmp_path


@pytest.mark.parametrize("rows", [1, 2, 100])
def test_read_by_parts(folder, rows):
    whole = read_catalog(folder, **COLUMNS, embeddings_file=folder)
    parts = list(read_catalog_parts(folder, **COLUMNS, embeddings_file=folder, rows=rows))
    assert pa.concat_arrays([part.catalog.ids for part in parts]).equals(whole.ids)
    assert [text for part in parts for text in part.catalog.texts] == whole.texts
    vectors = np.concatenate([part.catalog.embeddings for part in parts])
    np.testing.assert_array_equal(vectors, np.asarray(whole.embeddings))
    paths = [
        None if node < 0 else part.catalog.taxonomy.keys[node]
        for part in parts
        for node in part.catalog.nodes.tolist()
    ]
    assert paths == [None if node < 0 else whole.taxonomy.keys[node] for node in whole.nodes.tolist()]
    assert max(len(part.catalog) for part in parts) <= rows


def test_a_part_names_the_row_of_its_file(folder):
    np.save(folder / "a.npy", [[1.0, 2.0], [0.0, 0.0]])
    with pytest.raises(InputError, match=r"a\.npy: row 2: found zeros only"):
        list(read_catalog_parts(folder, **COLUMNS, embeddings_file=folder, rows=1))
    pq.write_table(pa.Table.from_pylist([ROWS[0], ROWS[1] | {"name": ""}]), folder / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet: column 'name': row 2 \(id '8'\): found no text"):
        list(read_catalog_parts(folder, **COLUMNS, rows=1))


def test_vectors_in_a_column(folder):
    parts = read_catalog_parts(folder, **COLUMNS, embedding_column="v", rows=1)
    assert [part.catalog.embeddings.tolist() for part in parts] == [[[2, 2]], [[2, 2]], [[1, 1]]]
    pq.write_table(pa.table({"id": ["7", "8"], "v": [[1.0, 1.0], [0.0, 0.0]]}), folder / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet: column 'v': row 2: found zeros only"):
        list(read_catalog_parts(folder, text_columns=(), embedding_column="v", rows=1))


def test_too_many_vectors_are_told_before_anything_is_read(folder):
    np.save(folder / "all.npy", np.ones((4, 2)))
    with pytest.raises(InputError, match=r"all\.npy: found 4 rows; expected 3, as in .*a\.parquet"):
        next(read_catalog_parts(folder, **COLUMNS, embeddings_file=folder / "all.npy"))


STATUS = Path("/proc/self/status")


def pages_of_files():
    """Resident memory of this process in MiB that is pages of files."""
    (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith("RssFile"))
    return int(line.split()[1]) / 1024


@pytest.mark.skipif(not STATUS.exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("files", [1, 2])
def test_vectors_are_let_go_of_part_by_part(tmp_path, files):
    for number in range(files):
        np.save(tmp_path / f"{number}.npy", np.ones((1 << 16, 512 // files), np.float16))
        ids = pa.array(np.arange(number << 16, (number + 1) << 16)).cast(pa.string())
        pq.write_table(pa.table({"id": ids}), tmp_path / f"{number}.parquet")
    parts = read_catalog_parts(tmp_path, text_columns=(), embeddings_file=tmp_path, rows=1 << 13)
    kept = next(parts).catalog.embeddings
    before, largest = pages_of_files(), 0.0
    for part in parts:
        assert np.isfinite(part.catalog.embeddings).all()
        largest = max(largest, pages_of_files())
    assert largest - before < 20  # of 64
    assert (np.asarray(kept) == 1).all()

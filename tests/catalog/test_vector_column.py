import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leafcode.catalog import vector_column
from leafcode.catalog.vector_column import read_vector_column
from leafcode.errors import InputError


def write(path, vectors, kind):
    pq.write_table(pa.table({"v": pa.array([list(row) for row in vectors], pa.list_(kind))}), path)
    return path


@pytest.mark.parametrize("in_memory", [0, 1 << 20])
@pytest.mark.parametrize(("kind", "dtype"), [(pa.float16(), np.float16), (pa.float64(), np.float32)])
def test_files_follow_one_another(tmp_path, monkeypatch, in_memory, kind, dtype):
    monkeypatch.setattr(vector_column, "_IN_MEMORY", in_memory)
    monkeypatch.setattr(vector_column, "BATCH", 3)
    whole = np.random.default_rng(0).standard_normal((11, 2)).astype(dtype)
    files = [write(tmp_path / f"{start}.parquet", whole[start : start + 7], kind) for start in (0, 7)]
    found = read_vector_column(files, "v", [7, 4])
    assert found.dtype == dtype
    assert isinstance(found, np.memmap) == (in_memory == 0)
    np.testing.assert_array_equal(found, whole)


@pytest.mark.parametrize(
    ("second", "kind", "message"),
    [
        ([[1, 2], [1, 2], [1, 2], [1, 0, 0]], pa.float32(), "row 4: found 3 numbers; expected 2 numbers"),
        ([[1, 2], [1, 2], [1, 2], [0, 0]], pa.float32(), "row 4: found zeros only"),
        ([[1, 2], [1, None]], pa.float32(), "row 2: found a null among the numbers"),
        ([[1, float("nan")]], pa.float32(), "row 1: found a NaN or an infinity"),
        ([[1, 2]], pa.float16(), "found values of type float16; expected float32 as before"),
    ],
)
def test_the_file_and_its_row_are_named(tmp_path, monkeypatch, second, kind, message):
    monkeypatch.setattr(vector_column, "BATCH", 2)
    if kind == pa.float16():
        second = np.array(second, np.float16)
    files = [
        write(tmp_path / "a.parquet", np.ones((3, 2)), pa.float32()),
        write(tmp_path / "b.parquet", second, kind),
    ]
    with pytest.raises(InputError, match=rf"b\.parquet: column 'v'(: )?.*{message}"):
        read_vector_column(files, "v", [3, len(second)])

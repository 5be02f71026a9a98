import datetime
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from leafcode.errors import InputError
from leafcode.taxonomy.readers import (
    coded_column,
    count_rows,
    find_files,
    first_null,
    read_batches,
    read_columns,
    text_column,
)

ROWS = [
    {"id": "007", "text": 'said "hi",\nthen left', "path": "NA > None", "day": "2020-01-31"},
    {"id": "0x1F", "text": "Ünïcode ☕", "path": None, "day": "2021-12-01"},
]


def write(file):
    if file.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), file)
    elif file.suffix == ".csv":
        cells = [["id", "text", "path", "day"], *([row[k] for k in row] for row in ROWS)]
        quoted = (",".join('"' + (c or "").replace('"', '""') + '"' for c in row) for row in cells)
        file.write_text("\n".join(quoted), encoding="utf-8-sig")
    else:
        file.write_text("\n".join(map(json.dumps, ROWS)))
    return file


@pytest.mark.parametrize("name", ["x.parquet", "x.csv", "x.jsonl", "x.json", "x.CSV"])
def test_formats_agree_and_text_stays_text(tmp_path, name):
    file = tmp_path / name.lower()
    write(file)
    if name != name.lower():
        file = file.rename(tmp_path / name)
    table = read_columns(file, ["day", "id", "text", "path", "id"])
    assert table.column_names == ["day", "id", "text", "path"]
    assert table.to_pylist() == [{k: row[k] for k in table.column_names} for row in ROWS]


def test_a_folder_that_looks_like_a_partition_adds_no_column(tmp_path):
    folder = tmp_path / "day=7"
    folder.mkdir()
    file = write(folder / "x.parquet")
    assert read_columns(file, ["day"])["day"].to_pylist() == ["2020-01-31", "2021-12-01"]


def test_dots_in_column_names(tmp_path):
    pq.write_table(pa.table({"item.id": ["a"], "item": [{"id": "b"}]}), tmp_path / "x.parquet")
    assert read_columns(tmp_path / "x.parquet", ["item.id"]).to_pylist() == [{"item.id": "a"}]


@pytest.mark.parametrize("name", ["x.parquet", "x.csv", "x.jsonl"])
class TestErrors:
    def test_no_file(self, tmp_path, name):
        with pytest.raises(InputError, match=f"{name}: found no such file"):
            read_columns(tmp_path / name, ["id"])
        (tmp_path / name).mkdir()
        with pytest.raises(InputError, match=f"{name}: found a folder"):
            read_columns(tmp_path / name, ["id"])

    def test_cut_off(self, tmp_path, name):
        file = write(tmp_path / name)
        file.write_bytes(file.read_bytes()[:-12])
        if name == "x.csv":
            file.write_text("id,text\n1,a\n2,b,c\n")
        with pytest.raises(InputError, match=f"{name}: found content that cannot be read"):
            read_columns(file, ["id"])

    def test_empty(self, tmp_path, name):
        file = tmp_path / name
        file.touch()
        with pytest.raises(InputError, match=name):
            read_columns(file, ["id"])

    def test_missing_column(self, tmp_path, name):
        with pytest.raises(InputError, match=r"found the columns 'id', 'text', .*; .* mean 'path'"):
            read_columns(write(tmp_path / name), ["paths"])


def test_no_rows(tmp_path):
    (tmp_path / "x.csv").write_text("id,text\n")
    with pytest.raises(InputError, match="found no row"):
        read_columns(tmp_path / "x.csv", ["id"])


def test_a_column_that_occurs_twice(tmp_path):
    (tmp_path / "x.csv").write_text("id,id\n1,2\n")
    with pytest.raises(InputError, match="expected one column 'id'"):
        read_columns(tmp_path / "x.csv", ["id"])


def test_unknown_suffix(tmp_path):
    with pytest.raises(InputError, match=r"the suffix '.xlsx'; expected one of .parquet"):
        read_columns(tmp_path / "x.xlsx", ["id"])


def test_json_that_is_no_json_lines(tmp_path):
    (tmp_path / "x.json").write_text('[{"id": 1}, {"id": 2}]')
    with pytest.raises(InputError, match="expected one JSON object per line"):
        read_columns(tmp_path / "x.json", ["id"])


def test_long_json_lines(tmp_path):
    line = json.dumps({"id": "a", "text": "x" * 3_000_000})
    (tmp_path / "x.jsonl").write_text(f"{line}\n{line}\n")
    assert len(read_columns(tmp_path / "x.jsonl", ["text"])) == 2


class TestTextColumn:
    @pytest.mark.parametrize(
        "values",
        [
            pa.array([1, None]),
            pa.array(["1", None]),
            pa.array(["1", None], pa.large_string()),
            pa.array(["1", None], pa.string_view()),
            pa.array(["1", None]).dictionary_encode(),
            pa.array([1, None], pa.uint8()),
        ],
    )
    def test_exact_types(self, values):
        assert text_column(pa.table({"c": values}), "c", "f").to_pylist() == ["1", None]

    def test_all_null(self):
        assert text_column(pa.table({"c": pa.nulls(2)}), "c", "f").to_pylist() == [None, None]

    @pytest.mark.parametrize("values", [[1.5], [True], [datetime.date(2020, 1, 2)]])
    def test_inexact_types_only_on_request(self, values):
        table = pa.table({"c": values})
        with pytest.raises(InputError, match="f: column 'c': found values of type"):
            text_column(table, "c", "f")
        assert text_column(table, "c", "f", numbers=True).to_pylist()[0] in ("1.5", "true", "2020-01-02")

    @pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
    def test_bytes_that_are_no_text(self, kind):
        values = pa.array([b"a", None, b"caf\xe9"], pa.binary() if kind == pa.string() else pa.large_binary())
        table = pa.table({"x": values.view(kind)})
        for read in (lambda: text_column(table, "x", "f"), lambda: coded_column([table], "x", ["f"])):
            with pytest.raises(
                InputError, match=r"f: column 'x': row 3: found the bytes b'caf\\xe9'; expected"
            ):
                read()

    def test_lists_never(self):
        with pytest.raises(InputError, match="list"):
            text_column(pa.table({"c": [[1]]}), "c", "f", numbers=True)

    def test_first_null(self):
        assert first_null(pa.array(["a", None, None])) == 1
        assert first_null(pa.array(["a"])) is None


class TestCodedColumn:
    def test_values_that_no_row_has_are_left_out(self):
        column = pa.DictionaryArray.from_arrays(pa.array([2, None, 0], pa.int8()), ["a", "unused", "b"])
        coded = coded_column([pa.table({"x": column}), pa.table({"x": [7, 8]})], "x", ["one", "two"])
        assert coded.to_pylist() == ["b", None, "a", "7", "8"]
        assert sorted(coded.dictionary.to_pylist()) == ["7", "8", "a", "b"]

    def test_a_column_of_nulls(self):
        coded = coded_column([pa.table({"x": pa.nulls(2)})], "x", ["one"])
        assert coded.to_pylist() == [None, None]
        assert len(coded.dictionary) == 0

    def test_another_type(self):
        with pytest.raises(InputError, match="two: column 'x': found values of type double"):
            coded_column([pa.table({"x": ["a"]}), pa.table({"x": [1.5]})], "x", ["one", "two"])


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_batches_are_the_table_in_pieces(tmp_path, suffix):
    table = pa.table(
        {"id": [str(number) for number in range(7)], "path": ["a", "b", None, "a", "a", "b", None]}
    )
    file = tmp_path / f"items{suffix}"
    if suffix == ".csv":
        pa.csv.write_csv(table, file)
    else:
        pq.write_table(table, file, row_group_size=4)
    batches = list(read_batches(file, ["path", "id"], 3, coded=["path"]))
    assert max(batch.num_rows for batch in batches) <= 3
    assert [row for batch in batches for row in batch.to_pylist()] == [
        {"path": row["path"], "id": row["id"]} for row in table.to_pylist()
    ]
    assert count_rows(file) == 7
    with pytest.raises(InputError, match="expected one column 'x'"):
        list(read_batches(file, ["x"], 3))


def test_files_of_a_folder_are_sorted_and_hidden_ones_left_out(tmp_path):
    for name in ("b.parquet", "a/z.pq", ".x.parquet", "_tmp/y.parquet", "c.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_files(tmp_path) == [tmp_path / "a" / "z.pq", tmp_path / "b.parquet"]
    assert find_files(str(tmp_path / "?.[pc]*")) == [tmp_path / "b.parquet", tmp_path / "c.csv"]
    assert find_files(["x.csv", tmp_path / "a"]) == [Path("x.csv"), tmp_path / "a" / "z.pq"]

import json
import re

import hypothesis
import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from leafcode.errors import InputError
from leafcode.review import Relabelling, copy_relabelled

CHANGES = {1: Relabelling("8", "Pantry > Salt", "Bath > Soap")}
COLUMNS = {"id_column": "id", "label_column": "path", "separator": " > "}


def copied(tmp_path, name, content, changes=CHANGES, **columns):
    source, out = tmp_path / name, tmp_path / f"out-{name}"
    source.write_bytes(content)
    copy_relabelled(source, out, changes, **COLUMNS | columns)
    return out.read_bytes()


def test_csv_rows_that_do_not_change_stay_byte_by_byte(tmp_path):
    content = (
        '"id",path,text\r\n'
        '007,"Pantry > Salt","a ""quoted"" text,\r\nover two lines"\r\n'
        "\r\n"
        "8, Pantry >  Salt ,x y\n"
        "9,,\n"
    )
    wanted = content.replace("8, Pantry >  Salt ,x y", "8,Bath > Soap,x y")
    assert copied(tmp_path, "items.csv", content.encode()) == wanted.encode()


def test_csv_with_a_byte_order_mark(tmp_path):
    content = "\ufeffid,path\n7,Pantry > Öl\n8,Pantry > Salt\n"
    wanted = content.replace("8,Pantry > Salt", "8,Bath > Soap")
    assert copied(tmp_path, "items.csv", content.encode()) == wanted.encode()


def test_tsv(tmp_path):
    assert (
        copied(tmp_path, "items.tsv", b"id\tpath\n7\tA\n8\tPantry > Salt")
        == b"id\tpath\n7\tA\n8\tBath > Soap"
    )


def test_json_lines_that_do_not_change_stay_byte_by_byte(tmp_path):
    lines = [
        b'{"id": 7, "path": "A",  "price": 1.50}\n',
        b"\n",
        b'{"id": 8, "path": "Pantry > Salt", "more": {"a": [1, null]}, "name": "\xc3\xb6"}\r\n',
        b'{"id": 9, "path": null}',
    ]
    before, blank, changed, after = copied(tmp_path, "items.jsonl", b"".join(lines)).splitlines(keepends=True)
    assert [before, blank, after] == [lines[0], lines[1], lines[3]]
    assert json.loads(changed) == json.loads(lines[2]) | {"path": "Bath > Soap"}
    assert changed.endswith(b"\r\n")


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())], ids=str
)
def test_parquet_keeps_types_metadata_and_all_other_columns(tmp_path, kind):
    schema = pa.schema(
        [
            pa.field("id", pa.int64(), nullable=False, metadata={"unit": "none"}),
            ("path", kind),
            ("when", pa.timestamp("us", "UTC")),
            ("vector", pa.list_(pa.float32(), 2)),
        ],
        metadata={"made": "today"},
    )
    rows = [
        {"id": 7, "path": None, "when": 1, "vector": [0.0, 1.0]},
        {"id": 8, "path": "Pantry > Salt", "when": None, "vector": None},
        {"id": 9, "path": "Pantry > Salt", "when": 3, "vector": [2.0, 3.0]},
    ]
    table = pa.Table.from_pylist(rows, schema=schema)
    pq.write_table(table, tmp_path / "items.parquet", row_group_size=2)
    table = pq.read_table(tmp_path / "items.parquet")
    copy_relabelled(tmp_path / "items.parquet", tmp_path / "out.parquet", CHANGES, **COLUMNS)
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.schema.equals(table.schema, check_metadata=True)
    assert found.drop(["path"]).equals(table.drop(["path"]))
    assert found["path"].to_pylist() == [None, "Bath > Soap", "Pantry > Salt"]


def test_whole_numbers_stay_whole_numbers(tmp_path):
    changes = {0: Relabelling("7", "10", "20")}
    keys = {"label_column": "node", "separator": None}
    wanted = b'{"id": 7, "node": 20}\n'
    assert copied(tmp_path, "items.jsonl", b'{"id": 7, "node": 10}\n', changes, **keys) == wanted
    pq.write_table(pa.table({"id": [7], "node": pa.array([10], pa.int16())}), tmp_path / "items.parquet")
    copy_relabelled(tmp_path / "items.parquet", tmp_path / "out.parquet", changes, **COLUMNS | keys)
    found = pq.read_table(tmp_path / "out.parquet")["node"]
    assert (found.type, found.to_pylist()) == (pa.int16(), [20])


@pytest.mark.parametrize("name", ["items.jsonl", "items.parquet"])
@pytest.mark.parametrize("key", ["31-33", "A", "99999999999999999999"])
def test_a_key_that_does_not_fit_the_column_is_told(tmp_path, name, key):
    if name.endswith("jsonl"):
        (tmp_path / name).write_text('{"id": 6, "node": 10}\n{"id": 7, "node": 10}\n')
    else:
        pq.write_table(pa.table({"id": [6, 7], "node": pa.array([10, 10], pa.int16())}), tmp_path / name)
    keys = COLUMNS | {"label_column": "node", "separator": None}
    changes = {1: Relabelling("7", "10", key)}
    with pytest.raises(InputError, match=rf"row 2: found the new category '{key}' of the item '7'"):
        copy_relabelled(tmp_path / name, tmp_path / f"out-{name}", changes, **keys)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_columns_in_another_encoding_stay_byte_by_byte(tmp_path):
    content = "id,path,text\n7,A,Käse\n8,Pantry > Salt,Öl\n9,A,\n".encode("latin-1")
    wanted = content.replace(b"Pantry > Salt", b"Bath > Soap")
    assert copied(tmp_path, "items.csv", content) == wanted
    content = '{"id": "7", "path": "A"}\n{"id": "8", "path": "Pantry > Salt", "t": "Öl"}\n'.encode("latin-1")
    wanted = content.replace(b"Pantry > Salt", b"Bath > Soap")
    assert copied(tmp_path, "items.jsonl", content) == wanted


def test_a_cell_that_is_too_long_for_csv_is_told_and_parquet_holds_it(tmp_path):
    long = "x" * 200_000
    (tmp_path / "items.csv").write_text(f"id,path,text\n7,A,{long}\n8,Pantry > Salt,\n")
    with pytest.raises(InputError, match=r"items\.csv: found a row that cannot be split .*as \.parquet"):
        copy_relabelled(tmp_path / "items.csv", tmp_path / "out.csv", CHANGES, **COLUMNS)
    copy_relabelled(tmp_path / "items.csv", tmp_path / "out.parquet", CHANGES, **COLUMNS)
    assert pq.read_table(tmp_path / "out.parquet")["text"].to_pylist() == [long, None]


def test_from_csv_to_parquet(tmp_path):
    (tmp_path / "items.csv").write_text("id,path,price\n007,A,1.50\n8,Pantry > Salt,\n")
    copy_relabelled(tmp_path / "items.csv", tmp_path / "out.parquet", CHANGES, **COLUMNS)
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert rows[0] == {"id": "007", "path": "A", "price": "1.50"}
    assert rows[1] == {"id": "8", "path": "Bath > Soap", "price": None}


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=6)


@hypothesis.settings(max_examples=25)
@hypothesis.given(rows=st.lists(st.tuples(texts, texts), min_size=1, max_size=6), data=st.data())
def test_any_csv_reads_as_before_but_for_the_change(tmp_path_factory, rows, data):
    folder = tmp_path_factory.mktemp("csv")
    table = pa.table(
        {
            "text": [row[0] for row in rows],
            "id": [f"i{place}" for place in range(len(rows))],
            "path": ["A"] * len(rows),
            "more": [row[1] for row in rows],
        }
    )
    pa.csv.write_csv(table, folder / "items.csv")
    changed = data.draw(st.sets(st.integers(0, len(rows) - 1)))
    changes = {row: Relabelling(f"i{row}", "A", 'B, "c"') for row in changed}
    copy_relabelled(folder / "items.csv", folder / "out.csv", changes, **COLUMNS)
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    kinds = pa.csv.ConvertOptions(column_types=dict.fromkeys(table.column_names, pa.string()))
    before, after = (
        pa.csv.read_csv(folder / name, parse_options=parse, convert_options=kinds)
        for name in ("items.csv", "out.csv")
    )
    assert after.drop(["path"]).equals(before.drop(["path"]))
    assert after["path"].to_pylist() == ['B, "c"' if row in changed else "A" for row in range(len(rows))]


@pytest.mark.parametrize("name", ["items.csv", "items.jsonl", "items.parquet"])
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({1: Relabelling("7", "Pantry > Salt", "B")}, "row 2: found the item"),
        (
            {1: Relabelling("8", "Pantry > Oil", "B")},
            "expected the item '8' in 'Pantry > Oil', as in the audit",
        ),
        ({5: Relabelling("8", "Pantry > Salt", "B")}, "found 2 rows; expected at least 6"),
    ],
)
def test_a_catalogue_that_has_changed_is_refused_and_nothing_is_written(tmp_path, name, changes, named):
    rows = [{"id": "7", "path": "A"}, {"id": "8", "path": "Pantry > Salt"}]
    source = tmp_path / name
    if name.endswith("csv"):
        source.write_text("id,path\n7,A\n8,Pantry > Salt\n")
    elif name.endswith("jsonl"):
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), source)
    with pytest.raises(InputError, match=re.escape(named)):
        copy_relabelled(source, tmp_path / f"out{source.suffix}", changes, **COLUMNS)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("out", "named"),
    [
        ("items.csv", "found the catalogue itself"),
        ("out.jsonl", "found the suffix '.jsonl'; expected .csv, as the catalogue has or .parquet"),
        ("nowhere/out.csv", "found no such folder"),
    ],
)
def test_where_a_copy_cannot_go(tmp_path, out, named):
    (tmp_path / "items.csv").write_text("id,path\n7,A\n8,Pantry > Salt\n")
    with pytest.raises(InputError, match=re.escape(named)):
        copy_relabelled(tmp_path / "items.csv", tmp_path / out, CHANGES, **COLUMNS)


def test_a_column_that_is_missing(tmp_path):
    (tmp_path / "items.csv").write_text("id,path\n7,A\n")
    with pytest.raises(InputError, match="expected one column 'category'"):
        copy_relabelled(
            tmp_path / "items.csv", tmp_path / "o.csv", {}, **COLUMNS | {"label_column": "category"}
        )

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy, read_parent_table

CSV = 'code,parent,title\n011,01,"Growing, of crops"\n01,,Agriculture\n02,"",Fishing\n'
JSON = (
    '{"code": "011", "parent": "01", "title": "Growing, of crops"}\n'
    '{"code": "01", "parent": null, "title": "Agriculture"}\n'
    '{"code": "02", "title": "Fishing"}\n'
)
COLUMNS = {"id_column": "code", "parent_column": "parent", "name_column": "title"}
EXPECTED = Taxonomy.from_parents(
    ["01", "011", "02"], [None, "01", None], ["Agriculture", "Growing, of crops", "Fishing"]
)


@pytest.mark.parametrize(
    ("name", "text"), [("n.csv", CSV), ("n.tsv", CSV), ("n.jsonl", JSON), ("n.ndjson", JSON)]
)
def test_formats_agree(tmp_path, name, text):
    file = tmp_path / name
    if name.endswith(".tsv"):
        text = text.replace('"Growing, of crops"', "Growing; of crops").replace(",", "\t").replace(";", ",")
    file.write_text(text)
    assert read_parent_table(file, **COLUMNS) == EXPECTED


def test_parquet_with_whole_number_ids_and_dictionary_names(tmp_path):
    table = pa.table(
        {
            "id": pa.array([11, 1, 2]),
            "parent_id": pa.array([1, None, None], pa.int32()),
            "name": pa.array(["x", "y", "x"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "n.parquet")
    tree = read_parent_table(str(tmp_path / "n.parquet"), name_column="name")
    assert tree.keys == ("1", "11", "2")
    assert tree.names == ("y", "x", "x")
    assert read_parent_table(tmp_path / "n.parquet").names == tree.keys


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("code,parent,title\na,,A\nb,x,B\n", r"n.csv: row 2: found the parent 'x' of 'b'"),
        ("code,parent,title\na,,A\na,,B\n", r"n.csv: found the id 'a' in rows 1 and 2"),
        ("code,parent,title\na,b,A\nb,a,B\n", r"n.csv: found a cycle of 2"),
        ("code,parent,title\na,,A\nb,a,\n", r"n.csv: row 2: found an empty name"),
        ("code,parent,title\na,,A\n,a,B\n", r"n.csv: row 2: found an empty id"),
        ("code,parents,title\na,,A\n", r"n.csv: found the columns .* Did you mean 'parents'"),
    ],
)
def test_errors_name_file_and_row(tmp_path, text, message):
    (tmp_path / "n.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_parent_table(tmp_path / "n.csv", **COLUMNS)

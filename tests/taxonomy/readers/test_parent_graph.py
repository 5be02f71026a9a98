import json

import pyarrow as pa
import pyarrow.parquet
import pytest

from leafcode.errors import InputError
from leafcode.taxonomy import read_parent_table
from leafcode.taxonomy.readers.parent_graph import read_parent_graph

# NAICS 2017.
CODES = {
    "11": (None, "Agriculture, Forestry, Fishing and Hunting"),
    "111": ("11", "Crop Production"),
    "1111": ("111", "Oilseed and Grain Farming"),
    "112": ("11", "Animal Production and Aquaculture"),
}
NAICS = "".join(
    ["code,up,title\n", *(f'{code},{up or ""},"{title}"\n' for code, (up, title) in CODES.items())]
)


def write(folder, text, name="nodes.csv"):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_the_tree_is_that_of_the_table(tmp_path):
    file = write(tmp_path, NAICS)
    columns = {"id_column": "code", "parent_column": "up", "name_column": "title"}
    graph = read_parent_graph(file, **columns)
    assert graph.taxonomy() == read_parent_table(file, **columns)
    assert graph.places == ("row 1", "row 2", "row 3", "row 4")
    assert read_parent_graph(file, "code", "up").names == graph.ids


def test_several_parents_in_every_kind_of_table(tmp_path):
    rows = [
        {"id": "tea", "parent_id": "food", "name": "Tea", "parent_ids": ["food", "gift"]},
        {"id": "food", "parent_id": None, "name": None, "parent_ids": []},
        {"id": "gift", "parent_id": "", "name": "Gifts", "parent_ids": None},
    ]
    pa.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    write(tmp_path, "".join(json.dumps(row) + "\n" for row in rows), "a.jsonl")
    write(
        tmp_path,
        'id,parent_id,name,parent_ids\ntea,food,Tea,"[""gift"",""food""]"\nfood,,,[]\ngift,,Gifts,\n',
        "a.csv",
    )
    for name in ("a.parquet", "a.jsonl", "a.csv"):
        graph = read_parent_graph(tmp_path / name)
        assert graph.ids == ("tea", "food", "gift")
        assert graph.parents == (("food", "gift"), (), ())
        assert graph.names == ("Tea", "food", "Gifts")


def test_ids_may_be_whole_numbers_in_every_column(tmp_path):
    rows = [
        {"id": 0, "parent_id": None, "parent_ids": None},
        {"id": 1, "parent_id": None, "parent_ids": []},
        {"id": 2, "parent_id": 1, "parent_ids": [0, 1]},
    ]
    pa.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    write(tmp_path, "".join(json.dumps(row) + "\n" for row in rows), "a.jsonl")
    write(tmp_path, 'id,parent_id,parent_ids\n0,,\n1,,[]\n2,1,"[0, 1]"\n', "a.csv")
    for name in ("a.parquet", "a.jsonl", "a.csv"):
        assert read_parent_graph(tmp_path / name).parents == ((), (), ("1", "0"))


def test_faults_are_kept_until_a_tree_is_asked_for(tmp_path):
    graph = read_parent_graph(write(tmp_path, "id,parent_id\na,b\nb,a\nc,nowhere\nc,\n"))
    assert graph.ids == ("a", "b", "c", "c")
    assert graph.parents == (("b",), ("a",), ("nowhere",), ())
    with pytest.raises(InputError, match=r"nodes.csv: row 4: found the id 'c' again, as in row 3"):
        graph.taxonomy()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,parent_id\na,\n,a\n", r"nodes.csv: row 2: column 'id': found no id"),
        (
            "id,parent_id,parent_ids\na,,b;c\n",
            r"column 'parent_ids': row 1: found 'b;c'; expected a list of ids",
        ),
        ("id,parent_id,parent_ids\na,,[1.5]\n", r"row 1: found '\[1.5\]'"),
        ("id,parent_id,parent_ids\na,,[true]\n", r"row 1: found '\[true\]'"),
        ('id,parent_id,parent_ids\na,,"[""""]"\n', r"row 1: found '\[\"\"\]'"),
        ("id,up\na,\n", r"nodes.csv: found the columns 'id', 'up'; expected one column 'parent_id'"),
        ("id,parent_id\n", r"nodes.csv: found no row"),
    ],
)
def test_what_is_no_table_of_categories(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_parent_graph(write(tmp_path, text))

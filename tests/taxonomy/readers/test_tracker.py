import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leafcode.errors import InputError
from leafcode.taxonomy.readers import read_taxonomy

BUGZILLA = """Bug ID,Classification,Product,Component,Summary
1,Components,Core,DOM: Events,"a, b"
2,Components,Core,Layout,c
3,Client Software,Firefox,,d
4,Components,Core,Layout,e
"""
IDS = (
    "Client Software",
    "Client Software :: Firefox",
    "Components",
    "Components :: Core",
    "Components :: Core :: DOM: Events",
    "Components :: Core :: Layout",
)


def write(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_bugzilla_tables(tmp_path):
    graph = read_taxonomy(write(tmp_path, "bugs.csv", BUGZILLA), "tracker")
    assert graph.taxonomy().keys == IDS
    assert graph.places[-1] == "row 3"
    rows = [line.split(",")[:4] for line in BUGZILLA.splitlines()]
    names = ["bug_id", "classification", "product", "component"]
    table = pa.table({name: [row[i] for row in rows[1:]] for i, name in enumerate(names)})
    pq.write_table(table, tmp_path / "bugs.parquet")
    lines = "\n".join(map(json.dumps, table.to_pylist()))
    for file in (
        tmp_path / "bugs.parquet",
        write(tmp_path, "bugs.jsonl", lines),
        write(tmp_path, "bugs.tsv", "\n".join("\t".join(row) for row in rows)),
        write(tmp_path, "list.json", json.dumps(table.to_pylist())),
        write(tmp_path, "rest.json", json.dumps({"bugs": table.to_pylist()})),
    ):
        assert read_taxonomy(file, "tracker").taxonomy().keys == IDS


def test_bugzilla_products(tmp_path):
    products = [
        {"name": "Core", "components": [{"name": "DOM", "id": 1}, {"name": "Layout"}]},
        {"name": "Toolkit"},
    ]
    file = write(tmp_path, "product.json", json.dumps({"products": products}))
    assert read_taxonomy(file, "tracker").ids == ("Core", "Core :: DOM", "Core :: Layout", "Toolkit")


def test_jira_repeats_the_column_of_components(tmp_path):
    header = "Issue key,Project key,Project name,Component/s,Component/s"
    file = write(tmp_path, "jira.csv", f"{header}\nK-1,K,Kafka,clients,streams\nK-2,K,Kafka,,\n")
    graph = read_taxonomy(file, "tracker")
    assert graph.ids == ("Kafka", "Kafka :: clients", "Kafka :: streams")


def test_columns_of_other_names(tmp_path):
    file = write(tmp_path, "a.csv", "Team,Area,Product\nWeb,Login,x\n")
    assert read_taxonomy(file, "tracker", columns=("Team", "Area")).ids == ("Web", "Web :: Login")
    with pytest.raises(InputError, match="expected a column 'team'"):
        read_taxonomy(file, "tracker", columns=("team",))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "Product,Component\nCore,DOM\n,Layout\n", r"a.csv: row 2: found nothing / 'Layout'"),
        ("a.csv", "Product,Component\nCore,DOM\n,\n", r"a.csv: row 2: found no product"),
        ("a.csv", "Product,Component\nCore\n", r"a.csv: row 1: found 1 cells; expected 2"),
        ("a.csv", 'Product,Component\nCore,"DOM\n', r"a.csv: found content that cannot be read"),
        ("a.csv", "Product,Component\n", "found no category"),
        ("a.csv", "Summary\nx\n", "expected a column 'Product' or 'Component'. Name them"),
        ("a.json", "[{]", "a.json: found content that cannot be read"),
        ("a.json", "{}", "a JSON document of another form"),
        ("a.json", '[{"product": 3}]', r"a.json: row 1: found 3; expected a name"),
        (
            "a.json",
            '[{"product": "P", "component": ["A", "B"], "subcomponent": "C"}]',
            r"a.json: row 1: found 'P' / 'A', 'B' / 'C'; expected one category",
        ),
    ],
)
def test_errors_name_the_row(tmp_path, name, text, message):
    with pytest.raises(InputError, match=message):
        read_taxonomy(write(tmp_path, name, text), "tracker")

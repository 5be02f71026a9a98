import json
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.review.audits import ROWS, SALT

import leafcode.audit
from leafcode.audit import KINDS
from leafcode.errors import InputError
from leafcode.review import read_audit


def test_it_holds_what_was_written(audit):
    keys = audit.taxonomy.keys
    assert audit.ids == [row[0] for row in ROWS]
    assert audit.texts == [row[1] for row in ROWS]
    assert KINDS is leafcode.audit.KINDS  # so that a kind has the same number in both
    assert [KINDS[kind] for kind in audit.kinds] == [row[3] for row in ROWS]
    assert [keys[node] for node in audit.given] == [row[4] for row in ROWS]
    assert [keys[node] if node >= 0 else None for node in audit.suggested] == [row[5] for row in ROWS]
    np.testing.assert_allclose(audit.probability, [row[2] for row in ROWS], atol=1e-6)
    assert np.diff(audit.evidence.offsets).tolist() == [2 if row[5] else 0 for row in ROWS]
    assert audit.evidence.ids[:2].to_pylist() == ["8", "9"]


def test_items_are_counted_with_those_beneath(audit):
    for node, key in enumerate(audit.taxonomy.keys):
        beneath = sum(row[4] == key or row[4].startswith(key + " > ") for row in ROWS)
        assert audit.filed[node] == beneath


def test_an_audit_without_findings_on_categories(files):
    (files.folder / "categories.parquet").unlink()
    assert read_audit(files.folder).categories is None


def replace(folder, name, values, file="findings.parquet"):
    table = pq.read_table(folder / file)
    place = table.column_names.index(name)
    pq.write_table(table.set_column(place, name, values), folder / file)


@pytest.mark.parametrize(
    ("name", "row", "value", "named"),
    [
        ("probability", 2, 1.5, "row 3: found 1.5; expected a number in [0, 1]"),
        ("probability", 2, float("nan"), "row 3: found nan"),
        ("probability", 0, None, "row 1: found None"),
        ("kind", 1, "odd", "row 2: found 'odd'; expected one of none, wrong branch"),
        ("path", 1, "Nowhere", "column 'path': row 2: found 'Nowhere'; expected the key of a node"),
        ("path", 0, None, "column 'path': row 1: found None"),
        ("suggested_path", 3, "Nowhere", "column 'suggested_path': row 4: found 'Nowhere'"),
        ("id", 4, "7", "found the id '7', which comes again"),
        ("item", 5, -1, "row 6: found -1; expected the row of an item"),
    ],
)
def test_rows_that_are_wrong_are_named(files, name, row, value, named):
    column = pq.read_table(files.folder / "findings.parquet")[name]
    values = column.to_pylist()
    values[row] = value
    replace(files.folder, name, pa.array(values, column.type))
    with pytest.raises(InputError, match=re.escape(named)):
        read_audit(files.folder)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("id", 7, "text"),
        ("text", 1.5, "text"),
        ("probability", "high", "numbers"),
        ("kind", 3, "text"),
        ("path", 3, "text"),
        ("suggested_path", True, "text"),
        ("item", 1.0, "whole numbers"),
    ],
)
def test_columns_of_another_type_are_named(files, name, value, expected):
    replace(files.folder, name, pa.array([value] * len(ROWS)))
    with pytest.raises(InputError, match=rf"column '{name}': found values of type \w+; expected {expected}"):
        read_audit(files.folder)


@pytest.mark.parametrize(("name", "value"), [("path", 1), ("other_path", 1), ("kind", 1), ("score", "high")])
def test_category_columns_of_another_type_are_named(files, name, value):
    replace(files.folder, name, pa.array([value] * 2), "categories.parquet")
    with pytest.raises(InputError, match=rf"categories.parquet: column '{name}': found values of type"):
        read_audit(files.folder)


@pytest.mark.parametrize(
    "near",
    [
        ["8"],
        [{"id": "8", "similarity": "high", "path": SALT}],
        [{"id": "8", "similarity": 0.5, "path": 1}],
        [{"id": 8, "similarity": 0.5, "path": SALT}],
    ],
)
def test_evidence_of_another_type(files, near):
    replace(files.folder, "neighbors", pa.array([near] * len(ROWS)))
    with pytest.raises(InputError, match="expected lists of structs of id, similarity and path"):
        read_audit(files.folder)


def test_a_category_that_is_not_in_the_tree(files):
    replace(files.folder, "other_path", pa.array([SALT, "Nowhere"]), "categories.parquet")
    with pytest.raises(InputError, match=r"categories.parquet: column 'other_path': row 2: found 'Nowhere'"):
        read_audit(files.folder)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"format": "another"}, "found no audit; expected an audit of format version 1"),
        ({"version": 2}, "found version 2"),
        ({"source": {}}, "expected an object that names the catalogue"),
        ({"source": {"items": "a.csv"}}, "expected a path_column or a category_column"),
    ],
)
def test_an_audit_json_of_another_kind(files, change, named):
    path = files.folder / "audit.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=re.escape(named)):
        read_audit(files.folder)


def test_missing_folder_and_files(files, tmp_path):
    with pytest.raises(InputError, match="found no such folder; expected the folder of an audit"):
        read_audit(tmp_path / "nowhere")
    (files.folder / "findings.parquet").unlink()
    with pytest.raises(InputError, match=r"findings.parquet: found no such file"):
        read_audit(files.folder)

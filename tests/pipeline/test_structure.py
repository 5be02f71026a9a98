import dataclasses
import json
import math

import numpy as np
import pytest

from leafcode.errors import InputError
from leafcode.pipeline import check_taxonomy
from leafcode.taxonomy import Taxonomy
from leafcode.taxonomy.graph import CategoryGraph

PATHS = ["A > x > p", "A > x > q", "A > y", "B"] * 5 + [None]


def test_rows_and_groups_hold_all_that_was_found():
    tree, nodes = Taxonomy.from_paths(PATHS)
    vectors = np.random.default_rng(0).normal(size=(len(PATHS), 3))
    found = check_taxonomy(tree, nodes, vectors, title="Shop", batch_size=12)
    assert [dataclasses.astuple(row) for row in found.data.depths] == [
        (1, 2, 1, 5),
        (2, 2, 1, 5),
        (3, 2, 2, 10),
    ]
    assert found.data.sizes == [("1 item", 0), ("2 to 3", 0), ("4 to 7", 4)]
    assert ("1", "unlabelled") in found.data.facts
    uniform = found.outlook.uniform
    rows = {row.relation: row.uniform for row in found.data.pairs}
    assert rows.pop("siblings") == uniform.siblings
    assert sum(rows.values()) == pytest.approx(uniform.pairs) == 12 * 11 / 2
    assert list(rows) == [
        "same category",
        "two categories that meet at depth 2",
        "two categories that meet at depth 1",
        "no common ancestor",
        "left open",
    ]
    assert sum(len(group.messages) for group in found.data.findings) == len(found.report.findings)
    assert [row.depth for row in found.data.fit] == [row.depth for row in found.report.fit]


def test_undefined_figures_are_null():
    tree, _ = Taxonomy.from_paths(["A"])
    found = check_taxonomy(tree, np.array([-1]))
    assert math.isnan(found.report.spread.effective)
    written = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert written["tree"]["balance"] is None
    assert written["items"]["effective"] is None


def test_without_a_tree(tmp_path):
    graph = CategoryGraph(("a",), (("a",),), ("A",))
    found = check_taxonomy(graph)
    assert (found.outlook, found.data.facts, found.data.number_of("error")) == (None, [], 1)
    found.write(tmp_path / "out")
    assert "No tree" in (tmp_path / "out" / "structure.html").read_text()


def test_the_findings_of_an_audit_in_the_same_folder_stay(tmp_path):
    (tmp_path / "findings.parquet").write_text("of an audit")
    check_taxonomy(Taxonomy.from_paths(["A > x"])[0]).write(tmp_path)
    assert (tmp_path / "findings.parquet").read_text() == "of an audit"


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    found = check_taxonomy(Taxonomy.from_paths(["A > x"])[0])
    with pytest.raises(InputError, match="cannot be made"):
        found.write(tmp_path / "file" / "out")

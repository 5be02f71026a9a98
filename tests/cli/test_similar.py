import json
import re

import pytest
from tests.cli.commands import failure, success


def test_by_id(capsys, fitted, catalogue):
    rows = [
        json.loads(line)
        for line in success(capsys, "similar", fitted, "--id", "sku000", "--json").splitlines()
    ]
    assert len(rows) == 10
    assert list(rows[0]) == ["semantic_id", "shared_prefix", "cosine", "id", "text", "path"]
    assert all(row["id"] != "sku000" for row in rows)
    order = [(-row["shared_prefix"], -round(row["cosine"], 6)) for row in rows]
    assert order == sorted(order)
    root = catalogue.rows[0]["path"].split(" > ")[0]
    assert sum((row["path"] or root).startswith(root) for row in rows) >= 8


def test_the_table(capsys, fitted):
    lines = success(capsys, "similar", fitted, "--id", "sku000", "-k", 3).splitlines()
    assert lines[0].split() == ["semantic_id", "shared_prefix", "cosine", "id", "text", "path"]
    assert len(lines) == 4
    assert all(re.search(r" [01]\.\d{3} ", line) for line in lines[1:])


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--id", "none"], "id: found 'none'; expected the id of one of the 240 items"),
        (["--id", "sku000", "-k", "0"], "k: found 0; expected at least 1"),
        (["a text"], "Look up an item by --id instead"),
        (["a text", "--device", "abacus"], "--device: found 'abacus'|--id"),
    ],
)
def test_queries_that_cannot_be_answered(capsys, fitted, words, named):
    assert re.search(named, failure(capsys, "similar", fitted, *words))

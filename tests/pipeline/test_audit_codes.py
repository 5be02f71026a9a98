import dataclasses

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.pipeline.audits import source_of

from leafcode.errors import RunFolderError
from leafcode.pipeline import AuditOptions, Run, run_audit
from leafcode.pipeline.audit_codes import read_codes


@pytest.fixture
def catalog(catalogue):
    return source_of(catalogue).load(progress=False)


def test_codes_in_the_order_of_the_catalogue(fitted, catalog):
    run = Run.open(fitted)
    order = np.random.default_rng(0).permutation(len(catalog))
    codes = read_codes(run, catalog.subset(order))
    known = {row["id"]: [row["c1"], row["c2"]] for row in run.ids().to_pylist()}
    assert codes.tolist() == [known[identity] for identity in catalog.ids.take(order).to_pylist()]


def test_an_item_without_codes(fitted, catalog):
    stranger = dataclasses.replace(catalog.subset(np.arange(3)), ids=np.array(["sku000", "x", "y"], object))
    with pytest.raises(RunFolderError, match="no ID for 2 items"):
        read_codes(Run.open(fitted), stranger)


def test_columns_of_the_findings(fitted, catalogue, catalog, tmp_path):
    found = run_audit(source_of(catalogue), tmp_path / "a", AuditOptions(run=str(fitted)), progress=False)
    rows = pq.read_table(found.folder.findings).to_pylist()
    codes = read_codes(Run.open(fitted), catalog)
    tree = catalog.taxonomy
    against = [row for row in rows if row["code_path"] is not None]
    assert 0 < len(against) < len(rows) / 2
    assert all(row["code_depth"] is None for row in rows if row["code_path"] is None)
    for row in against:
        item, depth = row["item"], row["code_depth"]
        lengths = [
            np.flatnonzero((codes[:, :length] == codes[item, :length]).all(1) & (catalog.nodes >= 0))
            for length in (2, 1)
        ]
        shared = next(others for others in lengths if len(others) > 5)
        there = tree.ancestors[catalog.nodes[shared[shared != item]], depth - 1]
        node = tree.find(row["code_path"])
        assert tree.depths[node] == depth
        assert (there == node).mean() > 0.5
        assert tree.ancestors[catalog.nodes[item], depth - 1] != node

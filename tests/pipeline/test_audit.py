import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.catalogues import with_several_paths, write
from tests.cli.commands import contents
from tests.pipeline.audits import MOVED, labelled_rows, misfiled, source_of

from leafcode.audit import KINDS, AuditConfig, audit_labels
from leafcode.errors import InputError
from leafcode.pipeline import AuditOptions, CatalogSource, run_audit
from leafcode.review import read_audit
from leafcode.taxonomy import Taxonomy

OPTIONS = AuditOptions(AuditConfig(neighbors=20, seed=3))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return misfiled(tmp_path_factory.mktemp("misfiled"))


@pytest.fixture(scope="module")
def audited(tmp_path_factory, files):
    """An audit; not to be changed."""
    return run_audit(source_of(files), tmp_path_factory.mktemp("audited") / "a", OPTIONS, progress=False)


def test_the_files_hold_what_the_audit_found(files, audited):
    catalog = source_of(files).load(progress=False)
    audit = audit_labels(catalog.embeddings, catalog.nodes, catalog.taxonomy, OPTIONS.config)
    table = pq.read_table(audited.folder.findings)
    assert sorted(table["item"].to_pylist()) == labelled_rows(files)
    place = {int(item): row for row, item in enumerate(audit.items)}
    for finding in table.to_pylist():
        item, row = finding["item"], place[finding["item"]]
        assert finding["id"] == files.rows[item]["id"]
        assert finding["text"] == files.rows[item]["text"]
        assert finding["path"] == files.rows[item]["path"]
        assert finding["probability"] == np.float32(audit.probability[row])
        assert finding["kind"] == KINDS[audit.kind[row]]
        near = finding["neighbors"]
        assert [one["id"] for one in near] == catalog.ids.take(
            audit.neighbors.items[row, : len(near)]
        ).to_pylist()
        assert [one["path"] for one in near] == [files.rows[int(one["id"][3:])]["path"] for one in near]
    probabilities = table["probability"].to_numpy()
    assert (np.diff(probabilities) <= 0).all()
    assert Taxonomy.from_table(pq.read_table(audited.folder.taxonomy)) == catalog.taxonomy


def test_what_was_moved_comes_first(audited):
    table = pq.read_table(audited.folder.findings)
    # Items filed on a root, of which the catalogue has some, are wrong in another way.
    rows = [row["item"] for row in table.to_pylist() if " > " in row["path"]]
    assert set(rows[: len(MOVED)]) == set(MOVED)


def test_the_review_can_read_the_folder(files, audited):
    read = read_audit(audited.folder.path)
    assert len(read) == len(labelled_rows(files))
    assert read.source["items"] == str(files.items)
    assert read.source["path_column"] == "path"


def test_findings_about_categories_are_written(audited):
    table = pq.read_table(audited.folder.categories)
    assert table.num_rows == len(audited.data.tree)
    assert {"kind", "path", "other_path", "score"} <= set(table.column_names)


def test_audit_json_tells_settings_and_figures(audited):
    about = json.loads(audited.folder.summary.read_text())
    assert about["settings"]["neighbors"] == 20
    assert about["summary"]["expected"] == pytest.approx(audited.audit.probability.sum())
    assert about["summary"]["labelled"] == len(audited.audit.items)
    assert sum(about["summary"]["rates"]) == pytest.approx(1)


def test_the_same_again_gives_the_same_files(tmp_path, files, audited):
    run_audit(source_of(files), tmp_path / "b", OPTIONS, progress=False)
    assert contents(tmp_path / "b") == contents(audited.folder.path)


def test_without_texts_the_column_is_null(tmp_path, files):
    source = CatalogSource(
        str(files.items), text_columns=(), path_column="path", embeddings_file=str(files.vectors)
    )
    found = run_audit(source, tmp_path / "c", OPTIONS, progress=False)
    column = pq.read_table(found.folder.findings)["text"]
    assert column.null_count == len(column)
    assert str(column.type) == "string"


def test_a_catalogue_without_categories(tmp_path, files):
    source = CatalogSource(str(files.items), embeddings_file=str(files.vectors))
    with pytest.raises(InputError, match="no categories"):
        run_audit(source, tmp_path / "d", progress=False)
    assert not (tmp_path / "d").exists()


def test_an_earlier_audit_is_replaced_only_if_told_to(tmp_path, files):
    folder = tmp_path / "e"
    run_audit(source_of(files), folder, OPTIONS, progress=False)
    (folder / "review.sqlite").write_text("decisions")
    before = contents(folder)
    with pytest.raises(InputError, match="--overwrite"):
        run_audit(source_of(files), folder, OPTIONS, progress=False)
    assert contents(folder) == before
    run_audit(source_of(files), folder, OPTIONS, overwrite=True, progress=False)
    assert contents(folder) == before


def test_items_of_several_paths_are_refused(tmp_path, files):
    several = write(tmp_path, with_several_paths(files.rows), files.embeddings)
    with pytest.raises(
        InputError, match=r"items.parquet: found several categories of 60 item\(s\); expected one"
    ):
        run_audit(source_of(several), tmp_path / "audit", OPTIONS, progress=False)
    assert not (tmp_path / "audit").exists()

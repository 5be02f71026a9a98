import json

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from tests.review.audits import OILS, SALT, SOAP, write_audit

from leafcode.errors import InputError
from leafcode.review import ACCEPT, CHOOSE, REJECT, DecisionStore, export_review, read_audit


@pytest.fixture
def decided(session):
    session.decide(0, ACCEPT)
    session.decide(1, REJECT)
    session.decide(2, CHOOSE, "Garden")
    return session.decisions()


def test_only_decided_paths_change(audit, files, tmp_path, decided):
    written = export_review(audit, decided, tmp_path / "corrected.csv")
    assert (written.changed, written.decided) == (2, 3)
    before, after = (pa.csv.read_csv(path).to_pylist() for path in (files.items, written.catalogue))
    moved = {
        old["id"]: (old["path"], new["path"]) for old, new in zip(before, after, strict=True) if old != new
    }
    assert moved == {7: (SALT, SOAP), 9: (OILS, "Garden")}
    assert [row | {"path": None} for row in before] == [row | {"path": None} for row in after]


def test_the_decisions_as_a_table(audit, tmp_path, decided):
    written = export_review(audit, decided, tmp_path / "corrected.csv")
    rows = pa.csv.read_csv(written.decisions).to_pylist()
    assert [(row["id"], row["decision"], row["category"]) for row in rows] == [
        (7, "accept", SOAP),
        (8, "reject", SALT),
        (9, "choose", "Garden"),
    ]
    assert rows[1]["text"] == "smoked paprika <b>hot</b>"
    assert {row["reviewer"] for row in rows} == {"ann"}


def test_without_decisions_the_copy_is_the_catalogue(audit, files, tmp_path):
    written = export_review(audit, {}, tmp_path / "corrected.csv")
    assert written.catalogue.read_bytes() == files.items.read_bytes()
    assert pa.csv.read_csv(written.decisions).num_rows == 0


def test_a_catalogue_that_has_moved(audit, files, tmp_path, decided):
    moved = files.items.rename(tmp_path / "elsewhere.csv")
    with pytest.raises(InputError, match=r"items\.csv: found no such file"):
        export_review(audit, decided, tmp_path / "corrected.csv")
    assert export_review(audit, decided, tmp_path / "corrected.csv", items=moved).changed == 2


def test_a_column_of_categories(tmp_path):
    rows = [("7", "soap", 0.9, "wrong branch", SALT, SOAP), ("8", "salt", 0.1, "none", SALT, None)]
    items = tmp_path / "items.parquet"
    files = write_audit(tmp_path / "audit", items=items, rows=rows)
    place = dict(
        zip(
            *(pq.read_table(files.folder / "findings.parquet")[c].to_pylist() for c in ("id", "item")),
            strict=True,
        )
    )
    ids = [next((identity for identity, row in place.items() if row == at), f"other{at}") for at in range(10)]
    pq.write_table(pa.table({"id": ids, "category": [SALT] * 10}), items)
    about = json.loads((files.folder / "audit.json").read_text())
    about["source"] |= {"path_column": None, "category_column": "category"}
    (files.folder / "audit.json").write_text(json.dumps(about))
    audit, store = read_audit(files.folder), DecisionStore(tmp_path / "review.sqlite")
    store.add("7", ACCEPT, SALT, SOAP, "ann")
    export_review(audit, store.current(), tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet")["category"].to_pylist() == [
        SOAP if identity == "7" else SALT for identity in ids
    ]


def test_the_decisions_never_replace_the_catalogue(audit, files, tmp_path, decided):
    items = files.items.rename(tmp_path / "corrected.decisions.csv")
    before = items.read_bytes()
    with pytest.raises(InputError, match=r"corrected\.decisions\.csv: found the catalogue itself"):
        export_review(audit, decided, tmp_path / "corrected.csv", items=items)
    assert items.read_bytes() == before


def test_the_decisions_never_replace_the_corrected_catalogue(audit, tmp_path, decided):
    written = export_review(audit, decided, tmp_path / "decisions.csv")
    assert written.decisions.name == "decisions.decisions.csv"
    assert "path" in pa.csv.read_csv(tmp_path / "decisions.csv").column_names
    other = tmp_path / "other.decisions.csv"
    other.symlink_to("other.csv")
    with pytest.raises(InputError, match="found the catalogue itself"):
        export_review(audit, decided, tmp_path / "other.csv")


def test_a_file_of_decisions_that_is_there_already_stays(audit, tmp_path, decided):
    (tmp_path / "decisions.csv").write_text("of another review")
    export_review(audit, decided, tmp_path / "corrected.csv")
    assert (tmp_path / "decisions.csv").read_text() == "of another review"

import pytest

from leafcode.errors import InputError, RunFolderError
from leafcode.pipeline.audit_folder import AuditFolder
from leafcode.review.audit_folder import FORMAT
from leafcode.serving.storage import write_json


@pytest.fixture
def folder(tmp_path):
    """A folder with an audit in it."""
    made = AuditFolder(tmp_path / "audit")
    made.begin()
    made.findings.write_text("findings")
    write_json(made.summary, {"format": FORMAT, "version": 0})
    return made


@pytest.mark.parametrize("overwrite", [True, False])
def test_new_empty_and_hidden_are_free(tmp_path, overwrite):
    AuditFolder(tmp_path / "new").check(overwrite=overwrite)
    assert not (tmp_path / "new").exists()
    (tmp_path / ".DS_Store").touch()
    (tmp_path / "review.sqlite-wal").touch()
    AuditFolder(tmp_path).check(overwrite=overwrite)


def test_an_audit_of_any_version_may_be_overwritten(folder):
    with pytest.raises(InputError, match="an earlier audit"):
        folder.check(overwrite=False)
    folder.check(overwrite=True)


def test_half_an_audit_may_be_overwritten(folder):
    folder.summary.unlink()
    with pytest.raises(InputError, match="--overwrite"):
        folder.check(overwrite=False)
    folder.check(overwrite=True)


def test_half_an_audit_with_exports_of_its_review_may_be_overwritten(folder):
    folder.begin()
    for name in ("review.sqlite", "corrected.csv", "corrected.decisions.csv"):
        (folder.path / name).touch()
    folder.check(overwrite=True)
    folder.findings.touch()
    folder.check(overwrite=True)
    folder.begin()
    assert len(list(folder.path.iterdir())) == 3


@pytest.mark.parametrize("text", ["{}", "[]", "no JSON", None])
def test_other_files_are_never_overwritten(tmp_path, text):
    (tmp_path / "thesis.txt").touch()
    if text is not None:
        (tmp_path / "audit.json").write_text(text)
    with pytest.raises(RunFolderError, match=r"other files \(thesis.txt\)"):
        AuditFolder(tmp_path).check(overwrite=True)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="no folder that can be used"):
        AuditFolder(tmp_path / "file").check(overwrite=True)
    with pytest.raises(RunFolderError, match="no folder that can be made"):
        AuditFolder(tmp_path / "file").begin()


def test_begin_removes_what_an_audit_wrote_and_nothing_else(folder):
    for name in (".audit.html.abc.tmp", ".notes.abc.tmp", "review.sqlite", "notes.txt"):
        (folder.path / name).touch()
    folder.begin()
    left = sorted(file.name for file in folder.path.iterdir())
    assert left == [".notes.abc.tmp", "notes.txt", "review.sqlite"]

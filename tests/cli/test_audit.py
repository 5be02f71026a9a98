import json
import shutil

import pyarrow.parquet as pq
import pytest
from tests.cli.commands import contents, failure, success

from leafcode.cli import main


@pytest.fixture(scope="module")
def audited(tmp_path_factory, catalogue):
    """A folder of an audit, not to be changed."""
    out = tmp_path_factory.mktemp("audited") / "out"
    assert main(["audit", *catalogue.arguments, "--out", str(out), "--quiet"]) == 0
    return out


def test_what_is_printed(capsys, catalogue, tmp_path, audited):
    out = tmp_path / "out"
    shown = success(capsys, "audit", *catalogue.arguments, "--out", out, "--quiet")
    blocks = shown.split("\n\n")
    assert "228 of 240 items are filed" in blocks[0]
    assert " of 228 items are filed wrongly" in blocks[1]
    assert blocks[2].splitlines()[0].split() == ["kind", "items", "expected", "wrong"]
    assert len(blocks[3].splitlines()) <= 11
    assert str(out / "audit.html") in shown
    assert shown.rstrip().endswith(f"leafcode review {out}")
    assert contents(out) == contents(audited)


def test_options_reach_the_audit(capsys, catalogue, tmp_path):
    words = ["audit", *catalogue.arguments, "--out", tmp_path / "out", "--quiet"]
    success(capsys, *words, "--neighbors", "12", "--seed", "9")
    settings = json.loads((tmp_path / "out" / "audit.json").read_text())["settings"]
    assert (settings["neighbors"], settings["seed"], settings["run"]) == (12, 9, None)


def test_an_earlier_audit_is_kept(capsys, catalogue, audited):
    before = contents(audited)
    words = ["audit", *catalogue.arguments, "--out", audited, "--quiet"]
    assert "--overwrite" in failure(capsys, *words)
    assert contents(audited) == before


def test_mistakes_are_told_in_a_line(capsys, catalogue, tmp_path):
    out = ["--out", tmp_path / "out", "--quiet"]
    assert "neighbors=1" in failure(capsys, "audit", *catalogue.arguments, *out, "--neighbors", "1")
    plain = [catalogue.items, "--embeddings", catalogue.vectors]
    assert "no categories" in failure(capsys, "audit", *plain, *out)
    assert "no such file" in failure(capsys, "audit", tmp_path / "none.csv", "--path", "path", *out)
    run = ["--run", tmp_path / "run"]
    assert "config.json" in failure(capsys, "audit", *catalogue.arguments, *out, *run)
    assert not (tmp_path / "out").exists()


def test_the_review_exports_from_it(capsys, catalogue, audited, tmp_path):
    corrected = tmp_path / "corrected.parquet"
    copy = shutil.copytree(audited, tmp_path / "copy")  # the decisions get a file there
    success(capsys, "review", copy, "--export", corrected)
    assert pq.read_table(corrected).equals(pq.read_table(catalogue.items))

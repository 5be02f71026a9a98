import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.cli.commands import failure, success

from leafcode.cli import main

TREE = "id,parent_id,name\nf,,Food\nt,f,Tea\ns,f,Salt\ni,,Ink\n"
ITEMS = "id,topic,path\n" + "".join(
    f"{n},{key},{path}\n" for n, (key, path) in enumerate([("t", "Food > Tea"), ("s", "Food > Salt")] * 8)
)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "tree.csv").write_text(TREE)
    (tmp_path / "items.csv").write_text(ITEMS)
    rng = np.random.default_rng(0)
    np.save(tmp_path / "x.npy", rng.normal(size=(16, 4)).astype(np.float32))
    return tmp_path


def check(capsys, *words):
    return json.loads(success(capsys, "taxonomy", "check", *words, "--json"))


def test_a_taxonomy_alone(capsys, files):
    found = check(capsys, files / "tree.csv")
    assert found["tree"]["nodes_by_depth"] == [2, 2]
    assert (found["items"], found["fit"], found["training"]["uniform"]) == (None, [], None)
    kinds = [(one["severity"], one["kind"], one["nodes"]) for one in found["findings"]]
    assert kinds == [("warning", "isolated root", ["i"]), ("note", "several roots", ["f", "i"])]


def test_items_by_key_by_name_and_by_paths_of_their_own(capsys, files):
    tree, items = files / "tree.csv", files / "items.csv"
    by_key = check(capsys, tree, "--items", items, "--category", "topic")
    named = ["--option", "name_column=name"]
    by_name = check(capsys, tree, "--items", items, "--path", "path", *named)
    alone = check(capsys, items, "--path", "path")
    assert by_key["items"] == by_name["items"]
    assert by_key["items"]["by_depth"] == alone["items"]["by_depth"] == [0, 16]
    assert (by_key["tree"]["nodes"], alone["tree"]["nodes"]) == (4, 3)
    uniform = alone["training"]["uniform"]
    assert (uniform["same"], uniform["siblings"]) == (2 * 8 * 7 / 2, 64)


def test_embeddings(capsys, files):
    words = ["--path", "path", "--embeddings", files / "x.npy"]
    (files / "items.csv").write_text(ITEMS + "".join(f"g{n},g,Tools > Pen\n" for n in range(5)))
    np.save(files / "x.npy", np.random.default_rng(1).normal(size=(21, 4)))
    (row,) = check(capsys, files / "items.csv", *words)["fit"]
    assert (row["depth"], row["categories"]) == (2, 3)


def test_the_summary_for_people(capsys, files):
    text = success(capsys, "taxonomy", "check", files / "items.csv", "--path", "path")
    assert text.startswith(f"{files.name} / items: 3 categories, 2 leaves, 1 root, 2 levels")
    assert "pairs in a batch of 16" in text
    assert "note: level shared by all (1)\n  - everything lies beneath 'Food'\n" in text
    assert "Grades: " in text


def test_only_the_first_findings_are_shown(capsys, files):
    rows = "".join(f"a{n},,A{n}\nb{n},a{n},B{n}\n" for n in range(9))
    (files / "tree.csv").write_text(f"id,parent_id,name\n{rows}")
    words = ["taxonomy", "check", files / "tree.csv", "--option", "name_column=name"]
    assert "note: lone child (9)\n  - 'A0 > B0' is" in success(capsys, *words, "--show", 2)
    assert "  - and 7 more\n" in success(capsys, *words, "--show", 2)
    assert "more\n" not in success(capsys, *words, "--show", 9).split("several roots")[0]


def test_files(capsys, files):
    out = files / "deep" / "out"
    text = success(capsys, "taxonomy", "check", files / "tree.csv", "--out", out)
    assert f"page     {out / 'structure.html'}" in text
    assert sorted(path.name for path in out.iterdir()) == [
        "structure.html",
        "structure.json",
        "structure.parquet",
    ]
    findings = pq.read_table(out / "structure.parquet").to_pylist()
    assert json.loads((out / "structure.json").read_text())["findings"] == findings
    assert "is a root without children" in (out / "structure.html").read_text()


def test_a_faulty_file_is_told_and_fails_only_if_asked_to(capsys, files):
    (files / "tree.csv").write_text("id,parent_id\na,b\nb,a\nc,x\n")
    words = ["taxonomy", "check", files / "tree.csv"]
    text = success(capsys, *words)
    assert text.startswith(
        f"{files.name} / tree: no tree, so nothing else was looked at\n\nerror: missing parent (1)\n"
    )
    assert "error: cycle (1)" in text
    with pytest.raises(SystemExit) as stopped:
        main([*map(str, words), "--strict"])
    assert stopped.value.code == 1
    # Items cannot be filed in it.
    assert check(capsys, *words[2:], "--items", files / "items.csv", "--category", "topic")["items"] is None


def test_strict_is_content_with_warnings(capsys, files):
    assert "warning" in success(capsys, "taxonomy", "check", files / "tree.csv", "--strict")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--category", "topic"], "--items: found no catalogue"),
        (["--embeddings", "x.npy"], "--items: found no catalogue"),
        (["--show", "-1"], "--show: found -1; expected at least 0"),
        (["--batch-size", "1"], "--batch-size: found 1; expected at least 2"),
        (["--items", "none.csv", "--category", "topic"], "none.csv: found no such file"),
        (["--items", "items.csv"], "found neither of category and path column"),
        (["--path", "path", "--language", "en"], "--items: found options that read a taxonomy"),
    ],
)
def test_mistakes(capsys, files, monkeypatch, words, named):
    monkeypatch.chdir(files)
    assert named in failure(capsys, "taxonomy", "check", "tree.csv", *words)

"""What a user can get wrong in `leafcode fit`: one line names the place, and nothing is written."""

import re

import numpy as np
import pytest
from tests.catalogues import COMMAND_OPTIONS, DIM, clustered, leaf_table, write
from tests.cli.commands import contents, failure, success


@pytest.fixture
def fails(capsys, tmp_path, run_copy):
    """Call with a catalogue or words: fit fails, and neither a new nor an earlier run folder is touched."""

    def check(files, named, *more, arguments=None):
        before, new = contents(run_copy), tmp_path / "new"
        words = ["fit", *(files.arguments if arguments is None else arguments), *COMMAND_OPTIONS, *more]
        told = failure(capsys, *words, "--out", new)
        assert re.search(named, told), told
        assert not new.exists()
        assert failure(capsys, *words, "--out", run_copy, "--overwrite") == told
        assert contents(run_copy) == before

    return check


def changed(folder, row=None, name="items.csv", **values):
    """The catalogue with one row changed, or all of them."""
    rows, vectors = clustered()
    for place in range(len(rows)) if row is None else [row]:
        rows[place] = {**rows[place], **values}
    return write(folder, rows, vectors, name)


@pytest.mark.parametrize("name", ["items.csv", "items.parquet", "items.jsonl"])
def test_rows(tmp_path, fails, name):
    place = re.escape(str(tmp_path / name))
    fails(
        changed(tmp_path, 4, name, id="sku003"),
        rf"{place}: column 'id': found 1 id\(s\).*'sku003' in rows 4, 5",
    )
    fails(changed(tmp_path, 4, name, id=""), rf"{place}: column 'id': row 5: found no id")
    fails(
        changed(tmp_path, 6, name, text=" "), rf"{place}: column 'text': row 7 \(id 'sku006'\): found no text"
    )
    fails(changed(tmp_path, 9, name, path="A >  > B"), rf"{place}: column 'path': row 10: .*'A >  > B'")
    fails(changed(tmp_path, 9, name, path="A > "), rf"{place}: column 'path': row 10")


@pytest.mark.parametrize("name", ["items.csv", "items.parquet", "items.jsonl"])
def test_missing_columns(tmp_path, fails, name):
    rows, vectors = clustered()
    files = write(
        tmp_path, [{"sku": row["id"], "text": row["text"], "pathes": "A"} for row in rows], vectors, name
    )
    fails(files, rf"{name}: found the columns 'sku', 'text', 'pathes'; expected one column 'id'")
    fails(files, r"expected one column 'path'. Did you mean 'pathes'\?", "--id-column", "sku")
    fails(files, "expected one column 'title'", "--id-column", "sku", "--text", "title")


def test_files(tmp_path, fails):
    files = changed(tmp_path)
    rest = files.arguments[1:]
    fails(None, r"none\.csv: found no such file", arguments=[tmp_path / "none.csv", *rest])
    fails(None, r"found the suffix '\.npy'", arguments=[files.vectors, *rest])
    fails(None, "found a folder", arguments=[_folder(tmp_path), *rest])
    files.items.write_text("id,text,path\n")
    fails(files, r"items\.csv: found no row")
    files.items.write_bytes(b"")
    fails(files, r"items\.csv: found content that cannot be read")
    files.items.write_text("id,text,path\na,b\n")
    fails(files, r"items\.csv: found content that cannot be read")
    files.items.write_bytes(b"id,text,path\na,\xff\xfe,c\n")
    fails(files, r"items\.csv: found content that cannot be read")


def _folder(tmp_path):
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", ["items.parquet", "items.jsonl"])
def test_truncated_items(tmp_path, fails, name):
    files = changed(tmp_path, name=name)
    files.items.write_bytes(files.items.read_bytes()[:-7])
    fails(files, rf"{re.escape(name)}: found content that cannot be read")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda x: np.where(np.arange(240)[:, None] == 8, np.nan, x), r"items\.npy: row 9: found a NaN"),
        (
            lambda x: np.where(np.arange(240)[:, None] == 8, np.inf, x),
            r"items\.npy: row 9: found a NaN or an inf",
        ),
        (lambda x: np.where(np.arange(240)[:, None] == 8, 0, x), r"items\.npy: row 9: found zeros only"),
        (lambda x: x[:-1], r"items\.npy: found 239 rows; expected 240, as in .*items\.csv"),
        (lambda x: x[:, 0], r"items\.npy: found an array of shape \(240,\)"),
        (lambda x: x.astype(np.int64), r"items\.npy: found values of type int64"),
        (lambda x: np.array([object()] * 240), r"items\.npy: found content that cannot be read"),
    ],
    ids=["NaN", "infinity", "zeros", "rows", "vector", "integers", "objects"],
)
def test_vectors(tmp_path, fails, change, named):
    files = changed(tmp_path)
    np.save(files.vectors, change(files.embeddings), allow_pickle=True)
    fails(files, named)


def test_truncated_vectors(tmp_path, fails):
    files = changed(tmp_path)
    files.vectors.write_bytes(files.vectors.read_bytes()[:-9])
    fails(files, r"items\.npy: found content that cannot be read")
    files.vectors.unlink()
    fails(files, r"items\.npy: found no such file")


def test_a_column_of_vectors(tmp_path, fails):
    rows, x = clustered()
    rows = [{**row, "vector": list(map(float, vector))} for row, vector in zip(rows, x, strict=True)]
    for value, found in (
        ([1.0], "row 3: found 1 numbers"),
        (None, "row 3: found no vector"),
        ([0.0] * DIM, "row 3: found zeros"),
        ([float("nan")] * DIM, "row 3: found a NaN"),
    ):
        rows[2]["vector"] = value
        files = write(tmp_path, rows, None)
        words = [files.items, "--path", "path", "--embedding", "vector"]
        fails(None, rf"items\.parquet: column 'vector': {found}", arguments=words)
    fails(None, "values of type string", arguments=[files.items, "--embedding", "text"])


@pytest.mark.parametrize(
    ("nodes", "named"),
    [
        ([{"id": "a", "parent": "b"}, {"id": "b", "parent": "a"}], r"nodes\.csv.*cycle.*'a'"),
        ([{"id": "a", "parent": "gone"}], r"nodes\.csv: row 1: found .*'gone'"),
        (
            [{"id": "a", "parent": ""}, {"id": "a", "parent": ""}],
            r"nodes\.csv: row 2: found the id 'a' again, as in row 1.*a column parent_ids",
        ),
        ([{"id": "b", "parent": ""}], r"items\.csv: column 'node': row 1: found .*'a'"),
        ([{"key": "b", "parent": ""}], r"nodes\.csv: found the columns 'key', 'parent'"),
    ],
    ids=["cycle", "orphan", "twice", "unknown", "column"],
)
def test_parent_tables(tmp_path, fails, nodes, named):
    files = changed(tmp_path, node="a")
    table = write(tmp_path, nodes, None, "nodes.csv").items
    words = [files.items, "--embeddings", files.vectors, "--category", "node", "--taxonomy", table]
    fails(None, named, "--taxonomy-columns", "id", "parent", arguments=words)


def test_options_for_the_tree_that_do_not_go_together(tmp_path, fails):
    files = changed(tmp_path, node="a")
    table = write(tmp_path, leaf_table(files.rows), None, "nodes.csv").items
    vectors = ["--embeddings", files.vectors]
    fails(
        None,
        "taxonomy=None with category column 'node'",
        arguments=[files.items, *vectors, "--category", "node"],
    )
    fails(None, "category column None", arguments=[files.items, *vectors, "--taxonomy", table])
    both = ["--category", "node", "--taxonomy", table]
    fails(files, "found path_column and category_column", *both, "--taxonomy-columns", "node", "parent")
    for columns in (["node"], ["node", "parent", "name", "further"]):
        words = [files.items, *vectors, *both, "--taxonomy-columns", *columns]
        fails(None, f"--taxonomy-columns: found {len(columns)} columns", arguments=words)
    fails(files, "separator: found an empty text", "--separator", "")
    fails(files, "embedding_column and embeddings_file", "--embedding", "text")


def test_few_items(tmp_path, fails):
    few = changed(tmp_path).pick(range(8), "few.csv")
    fails(
        few,
        "found . items to train on .* more than the largest level has codes, 8. Choose smaller levels",
    )


@pytest.mark.parametrize("path", ["Only", "Only > One > Class"])
def test_one_class(tmp_path, fails, path):
    fails(changed(tmp_path, path=path), "of 1 different ones.*--contrast-weight 0")


def test_a_path_column_without_paths(tmp_path, fails):
    fails(changed(tmp_path, path=""), "column 'path': found no category path in any row")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("--levels 0", "levels: found 0; expected at least one level"),
        ("--levels 8,1", "levels: found 8,1"),
        ("--levels 8,-4", "levels: found 8,-4"),
        ("--levels 8,", "--levels"),
        ("--levels 8;4", "--levels: .*'8;4'"),
        ("--levels 2.5", "--levels: .*'2.5'"),
        ("--device abacus", "--device: found 'abacus'"),
        ("--device meta", "--device: found 'meta'"),
        ("--holdout 1", "holdout: found 1.0"),
        ("--holdout -0.1", "holdout: found -0.1"),
        ("--holdout nan", "holdout: found nan"),
        ("--split-seed -1", "split seed: found -1"),
        ("--steps 0 --learning-rate -1 --seed -1", "found steps=0, learning_rate=-1.0, seed=-1"),
        ("--tree-steps 0", "tree_steps=0"),
        ("--contrast-weight much", "--contrast-weight: found 'much'"),
        ("--contrast-weight -1", "contrast_weight=-1.0"),
        ("--contrast-weight nan", "contrast_weight=nan"),
        ("--contrast-batch-size 8", "contrast_batch_size=8.*at least 12"),
        ("--batch-size 1", "batch_size=1"),
        ("--temperature 0", "temperature=0.0"),
        ("--level-weights 1,-1", r"level_weights=\(1.0, -1.0\)"),
        ("--grades 0.5,1", "grades: found .*0.5"),
        ("--grades near", "grades: found 'near'"),
        ("--estimator best", "--estimator: invalid choice: 'best'"),
    ],
)
def test_settings(tmp_path, fails, words, named):
    fails(changed(tmp_path), named, *words.split())


def test_models_that_are_not_there(tmp_path, fails):
    files = changed(tmp_path)
    words = [files.items, "--path", "path", "--cache", tmp_path / "cache", "--model"]
    fails(None, "model 'package:none': found no installed package", arguments=[*words, "package:none"])
    fails(None, r"model '\./none': found|model .*: found no such folder", arguments=[*words, "./none"])


def test_a_file_where_the_run_should_be(capsys, tmp_path, catalogue):
    (tmp_path / "run").write_text("a file")
    told = failure(capsys, "fit", *catalogue.arguments, "--out", tmp_path / "run", *COMMAND_OPTIONS)
    assert "found no folder that can be used" in told
    assert (tmp_path / "run").read_text() == "a file"


def test_a_run_follows_a_failure_at_the_same_place(capsys, tmp_path, catalogue):
    words = ["fit", *catalogue.arguments, "--out", tmp_path / "run", *COMMAND_OPTIONS, "--no-baselines"]
    failure(capsys, *words, "--levels", "512")
    success(capsys, *words)

import json
import re
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from tests.catalogues import DIM, clustered, write
from tests.cli.commands import contents, failure, success

from leafcode.catalog import Catalog
from leafcode.cli import main
from leafcode.codes import encode_items
from leafcode.pipeline import Run
from leafcode.pipeline import run as run_module


def ids_of(table):
    return dict(zip(table["id"].to_pylist(), table["semantic_id"].to_pylist(), strict=True))


def encode(capsys, run, files, out, *more):
    words = ["encode", run, files.items, "--embeddings", files.vectors, "--out", out, "--quiet", *more]
    assert success(capsys, *words) == f"{len(files.rows)} IDs in {out}\n"


@pytest.fixture
def new_items(tmp_path):
    """Thirty items of the same clusters that the run has not seen, without categories."""
    rows, vectors = clustered(270)
    rows = [{"id": f"new{row['id']}", "text": row["text"]} for row in rows[240:]]
    return write(tmp_path, rows, vectors[240:], "new.csv")


def test_held_out_items_alone_get_the_ids_that_they_have(capsys, catalogue, run_copy, tmp_path):
    known = pq.read_table(run_copy / "ids.parquet")
    held_out = np.flatnonzero(np.array(known["split"].to_pylist()) == "heldout")
    wanted = {known["id"][int(row)].as_py() for row in held_out}
    places = [place for place, row in enumerate(catalogue.rows) if row["id"] in wanted]
    places = np.random.default_rng(5).permutation(places).tolist()
    some = catalogue.pick(places, "heldout.jsonl", tmp_path)
    encode(capsys, run_copy, some, tmp_path / "out.parquet")
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.column_names == ["id", "c1", "c2", "suffix", "semantic_id"]
    assert found["id"].to_pylist() == [row["id"] for row in some.rows]
    expected = ids_of(known)
    assert ids_of(found) == {item: expected[item] for item in wanted}
    assert pq.read_table(run_copy / "ids.parquet").equals(known)


def test_codes_come_from_the_content_alone(catalogue, fitted):
    run, known = Run.open(fitted), pq.read_table(fitted / "ids.parquet")
    codes = {row["id"]: [row["c1"], row["c2"]] for row in known.to_pylist()}
    for place in (0, 7, 239):
        alone = encode_items(run.model, catalogue.embeddings[place : place + 1]).codes[0]
        assert alone.tolist() == codes[catalogue.rows[place]["id"]]


def test_new_items_twice_and_in_another_order(capsys, new_items, run_copy, tmp_path):
    before = pq.read_table(run_copy / "ids.parquet")
    encode(capsys, run_copy, new_items, tmp_path / "first.parquet")
    after = pq.read_table(run_copy / "ids.parquet")
    assert after.slice(0, len(before)).equals(before)
    assert set(after.slice(len(before))["split"].to_pylist()) == {"encoded"}
    first = ids_of(pq.read_table(tmp_path / "first.parquet"))
    assert len(set(first.values()) | set(before["semantic_id"].to_pylist())) == len(before) + 30

    shuffled = new_items.pick(np.random.default_rng(0).permutation(30).tolist(), "shuffled.parquet")
    encode(capsys, run_copy, shuffled, tmp_path / "second.parquet")
    assert ids_of(pq.read_table(tmp_path / "second.parquet")) == first
    assert pq.read_table(run_copy / "ids.parquet").equals(after)


def test_items_added_bit_by_bit_leave_earlier_ones_alone(capsys, new_items, run_copy, tmp_path):
    given = {}
    for start in (20, 0, 10):  # the second group sorts before the first
        part = new_items.pick(range(start, start + 10), f"part{start}.parquet")
        encode(capsys, run_copy, part, tmp_path / "out.parquet")
        given |= ids_of(pq.read_table(tmp_path / "out.parquet"))
        now = ids_of(pq.read_table(run_copy / "ids.parquet"))
        assert {item: now[item] for item in given} == given


def test_an_item_whose_content_changed_gets_a_new_id_and_its_old_one_to_nobody(
    capsys, catalogue, run_copy, tmp_path
):
    before = ids_of(pq.read_table(run_copy / "ids.parquet"))
    far = next(
        place
        for place in range(1, 240)
        if before[catalogue.rows[place]["id"]].split("_")[0] != before["sku000"].split("_")[0]
    )
    changed = write(tmp_path, [{"id": "sku000", "text": "other"}], catalogue.embeddings[far : far + 1])
    encode(capsys, run_copy, changed, tmp_path / "out.parquet")
    rows = pq.read_table(run_copy / "ids.parquet").to_pylist()
    old, new = [row for row in rows if row["id"] == "sku000"]
    assert (old["active"], old["semantic_id"], old["text"]) == (False, before["sku000"], "item 0")
    assert (new["active"], new["text"], new["split"]) == (True, "other", old["split"])
    assert new["path"] == old["path"]  # encode read no category, so the known one stays
    assert {row["semantic_id"] for row in rows if row["id"] != "sku000"}.isdisjoint(
        {old["semantic_id"], new["semantic_id"]}
    )
    success(capsys, "evaluate", run_copy, "--quiet")


def test_all_three_output_formats_agree(capsys, new_items, run_copy, tmp_path):
    for suffix in ("parquet", "csv", "jsonl"):
        encode(capsys, run_copy, new_items, tmp_path / f"out.{suffix}")
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert pyarrow.csv.read_csv(tmp_path / "out.csv").to_pylist() == rows
    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()] == rows


def test_categories_of_new_items_are_kept_if_asked_for(capsys, catalogue, run_copy, tmp_path):
    rows = [{"id": "new", "text": "new", "path": "Root Z > Leaf Z9"}]
    files = write(tmp_path, rows, catalogue.embeddings[:1], "items.csv")
    encode(capsys, run_copy, files, tmp_path / "out.csv", "--path", "path")
    last = pq.read_table(run_copy / "ids.parquet").to_pylist()[-1]
    assert (last["path"], last["text"], last["split"]) == ("Root Z > Leaf Z9", "new", "encoded")


def test_vectors_beside_the_items_are_found(capsys, new_items, run_copy, tmp_path):
    success(capsys, "encode", run_copy, new_items.items, "--out", tmp_path / "out.csv", "--quiet")
    new_items.vectors.unlink()
    told = failure(capsys, "encode", run_copy, new_items.items, "--out", tmp_path / "out.csv", "--quiet")
    assert f"{new_items.vectors}: found no such file" in told


def bad(tmp_path, name, rows=None, vectors=None):
    rows = rows or [{"id": "a", "text": "one"}, {"id": "b", "text": "two"}]
    vectors = np.ones((len(rows), DIM), np.float32) if vectors is None else vectors
    return write(tmp_path, rows, vectors, name)


@pytest.mark.parametrize("kind", ["dimensions", "nan", "zero", "rows", "text", "ids", "column"])
def test_bad_items_leave_the_run_as_it_was(capsys, run_copy, tmp_path, kind):
    x = np.ones((2, DIM), np.float32)
    if kind in ("nan", "zero"):
        x[1] = {"nan": np.nan, "zero": 0.0}[kind]
    files, named = {
        "dimensions": lambda: (
            bad(tmp_path, "i.csv", vectors=np.ones((2, 5), np.float32)),
            "i.npy: found vectors of 5",
        ),
        "nan": lambda: (bad(tmp_path, "i.csv", vectors=x), "i.npy: row 2: found a NaN"),
        "zero": lambda: (bad(tmp_path, "i.csv", vectors=x), "i.npy: row 2: found zeros"),
        "rows": lambda: (
            bad(tmp_path, "i.csv", vectors=np.ones((3, DIM), np.float32)),
            "i.npy: found 3 rows",
        ),
        "text": lambda: (
            bad(tmp_path, "i.jsonl", [{"id": "a", "text": " "}]),
            "i.jsonl: column 'text': row 1",
        ),
        "ids": lambda: (
            bad(tmp_path, "i.csv", [{"id": "a", "text": "x"}] * 2),
            "i.csv: column 'id': found .* rows 1, 2",
        ),
        "column": lambda: (
            bad(tmp_path, "i.csv", [{"sku": "a", "text": "x"}]),
            "i.csv: found the columns 'sku'",
        ),
    }[kind]()
    before = contents(run_copy)
    out = tmp_path / "out.csv"
    out.write_text("earlier")
    told = failure(
        capsys, "encode", run_copy, files.items, "--embeddings", files.vectors, "--out", out, "--quiet"
    )
    assert re.search(named, told), told
    assert contents(run_copy) == before
    assert out.read_text() == "earlier"


def test_a_column_of_vectors_of_another_dimension(capsys, run_copy, tmp_path):
    files = write(tmp_path, [{"id": "a", "text": "one", "v": [1.0, 2.0]}], None)
    words = ["encode", run_copy, files.items, "--embedding", "v", "--out", tmp_path / "out.csv"]
    assert f"{files.items}: column 'v': found vectors of 2 dimensions; expected {DIM}" in failure(
        capsys, *words
    )


@pytest.mark.parametrize(
    ("out", "found"),
    [
        ("out.xlsx", "the suffix '.xlsx'"),
        ("none/out.csv", "no such folder"),
        ("run/ids.parquet", "a file that encode reads"),
        ("run/../new.csv", "a file that encode reads"),
        ("new.npy", "the suffix '.npy'"),
    ],
)
def test_places_that_cannot_take_the_output(capsys, new_items, run_copy, tmp_path, out, found):
    before = contents(tmp_path)
    words = ["encode", run_copy, new_items.items, "--out", tmp_path / out, "--quiet"]
    assert found in failure(capsys, *words)
    assert contents(tmp_path) == before


def test_ids_given_once_are_not_lost_with_the_output(capsys, new_items, run_copy, tmp_path):
    (tmp_path / "out.csv").mkdir()
    words = ["encode", run_copy, new_items.items, "--quiet", "--out"]
    assert "out.csv" in failure(capsys, *words, tmp_path / "out.csv")
    registered = ids_of(pq.read_table(run_copy / "ids.parquet"))
    success(capsys, *words, tmp_path / "other.parquet")
    given = ids_of(pq.read_table(tmp_path / "other.parquet"))
    assert {item: registered.get(item, found) for item, found in given.items()} == given


def test_progress_goes_to_the_other_stream(capsys, new_items, run_copy, tmp_path):
    assert main(["encode", str(run_copy), str(new_items.items), "--out", str(tmp_path / "out.csv")]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("30 IDs in ")
    assert out.count("\n") == 1
    assert "encode" in err


@pytest.fixture
def folder(new_items, tmp_path):
    """The new items in two Parquet files, with a column of vectors."""
    for start in (0, 20):
        rows = new_items.rows[start : start + 20]
        vectors = new_items.embeddings[start : start + 20].tolist()
        rows = [row | {"v": vector} for row, vector in zip(rows, vectors, strict=True)]
        write(tmp_path / "parts", rows, None, f"{start}.parquet")
    return tmp_path / "parts"


@pytest.mark.parametrize("kind", ["path", "uri"])
def test_a_folder_of_files_becomes_one_of_ids(capsys, new_items, folder, run_copy, tmp_path, kind):
    alone = shutil.copytree(run_copy, tmp_path / "alone")
    encode(capsys, alone, new_items, tmp_path / "ids.parquet")
    items, out = (str(place) if kind == "path" else place.as_uri() for place in (folder, tmp_path / "ids"))
    words = ["encode", run_copy, items, "--embedding", "v", "--out", out, "--quiet"]
    for _ in range(2):
        assert success(capsys, *words) == f"30 IDs in {out}\n"
    parts = (pq.ParquetFile(tmp_path / "ids" / name).read() for name in ("0.parquet", "20.parquet"))
    found = pa.concat_tables(parts)
    assert ids_of(found) == ids_of(pq.read_table(tmp_path / "ids.parquet"))
    both = [pq.read_table(run / "ids.parquet") for run in (run_copy, alone)]
    assert both[0].equals(both[1])


def test_folders_that_cannot_be_encoded(capsys, new_items, folder, run_copy, tmp_path):
    words = ["encode", run_copy, folder, "--out", tmp_path / "ids", "--quiet"]
    assert "Name the column with --embedding" in failure(capsys, *words)
    told = failure(capsys, *words, "--embedding", "w")
    assert f"{folder}/0.parquet: found the columns 'id', 'text', 'v'" in told
    told = failure(capsys, "encode", run_copy, new_items.items, "--out", "ids.csv", "--engine", "ray")
    assert "ray, and one table of IDs" in told


def test_parts_and_a_whole_file_give_the_same_ids(capsys, new_items, run_copy, tmp_path, monkeypatch):
    other = shutil.copytree(run_copy, tmp_path / "other")
    encode(capsys, run_copy, new_items, tmp_path / "whole.jsonl")
    monkeypatch.setattr(run_module, "_ID_ROWS", 7)
    folder = tmp_path / "parts"
    folder.mkdir()
    for start, name in ((0, "a"), (11, "b")):
        rows = new_items.rows[start : start + 19 if start else 11]
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")
        np.save(folder / f"{name}.npy", new_items.embeddings[start : start + len(rows)])
    # Without --embeddings: a file of vectors beside each part.
    told = success(capsys, "encode", other, folder, "--out", tmp_path / "parts.jsonl", "--quiet")
    assert told == f"{len(new_items.rows)} IDs in {tmp_path / 'parts.jsonl'}\n"
    assert (tmp_path / "parts.jsonl").read_text() == (tmp_path / "whole.jsonl").read_text()
    assert pq.read_table(other / "ids.parquet").equals(pq.read_table(run_copy / "ids.parquet"))


def test_an_id_that_comes_in_two_files(capsys, run_copy, tmp_path):
    before = contents(run_copy)
    for name in ("a", "b"):
        files = write(tmp_path, [{"id": "twice", "text": "one"}], np.ones((1, DIM)), f"{name}.csv")
        assert files.vectors == tmp_path / f"{name}.npy"
    words = ["encode", run_copy, tmp_path / "a.csv", tmp_path / "b.csv", "--out", tmp_path / "out.csv"]
    told = failure(capsys, *words, "--quiet")
    assert f"{tmp_path / 'b.csv'}: row 1: found 'twice' twice, first in {tmp_path / 'a.csv'}: row 1" in told
    assert contents(run_copy) == before


def test_an_item_that_moves_keeps_what_was_known_of_it(catalogue, run_copy):
    run = Run.open(run_copy)
    known = {row["id"]: row for row in run.ids().to_pylist()}
    first, second = (catalogue.rows[place]["id"] for place in (0, 239))
    moved = Catalog([first], None, np.full(1, -1, np.int32), None, catalogue.embeddings[239:])
    run.encode(moved)
    now = {row["id"]: row for row in run.ids().to_pylist()}
    assert now[first]["c1"] == now[second]["c1"]
    for name in ("path", "text", "split"):
        assert now[first][name] == known[first][name]
    assert now == known | {first: now[first]}

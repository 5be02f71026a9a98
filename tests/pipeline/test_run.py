from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
import pyarrow as pa
import pytest
from tests.catalogues import DIM

from leafcode.catalog import Catalog
from leafcode.codes import encode_items
from leafcode.errors import FileRows, InputError, RunFolderError
from leafcode.evaluation import code_neighbors
from leafcode.files import locked
from leafcode.pipeline import Run


def items(vectors, prefix="new"):
    n = len(vectors)
    return Catalog(
        np.array([f"{prefix}{i}" for i in range(n)], object),
        [f"text {i}" for i in range(n)],
        np.full(n, -1, np.int32),
        None,
        np.asarray(vectors, np.float32),
    )


@pytest.fixture
def run(run_copy):
    return Run.open(run_copy)


def test_similar_by_embedding_agrees_with_the_measures(run, catalogue):
    """The ranking is the one that hp_at_10 is computed from."""
    table = run.ids()
    codes = np.stack([table["c1"].to_numpy(), table["c2"].to_numpy()], axis=1)
    place = {item: i for i, item in enumerate(table["id"].to_pylist())}
    vectors = catalogue.embeddings[[int(item[3:]) for item in table["id"].to_pylist()]]
    encoded = encode_items(run.model, vectors)
    np.testing.assert_array_equal(encoded.codes, codes)
    rng = np.random.default_rng(0)
    queries = rng.normal(size=(5, DIM)).astype(np.float32)
    of_queries = encode_items(run.model, queries)
    expected = code_neighbors(codes, encoded.quantized, of_queries.codes, of_queries.quantized, k=10)
    for row, query in zip(expected, queries, strict=True):
        found = run.similar(query)
        ours, theirs = [place[item] for item in found["id"].to_pylist()], np.asarray(row).tolist()
        assert [codes[i].tolist() for i in ours] == [codes[i].tolist() for i in theirs]


def test_similar_by_id_is_similar_by_its_embedding_without_the_item(run, catalogue):
    by_id = run.similar("sku004", k=30).to_pylist()
    by_vector = run.similar(catalogue.embeddings[4], k=31).to_pylist()
    assert {row["id"] for row in by_id} | {"sku004"} == {row["id"] for row in by_vector}
    assert all(row["shared_prefix"] in (0, 1, 2) for row in by_id)
    np.testing.assert_allclose(
        [row["cosine"] for row in by_id],
        [row["cosine"] for row in by_vector if row["id"] != "sku004"],
        atol=1e-6,
    )


def test_similar_finds_items_that_were_encoded_since(run, catalogue):
    before = run.similar("sku004", k=300)
    run.encode(items(catalogue.embeddings[4:5]))
    after = run.similar("sku004", k=300)
    assert set(after["id"].to_pylist()) - set(before["id"].to_pylist()) == {"new0"}
    assert "new0" in Run.open(run.folder.path).similar("sku004", k=300)["id"].to_pylist()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("sku999", "id: found 'sku999'"),
        ("", "id: found ''"),
        (np.ones(DIM + 1, np.float32), r"float32 of shape \(1, 13\)"),
        (np.zeros(DIM, np.float32), "only zeros"),
        (np.full(DIM, np.nan), "a NaN"),
        (np.ones((2, DIM)), r"query: found shape \(2, 12\); expected an id, or one embedding"),
    ],
)
def test_queries_that_cannot_be_answered(run, query, found):
    with pytest.raises(InputError, match=found):
        run.similar(query)


def test_fewer_items_than_asked_for(run):
    assert run.similar("sku004", k=1000).num_rows == 239
    with pytest.raises(InputError, match="k: found 0"):
        run.similar("sku004", k=0)


def test_encoding_changes_nothing_on_disk_but_ids(run, catalogue):
    before = {path.name: path.read_bytes() for path in run.folder.path.iterdir()}
    run.encode(items(catalogue.embeddings[:3]))
    after = {path.name: path.read_bytes() for path in run.folder.path.iterdir()}
    assert {name for name in after if after[name] != before.get(name)} == {
        "ids.parquet",
        ".ids.parquet.lock",
    }


def test_of_two_that_encode_the_later_waits_and_keeps_the_ids_of_the_other(run, catalogue):
    other = Run.open(run.folder.path)
    with ThreadPoolExecutor(1) as pool:
        with locked(run.folder.ids):
            waiting = pool.submit(other.encode, items(catalogue.embeddings[:2], prefix="late"))
            assert not wait([waiting], timeout=1.0).done
            table = run.folder.read_ids()
            names = ["first", *table["id"].to_pylist()[1:]]
            run.folder.write_ids(table.set_column(0, "id", pa.array(names)))
        assert waiting.result().num_rows == 2
    assert {"first", "late0", "late1"} <= set(run.folder.read_ids()["id"].to_pylist())


def test_near_duplicates_share_codes_and_differ_in_suffix(run, catalogue):
    table = run.encode(items(np.repeat(catalogue.embeddings[:1], 4, axis=0)))
    assert len(set(zip(table["c1"].to_pylist(), table["c2"].to_pylist(), strict=True))) == 1
    first = table["suffix"].to_pylist()[0]
    assert table["suffix"].to_pylist() == list(range(first, first + 4))


def test_what_is_given_to_register_stays_as_it_is(run):
    ids, where = pa.array(["sku000", "late"]), FileRows(("items",), (2,))
    given = {"path": pa.array([None, "Late"], pa.string()), "text": pa.nulls(2, pa.string())}
    before = dict(given)
    table = run.folder.read_ids().to_pylist()[0]
    run.register(ids, np.array([[table["c1"], table["c2"]], [0, 0]]), given, where)
    assert given == before
    rows = {row["id"]: row for row in run.folder.read_ids().to_pylist()}
    assert (rows["sku000"]["path"], rows["sku000"]["text"]) == (table["path"], table["text"])
    assert (rows["late"]["path"], rows["late"]["text"]) == ("Late", None)


def test_ids_are_the_active_rows_only(run, catalogue):
    moved = items(-catalogue.embeddings[:1], prefix="sku00")  # sku000 with other content
    run.encode(moved)
    everything = run.folder.read_ids()
    assert everything.num_rows == 241
    assert run.ids().num_rows == 240
    old = everything.filter(pa.compute.invert(everything["active"]))
    assert old["id"].to_pylist() == ["sku000"]


def test_items_that_cannot_be_encoded(run):
    before = run.folder.ids.read_bytes()
    for vectors, found in ((np.ones((2, 3)), r"shape \(2, 3\)"), (np.zeros((1, DIM)), "only zeros")):
        with pytest.raises(InputError, match=found):
            run.encode(items(vectors))
    bare = items(np.ones((1, DIM)))
    with pytest.raises(InputError, match="no embeddings"):
        run.encode(Catalog(bare.ids, bare.texts, bare.nodes))
    twice = Catalog(np.array(["a", "a"], object), None, np.full(2, -1, np.int32), None, np.ones((2, DIM)))
    with pytest.raises(InputError, match="'a' twice"):
        run.encode(twice)
    assert run.folder.ids.read_bytes() == before


def test_a_catalogue_with_items_that_have_no_id(run):
    table = run.folder.read_ids()
    run.folder.write_ids(table.slice(1))
    before = run.folder.metrics.read_bytes()
    with pytest.raises(RunFolderError, match=r"ids\.parquet: found no ID for 1 items"):
        run.evaluate(run.source.load(), progress=False)
    assert run.folder.metrics.read_bytes() == before


def test_opening_what_is_no_finished_run(tmp_path, run):
    with pytest.raises(RunFolderError, match=r"config\.json: found no folder"):
        Run.open(tmp_path / "none")
    run.folder.model.unlink()
    with pytest.raises(RunFolderError, match="a run that was stopped"):
        Run.open(run.folder.path)

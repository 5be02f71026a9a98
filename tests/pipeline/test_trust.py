import shutil

import numpy as np
import pytest
from tests.catalogues import write
from tests.pipeline.audits import labelled_rows, misfiled, source_of

from leafcode.errors import InputError
from leafcode.pipeline import run_audit
from leafcode.pipeline.trust import read_trust
from leafcode.review import ACCEPT, REJECT, DecisionStore
from leafcode.review.decisions import DECISIONS


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return misfiled(tmp_path_factory.mktemp("misfiled"))


@pytest.fixture(scope="module")
def audited(tmp_path_factory, files):
    return run_audit(source_of(files), tmp_path_factory.mktemp("audited") / "a", progress=False)


def test_one_minus_the_probability(files, audited):
    trust = read_trust(audited.folder.path, source_of(files).load())
    assert trust.dtype == np.float32
    labelled = labelled_rows(files)
    assert np.allclose(trust[labelled], 1 - audited.audit.probability, atol=1e-6)
    assert (np.delete(trust, labelled) == 1).all()


def test_rows_in_another_order_and_new_ones(files, audited, tmp_path):
    whole = read_trust(audited.folder.path, source_of(files).load())
    places = [30, 7, 20, 199]
    some = files.pick(places, "some.parquet", tmp_path)
    rows = [*some.rows, {**files.rows[1], "id": "new"}]
    vectors = np.vstack([some.embeddings, some.embeddings[:1]])
    more = write(tmp_path, rows, vectors, "more.parquet")
    assert read_trust(audited.folder.path, source_of(more).load()).tolist() == [*whole[places], 1.0]


def test_what_was_moved_since_counts_fully(files, audited, tmp_path):
    doubtful = int(audited.audit.items[audited.audit.order[0]])
    rows = [dict(row) for row in files.rows]
    rows[doubtful]["path"] = "Root C > Leaf C0"
    moved = write(tmp_path, rows, files.embeddings)
    before = read_trust(audited.folder.path, source_of(files).load())
    after = read_trust(audited.folder.path, source_of(moved).load())
    assert before[doubtful] < 0.5
    assert after[doubtful] == 1
    assert np.array_equal(np.delete(before, doubtful), np.delete(after, doubtful))


def test_another_catalogue(files, audited, tmp_path):
    rows = [{**row, "id": f"other {row['id']}"} for row in files.rows]
    other = write(tmp_path, rows, files.embeddings)
    with pytest.raises(InputError, match="none of the 240 items"):
        read_trust(audited.folder.path, source_of(other).load())


def test_decisions_of_the_review_count_more(files, audited, tmp_path):
    folder = shutil.copytree(audited.folder.path, tmp_path / "reviewed")
    catalog = source_of(files).load()
    before = read_trust(folder, catalog)
    wrong, right, moved = audited.audit.items[audited.audit.order[:3]].tolist()
    keys = catalog.taxonomy.keys
    store = DecisionStore(folder / DECISIONS)
    store.add(catalog.ids[wrong].as_py(), ACCEPT, keys[catalog.nodes[wrong]], keys[-1], "ann")
    store.add(catalog.ids[right].as_py(), REJECT, *[keys[catalog.nodes[right]]] * 2, "ann")
    store.add(
        catalog.ids[moved].as_py(), ACCEPT, keys[-1], keys[catalog.nodes[moved]], "ann"
    )  # and audited again
    after = read_trust(folder, catalog)
    assert (after[wrong], after[right], after[moved]) == (0, 1, 1)
    others = np.setdiff1d(np.arange(len(catalog)), [wrong, right, moved])
    assert np.array_equal(after[others], before[others])

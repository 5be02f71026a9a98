import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafcode.codes import IdRegistry
from leafcode.errors import InputError, RunFolderError
from leafcode.serving import SPLITS, ids_batches, ids_table
from leafcode.serving.ids_table import check_ids_table

names = st.sampled_from("abcdef")
text = st.none() | st.sampled_from(["salt", "soap", ""])
batches = st.lists(
    st.dictionaries(names, st.tuples(st.integers(0, 1), text, text, st.sampled_from(SPLITS)), max_size=6),
    max_size=4,
)


@given(batches)
def test_rows_keep_what_they_were_last_given(calls):
    registry, table, known = IdRegistry.empty(1), None, {}
    for items in calls:
        codes = np.array([[code] for code, *_ in items.values()], np.int64).reshape(-1, 1)
        _, registry = registry.assign(list(items), codes)
        paths, texts, splits = ([values[part] for values in items.values()] for part in (1, 2, 3))
        table = ids_table(registry, list(items), paths=paths, texts=texts, splits=splits, previous=table)
        known |= {(name, code): (path, words, split) for name, (code, path, words, split) in items.items()}
        rows = table.to_pylist()
        assert {(r["id"], r["c1"]): (r["path"], r["text"], r["split"]) for r in rows} == known
        assert all(row["semantic_id"] == f"{row['c1']}_{row['suffix']}" for row in rows)
        assert IdRegistry(table).table.equals(registry.table)


REGISTRY = IdRegistry.empty(2).assign(["a", "b"], [[7, 1], [7, 1]])[1]


def test_the_columns():
    table = ids_table(REGISTRY, np.array(["a", "b"], object), splits=["train", "encoded"])
    assert table.schema.names == [
        "id",
        "c1",
        "c2",
        "suffix",
        "semantic_id",
        "path",
        "text",
        "split",
        "active",
    ]
    assert table["path"].null_count == table["text"].null_count == 2


@pytest.mark.parametrize(
    ("ids", "splits", "message"),
    [
        (["a"], ["train", "train"], "split: found 2 rows; expected 1"),
        (["a", "x"], ["train", "train"], "found 2 ids, 1 of them registered"),
        (["a", "a"], ["train", "train"], "found 2 ids, 1 of them registered"),
        (
            ["a", "b"],
            ["train", "test"],
            "column 'split': found 'test'; expected 'train' or 'heldout' or 'encoded'",
        ),
        (["a"], ["train"], "column 'split': found 'None'"),
    ],
)
def test_what_does_not_fit_is_named(ids, splits, message):
    with pytest.raises(InputError, match=message):
        ids_table(REGISTRY, ids, splits=splits)


def test_a_previous_table_of_another_registry():
    table = ids_table(REGISTRY, ["a", "b"], splits=["train", "train"])
    _, other = IdRegistry.empty(2).assign(["a", "c"], [[7, 1], [7, 1]])
    with pytest.raises(InputError, match="other rows than the registry begins with"):
        ids_table(other, ["a", "c"], splits=["train", "train"], previous=table)
    with pytest.raises(InputError, match="other rows than the registry begins with"):
        ids_table(IdRegistry.empty(2), [], splits=[], previous=table)
    _, deeper = IdRegistry.empty(9).assign(["a", "b"], np.zeros((2, 9), np.int64))
    with pytest.raises(InputError, match="other rows than the registry begins with"):
        ids_table(deeper, ["a", "b"], splits=["train", "train"], previous=table)
    with pytest.raises(InputError, match="previous: found the columns id: string"):
        ids_table(REGISTRY, ["a", "b"], splits=["train", "train"], previous=table.drop(["text"]))


def test_other_columns_are_refused():
    table = ids_table(REGISTRY, ["a", "b"], splits=["train", "train"])
    check_ids_table(table, "ids.parquet")
    for other in (table.drop(["text"]), table.append_column("x", pa.array([1, 2])), table.drop(["c1"])):
        with pytest.raises(RunFolderError, match=r"ids\.parquet: found the columns id: string"):
            check_ids_table(other, "ids.parquet")


@given(batches, st.integers(1, 4))
def test_batches_are_the_table_in_pieces(calls, rows):
    registry, table = IdRegistry.empty(1), None
    for items in calls:
        codes = np.array([[code] for code, *_ in items.values()], np.int64).reshape(-1, 1)
        _, registry = registry.assign(list(items), codes)
        paths, texts, splits = ([value[part] for value in items.values()] for part in (1, 2, 3))
        arrays = {
            name: pa.array(values, pa.string()).dictionary_encode()
            for name, values in (("path", paths), ("text", texts), ("split", splits))
        }
        old = None if table is None else iter([table.slice(0, 2), table.slice(2)])
        pieces = list(ids_batches(registry, list(items), arrays, old, rows=rows))
        table = ids_table(registry, list(items), paths=paths, texts=texts, splits=splits, previous=table)
        assert pa.concat_tables([table.slice(0, 0), *pieces]).equals(table)
        assert all(piece.num_rows <= rows for piece in pieces)

import json

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from leafcode.catalog import Engagement, read_engagement
from leafcode.errors import InputError

IDS = ["007", "8", "9", "10"]
ROWS = {
    "user_id": ["u", "u", "u", "v", "v", "v"],
    "item_id": ["007", "8", "9", "9", "8", "007"],
    "position": [2, 1, 3, 1, 2, 9],
}


def write(file, columns):
    table = pa.table(columns)
    if file.suffix == ".parquet":
        pq.write_table(table, file)
    elif file.suffix == ".csv":
        pa.csv.write_csv(table, file)
    else:
        file.write_text("\n".join(map(json.dumps, table.to_pylist())))
    return file


def same(one, other):
    assert (one.association != other.association).nnz == 0
    assert (one.baskets, one.left_out) == (other.baskets, other.left_out)


@pytest.mark.parametrize("name", ["x.parquet", "x.csv", "x.jsonl"])
@pytest.mark.parametrize("window", [None, 1])
def test_formats_agree_with_the_arrays(tmp_path, name, window):
    file = write(tmp_path / name, ROWS)
    found = read_engagement(file, np.array(IDS, object), window=window, min_support=1)
    item = np.array([IDS.index(i) for i in ROWS["item_id"]])
    expected = Engagement.from_baskets(
        np.array(ROWS["user_id"]), item, 4, window=window, position=np.array(ROWS["position"]), min_support=1
    )
    same(found, expected)
    if window:  # u: 8, 007, 9; v: 9, 8, 007
        assert found.degree.tolist() == [2, 2, 2, 0]


def test_columns_are_guessed_in_order_or_named(tmp_path):
    columns = {"order_id": [1, 1, 2, 2], "id": ["8", "9", "8", "9"], "basket_id": [1, 2, 3, 4]}
    file = write(tmp_path / "x.parquet", columns)
    assert read_engagement(file, IDS).baskets == 0, "basket_id comes before order_id"
    assert read_engagement(file, IDS, basket_column="order_id").baskets == 2
    file = write(
        tmp_path / "y.csv", {"cart": [1, 1], "sku": ["8", "9"], "when": ["2020-01-02", "2020-01-01"]}
    )
    names = {"basket_column": "cart", "item_column": "sku", "order_column": "when"}
    assert read_engagement(file, IDS, window=1, min_support=1, **names).baskets == 1


@pytest.mark.parametrize("kind", [pa.timestamp("s"), pa.date32(), pa.float32(), pa.string()])
def test_times_and_numbers_order_a_session(tmp_path, kind):
    values = pa.array([11, 9, 100], pa.int32())
    values = (
        pa.array(["11", "9", "100"])
        if kind == pa.string()
        else values.cast(pa.int64() if kind == pa.timestamp("s") else pa.int32()).cast(kind)
    )
    columns = {"session_id": [1, 1, 1], "item_id": ["8", "9", "10"], "time": values}
    found = read_engagement(write(tmp_path / "x.parquet", columns), IDS, window=1, min_support=1)
    assert found.degree.tolist() == [0, 2, 1, 1], "9, 8, 10: numbers, not texts"


def test_unknown_items(tmp_path):
    columns = {"user_id": ["u", "u", "u", "v", "v"], "item_id": ["8", "77", "9", "8", "78"]}
    file = write(tmp_path / "x.csv", columns)
    with pytest.raises(InputError) as error:
        read_engagement(file, IDS)
    assert error.value.where == f"{file}: column 'item_id'"
    assert "'77' in row 2" in error.value.found
    assert "2 of 5 lines" in error.value.hint
    found = read_engagement(file, IDS, unknown="ignore", min_support=1)
    assert [part.tolist() for part in found.pairs()[:2]] == [[1], [2]]


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({"user_id": ["u"], "sku": ["8"]}, {}, "'sku'; expected one of item_id, product_id, id. Name it"),
        ({"cart": ["u"], "item_id": ["8"]}, {}, "expected one of basket_id, order_id"),
        ({"user_id": ["u"], "item_id": ["8"]}, {"window": 2}, "Name it with order_column"),
        ({"user_id": ["u"], "item_id": ["8"]}, {"item_column": "ID"}, "one column 'ID'"),
        ({"user_id": ["u", None], "item_id": ["8", "9"]}, {}, "column 'user_id': row 2: found an empty cell"),
        ({"user_id": ["u"], "item_id": pa.array([None], pa.string())}, {}, "row 1: found an empty cell"),
        ({"user_id": ["u"], "item_id": ["8"], "time": ["noon"]}, {"window": 1}, "'noon'; expected numbers"),
        ({"user_id": ["u"], "item_id": ["8"]}, {"order_column": "time"}, "order_column without window"),
        ({"user_id": ["u"], "item_id": ["8"]}, {"unknown": "drop"}, "unknown: found 'drop'"),
    ],
)
def test_mistakes_are_named(tmp_path, columns, options, message):
    file = write(tmp_path / "x.parquet", columns)
    with pytest.raises(InputError) as error:
        read_engagement(file, IDS, **options)
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["x.parquet", "x.jsonl", "x.txt"])
def test_files_that_cannot_be_read(tmp_path, name):
    with pytest.raises(InputError, match=name):
        read_engagement(tmp_path / name, IDS)
    (tmp_path / name).write_text("no table")
    with pytest.raises(InputError, match=name):
        read_engagement(tmp_path / name, IDS)

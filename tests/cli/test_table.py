import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from leafcode.cli.table import check_table_path, metrics_table, text_table, write_table
from leafcode.errors import InputError

TABLE = pa.table({"id": ["é,1", 'b"\n'], "c1": [1, None]})


def test_columns_are_aligned_and_long_or_broken_texts_kept_to_a_line():
    lines = text_table([{"n": 7, "text": "a\nb"}, {"n": None, "text": "x" * 99}]).splitlines()
    assert lines[:2] == ["n  text", "7  a b"]
    assert lines[2] == "–  " + "x" * 59 + "…"
    assert text_table([]) == "(none)"


def test_measures_beside_those_of_the_baselines():
    ours = {
        "reconstruction": 0.25,
        "prefix_accuracy": {"1": 0.5, "2": None},
        "precision_at_10": {"1": 0.4, "2": None},
        "hp_at_10": 0.3,
        "collision_rate": 0.1,
    }
    ceiling = {"knn": {"1": 0.8, "2": None}, "probe": {"1": 0.9, "2": None}}
    shown = metrics_table({**ours, "ceiling": ceiling, "baseline": {"rq_kmeans": {**ours, "hp_at_10": None}}})
    rows = {line[:28].strip(): line[28:].split() for line in shown.splitlines()}
    assert rows["measure"] == ["leafcode", "RQ-KMeans", "ceiling"]
    assert rows["prefix accuracy 1"] == ["0.5000", "0.5000", "0.9000"]
    assert rows["prefix accuracy 2"] == ["–", "–", "–"]
    assert rows["precision at 10 1"] == ["0.4000", "0.4000"]
    assert rows["hierarchical precision at 10"] == ["0.3000", "–"]


def test_tables_read_back(tmp_path):
    for suffix in ("parquet", "csv", "jsonl"):
        write_table(TABLE, tmp_path / f"t.{suffix}")
    assert pq.read_table(tmp_path / "t.parquet").equals(TABLE)
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    assert pa.csv.read_csv(tmp_path / "t.csv", parse_options=parse).to_pylist() == TABLE.to_pylist()
    lines = (tmp_path / "t.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == TABLE.to_pylist()


def test_paths_that_cannot_be_written(tmp_path):
    check_table_path(tmp_path / "t.csv")
    check_table_path(Path("t.parquet"))
    with pytest.raises(InputError, match=r"found the suffix '\.txt'; expected one of \.parquet, \.csv"):
        check_table_path(tmp_path / "t.txt")
    with pytest.raises(InputError, match="no such folder"):
        check_table_path(tmp_path / "none" / "t.csv")

import json

import pyarrow as pa
import pyarrow.parquet as pq

from figures import about_machine, keep_figures, machine


def test_figures_and_what_they_come_from(tmp_path):
    schema = pa.schema([("seed", pa.int64()), ("value", pa.float64())])
    table = keep_figures(tmp_path, "audit", [{"seed": 1, "value": 0.5}, {"seed": 2}], schema, rate=0.1)
    assert table.to_pylist() == [{"seed": 1, "value": 0.5}, {"seed": 2, "value": None}]
    assert pq.read_table(tmp_path / "audit.parquet").equals(table)
    assert json.loads((tmp_path / "audit.json").read_text()) == {"machine": machine(), "rate": 0.1}


def test_a_machine_in_words():
    old = {"cores": 2, "cpu": "EPYC", "python": "3.11", "torch": "2.13"}
    assert about_machine(old) == "2 cores of EPYC, Python 3.11, torch 2.13"
    assert about_machine(old | {"vectors": "AVX2"}) == "2 cores of EPYC (AVX2), Python 3.11, torch 2.13"

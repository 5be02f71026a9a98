"""The example scripts, run as a user would run them, at tiny size."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(script, *arguments, folder):
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{script}.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("script", ["semantic_ids", "quantizer_alone"])
def test_runs_and_leaves_nothing_behind(script, tmp_path):
    status, output, errors = run(script, "--tiny", folder=tmp_path)
    assert (status, errors) == (0, "")
    assert output
    assert list(tmp_path.iterdir()) == []


def test_own_training_loop_beats_its_features(tmp_path):
    status, output, errors = run("own_training_loop", "--tiny", folder=tmp_path)
    assert status == 0, errors
    rows = re.findall(r"^(chapter|block|category) +([0-9.]+) +([0-9.]+)$", output, re.MULTILINE)
    assert [name for name, _, _ in rows] == ["chapter", "block", "category"]
    # The gain at this size is 0.07 to 0.24.
    assert all(float(after) > float(before) + 0.02 for _, before, after in rows)


def classifier_table(output):
    """Mean figures without the tree and with it."""
    rows = re.findall(r"^([a-z0-9, ]+?) +([0-9.]+) ± [0-9.]+ +([0-9.]+) ±", output, re.MULTILINE)
    return {name: (float(without), float(with_tree)) for name, without, with_tree in rows}


def test_classifier_prints_figures_that_agree_with_each_other(tmp_path):
    status, output, errors = run("classifier", "--tiny", folder=tmp_path)
    assert (status, errors) == (0, "")
    assert list(tmp_path.iterdir()) == []
    table = classifier_table(output)
    assert {"accuracy", "mistake severity", "hierarchical distance", "right at depth 2"} <= set(table)
    # What the tree changes does not show at this size.
    for of in range(2):
        distance = table["hierarchical distance"][of]
        assert distance == pytest.approx(
            (1 - table["accuracy"][of]) * table["mistake severity"][of], abs=0.03
        )
        assert distance < table["the same, first 5"][of]


def test_classifier_reads_a_catalogue(tmp_path):
    rows = [
        f"i{n},{'red' if n % 2 else 'blue'} thing {n},{'A' if n % 2 else 'B'} > {n % 4}" for n in range(400)
    ]
    (tmp_path / "items.csv").write_text("\n".join(["id,text,path", *rows, "x,no category,"]) + "\n")
    status, output, errors = run("classifier", "--items", "items.csv", "--tiny", folder=tmp_path)
    assert (status, errors) == (0, "")
    assert "400 items, 4 categories" in output
    assert classifier_table(output)["right at depth 1"] == (1.0, 1.0)


def test_semantic_ids_reads_a_catalogue_and_writes_a_run(tmp_path):
    rows = [f"i{n},text {n},{'A' if n % 2 else 'B'} > leaf {n % 4}" for n in range(96)]
    (tmp_path / "items.csv").write_text("\n".join(["id,text,path", *rows]) + "\n")
    vectors = np.random.default_rng(0).normal(size=(96, 8)).astype(np.float32)
    np.save(tmp_path / "vectors.npy", vectors)
    arguments = ("--items", "items.csv", "--embeddings", "vectors.npy", "--out", "run", "--tiny")
    status, output, errors = run("semantic_ids", *arguments, folder=tmp_path)
    assert status == 0, errors
    assert (tmp_path / "run" / "ids.parquet").exists()
    # The new item is a copy of the first one: the same codes, another suffix.
    first = re.search(r"^ +(\S+)  i0 ", output, re.MULTILINE)
    new = re.search(r"^new item: (\S+)$", output, re.MULTILINE)
    assert first is not None
    assert new is not None
    assert new[1] != first[1]
    assert new[1].rsplit("_", 1)[0] == first[1].rsplit("_", 1)[0]


def test_quantizer_alone_writes_codes_of_a_file(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(120, 6)).astype(np.float16))
    arguments = ("--vectors", "x.npy", "--out", "codes.npy", "--tiny")
    status, output, errors = run("quantizer_alone", *arguments, folder=tmp_path)
    assert (status, errors) == (0, "")
    codes = np.load(tmp_path / "codes.npy")
    assert codes.shape == (120, 3)
    assert (codes.max(axis=0) < [8, 4, 4]).all()
    assert "120 items, 8 x 4 x 4 codes" in output


@pytest.mark.parametrize(
    ("script", "arguments", "message"),
    [
        ("semantic_ids", ("--items", "none.csv"), "error: none.csv: found no such file"),
        (
            "quantizer_alone",
            ("--vectors", "none.npy"),
            "error: none.npy: found no such file",
        ),
        ("own_training_loop", ("--items", "100"), "error: nodes: found "),
        ("classifier", ("--items", "none.csv"), "error: none.csv: found no such file"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(script, arguments, message, tmp_path):
    status, _, errors = run(script, *arguments, folder=tmp_path)
    assert status == 1
    assert errors.splitlines()[-1].startswith(message)
    assert "Traceback" not in errors

import json

import pyarrow.parquet as pq
import pytest
from tests.cli.commands import contents, failure, success

OPTIONS = [
    *("--levels", "8,4", "--tree-steps", "8", "--content-steps", "8", "--steps", "8"),
    *("--seeds", "2", "--jobs", "1", "--quiet"),
]
METHODS = ["--methods", "lda_rq_kmeans", "--front-seeds", "0"]


@pytest.fixture(scope="module")
def compared(tmp_path_factory, catalogue):
    """A folder of a comparison, not to be changed, and where what was printed is kept."""
    from leafcode.cli import main

    out = tmp_path_factory.mktemp("compared") / "out"
    assert main(["compare", *catalogue.arguments, "--out", str(out), *OPTIONS, *METHODS]) == 0
    return out


def test_table_and_verdict_are_printed(capsys, catalogue, compared):
    words = ["compare", *catalogue.arguments, "--out", compared, *OPTIONS, *METHODS, "--resume"]
    shown = success(capsys, *words)
    lines = shown.splitlines()
    assert lines[0].split("  ")[0] == "method"
    assert [line.split("  ")[0] for line in lines[1:4]] == ["RQ-KMeans", "LDA + RQ-KMeans", "RQ-VAE, λ = 0"]
    assert "a 1 (default)" in lines[2]
    verdict = json.loads((compared / "comparison.json").read_text())["verdict"]
    assert verdict["label"] + ". " in shown
    assert str(compared / "comparison.html") in shown
    assert pq.read_table(compared / "results.parquet").num_rows > 100


def test_a_folder_with_a_comparison_is_kept(capsys, catalogue, compared):
    before = contents(compared)
    words = ["compare", *catalogue.arguments, "--out", compared, *OPTIONS, *METHODS]
    assert "--resume" in failure(capsys, *words)
    assert "holdout 0.2, not 0.3" in failure(capsys, *words, "--resume", "--holdout", "0.3")
    assert "not allowed with" in failure(capsys, *words, "--resume", "--overwrite")
    assert contents(compared) == before


def test_mistakes_are_told_in_a_line(capsys, catalogue, tmp_path):
    words = ["compare", *catalogue.arguments, "--out", tmp_path / "out", *OPTIONS]
    assert "Did you mean 'lda_rq_kmeans'" in failure(capsys, *words, "--methods", "lda")
    assert "--split" in failure(capsys, *words, "--split", "rows")
    assert "seeds: found 0" in failure(capsys, *words, "--seeds", "0")
    no_path = [str(catalogue.items), "--embeddings", str(catalogue.vectors)]
    assert "no categories" in failure(capsys, "compare", *no_path, "--out", tmp_path / "out", *OPTIONS)
    assert not (tmp_path / "out").exists()


def test_what_fails_is_named_and_the_rest_is_printed(capsys, catalogue, tmp_path):
    from leafcode.cli import main

    words = ["compare", *catalogue.arguments, "--out", str(tmp_path / "out"), *OPTIONS, *METHODS]
    status = main([*words, "--levels", "1024,4"])
    out, err = capsys.readouterr()
    assert status == 2
    assert "Not compared" in out
    assert err.count("\n") == 1
    assert "rq_kmeans, seed 0" in err
    assert "--resume" in err

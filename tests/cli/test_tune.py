import re
import shlex

import pyarrow.parquet as pq
import pytest
from tests.catalogues import COMMAND_OPTIONS
from tests.cli.commands import failure, success
from tests.pipeline.outcomes import outcome

from leafcode.cli.main import build_parser
from leafcode.cli.tune import fit_command
from leafcode.pipeline import tune_study
from leafcode.pipeline.tune_trial import Split

# As for fit, without the lambda that is looked for.
OPTIONS = [word for word in COMMAND_OPTIONS if word not in ("--contrast-weight", "1")]
MORE = ["--trials", "3"]


def planned(split, options, training, device, at_start=None):
    """In place of training: the more weight the tree has, the fewer wrong categories, at some cost."""
    weight = 0.7 if training.contrast_weight == "auto" else training.contrast_weight
    found = outcome(1 + weight / 1000, 0.4 - weight / 100, weight)
    if at_start is not None:
        at_start(found)
    return found


@pytest.fixture(autouse=True)
def _no_training(monkeypatch):
    monkeypatch.setattr(Split, "run", planned)


@pytest.fixture
def tuned(capsys, tmp_path, catalogue):
    success(capsys, "tune", *catalogue.arguments, "--out", tmp_path / "out", *OPTIONS, *MORE)
    return tmp_path / "out"


def test_the_answer_on_the_terminal(capsys, catalogue, tuned):
    shown = success(capsys, "tune", *catalogue.arguments, "--out", tuned, "--resume", *OPTIONS, *MORE)
    assert "On the items of the trials:" in shown
    assert re.search(r"On \d+ held-out items:", shown)
    assert re.search(r"^λ = 0 +0 ", shown, re.MULTILINE)
    assert re.search(r"^auto ", shown, re.MULTILINE)
    assert shown.endswith(f"front   {tuned / 'front.parquet'}\npage    {tuned / 'tuned.html'}\n")


def test_the_command_fits_with_what_was_given_and_what_was_found(capsys, catalogue, tuned):
    arguments = [*catalogue.arguments, "--out", tuned, "--resume", *OPTIONS, *MORE]
    shown = success(capsys, "tune", *arguments)
    commands = re.findall(r"^leafcode (fit .*)$", shown, re.MULTILINE)
    rows = pq.read_table(tuned / "front.parquet").to_pylist()
    (best,) = (row for row in rows if row["recommended"])
    (command,) = commands
    found = build_parser().parse_args(shlex.split(command))
    asked = build_parser().parse_args(["tune", *map(str, arguments)])
    for name in (
        "items",
        "path",
        "embeddings",
        "text",
        "levels",
        "tree_steps",
        "content_steps",
        "steps",
        "batch_size",
        "seed",
    ):
        assert getattr(found, name) == getattr(asked, name)
    assert float(found.contrast_weight) == best["contrast_weight"]
    assert found.level_weights == (1.0, best["second_share"])
    assert found.temperature == best["temperature"]


def test_options_that_fit_has_too_have_its_defaults():
    fit, tune = (build_parser().parse_args([name, "a.csv", "--out", "o"]) for name in ("fit", "tune"))
    shared = set(vars(fit)) & set(vars(tune)) - {"run", "reconstruction_limit"}
    assert {"levels", "steps", "tree_steps", "content_steps", "holdout", "split_seed", "grades"} <= shared
    assert {name: getattr(fit, name) for name in shared} == {name: getattr(tune, name) for name in shared}


def test_every_option_of_the_command_is_one_of_fit():
    words = ["tune", "a.csv", "--out", "o", "--text", "a", "b", "--separator", " / ", "--levels", "8,4"]
    words += ["--grades", "1,0.5", "--learning-rate", "0.01", "--category", "c", "--taxonomy", "t.csv"]
    options = build_parser().parse_args([*words, "--quiet", "--device", "cpu", "--seconds", "3"])
    command = shlex.split(fit_command(options, options.run.keywords["default"]))
    found = build_parser().parse_args(command[1:])
    assert (found.text, found.separator, found.levels) == (["a", "b"], " / ", (8, 4))
    assert (found.grades, found.learning_rate) == ("1,0.5", 0.01)
    assert "--quiet" not in command


@pytest.mark.parametrize(
    "more",
    [
        ["--taxonomy-option", "id_column=code", "--taxonomy-option", "name_column=n"],
        ["--paths-separator=-|-"],
        ["--embeddings", "a.npy", "b.npy"],
    ],
)
def test_every_option_of_the_printed_command_is_read_back(more):
    options = build_parser().parse_args(["tune", "a.csv", "--out", "o", *more])
    command = shlex.split(fit_command(options, options.run.keywords["default"]))
    found = build_parser().parse_args(command[1:])
    for name in ("taxonomy_option", "paths_separator", "embeddings"):
        assert getattr(found, name) == getattr(options, name)


def test_mistakes_are_told_in_one_line(capsys, catalogue, tuned, monkeypatch):
    arguments = ["tune", *catalogue.arguments, "--out", tuned, *OPTIONS, *MORE]
    assert "--resume" in failure(capsys, *arguments)
    assert "steps 24, not 25" in failure(capsys, *arguments, "--resume", "--steps", "25")
    assert "trials=0" in failure(capsys, *arguments, "--resume", "--trials", "0")
    monkeypatch.setattr(tune_study.importlib.util, "find_spec", lambda name: None)
    assert "pip install 'leafcode[tune]'" in failure(capsys, *arguments, "--resume")

import errno
import re
from importlib.metadata import version

import pytest
import torch
from tests.cli.commands import failure

from leafcode.cli import main
from leafcode.cli.main import build_parser
from leafcode.errors import InputError
from leafcode.pipeline import Run

COMMANDS = ("fit", "encode", "evaluate", "similar", "export", "compare", "tune", "review")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_examples_that_parse(capsys, command):
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    examples = re.findall(rf"^  leafcode ({command} .*)$", shown.split("examples:")[1], re.MULTILINE)
    assert len(examples) >= 2
    for example in examples:
        words = example.split(" #")[0].split(" > ")[0].replace('"', "'")
        quoted = re.findall(r"'[^']*'|\S+", words)
        build_parser().parse_args([word.strip("'") for word in quoted])


def test_help_and_version(capsys):
    for words, expected in ((["--help"], COMMANDS), (["--version"], [version("leafcode")])):
        with pytest.raises(SystemExit) as left:
            main(words)
        assert left.value.code == 0
        shown = capsys.readouterr().out
        assert all(part in shown for part in expected)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([], "COMMAND"),
        (["train"], "'train'"),
        (["fit", "items.csv"], "--out"),
        (["fit", "items.csv", "--out", "run", "--levels", "8,x"], "--levels: .*'8,x'"),
        (["fit", "items.csv", "--out", "run", "--steps", "many"], "--steps: .*'many'"),
        (["fit", "items.csv", "--out", "run", "--resume", "--overwrite"], "--overwrite: not allowed with"),
        (["similar", "run"], "--id"),
        (["similar", "run", "soap", "--id", "7"], "not allowed with"),
    ],
)
def test_wrong_command_lines(capsys, words, named):
    assert re.search(named + ".*; see leafcode .*--help$", failure(capsys, *words))


def _raising(monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(Run, "open", fail)


def test_errors_of_several_lines_are_told_in_one(capsys, monkeypatch):
    _raising(monkeypatch, InputError("items.csv", "this\nand that", "neither"))
    assert failure(capsys, "evaluate", "run").endswith("items.csv: found this and that; expected neither")


def test_errors_of_the_system(capsys, monkeypatch):
    _raising(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    assert "No space left on device" in failure(capsys, "evaluate", "run")


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory. Tried\nmore")])
def test_too_little_memory(capsys, monkeypatch, error):
    _raising(monkeypatch, error)
    assert "out of memory" in failure(capsys, "evaluate", "run")


def test_control_c(capsys, monkeypatch):
    _raising(monkeypatch, KeyboardInterrupt())
    assert main(["evaluate", "run"]) == 130
    assert capsys.readouterr().err == "leafcode: stopped.\n"  # it has no --resume


def test_mistakes_of_the_program_keep_their_traceback(monkeypatch):
    _raising(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main(["evaluate", "run"])

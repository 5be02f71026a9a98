"""The documentation is true: snippets run, links resolve, options and defaults are those of the code."""

import argparse
import dataclasses
import doctest
import importlib
import re
from pathlib import Path

import pytest

from leafcode.cli.main import build_parser
from leafcode.training import TrainingConfig

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
OF_TORCHRUN = {"--nproc-per-node", "--max-restarts"}
FENCE = re.compile(r"^```.*$", re.MULTILINE)


def each_page():
    return pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def headings(page):
    """The anchors that a page offers, as GitHub makes them."""
    text = page.read_text(encoding="utf-8")
    lines = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}
    return made | set(re.findall(r'<a id="([^"]+)">', text))


@each_page()
def test_snippets_give_what_they_show(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # A fence would be taken for the last line of output.
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    test = doctest.DocTestParser().get_doctest(text, {}, page.stem, str(page), 0)
    report = []
    failed = doctest.DocTestRunner().run(test, out=report.append).failed
    assert failed == 0, "".join(report)


@each_page()
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        linked = (page.parent / file).resolve() if file else page
        assert linked.exists(), target
        assert not anchor or anchor in headings(linked), target


def all_options():
    parsers, found = [build_parser()], set()
    while parsers:
        parser = parsers.pop()
        found |= set(parser._option_string_actions)
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                parsers += action.choices.values()
    return found


@each_page()
def test_options_exist(page):
    mentioned = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", page.read_text(encoding="utf-8")))
    assert mentioned <= all_options() | OF_TORCHRUN


@each_page()
def test_modules_exist(page):
    for name in set(re.findall(r"`leafcode((?:\.[a-z_]+)+)`", page.read_text(encoding="utf-8"))):
        importlib.import_module(f"leafcode{name}")


def test_every_training_default_has_its_reason():
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \| [^|]+ \|$", text, re.MULTILINE))
    defaults = {field.name: repr(field.default) for field in dataclasses.fields(TrainingConfig)}
    assert rows == defaults


def test_the_index_names_every_page():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if f"]({page.name})" not in index] == ["README.md"]

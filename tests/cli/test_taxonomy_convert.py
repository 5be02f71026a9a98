import json
import re

import pytest
from tests.cli.commands import failure, success

from leafcode.cli import main
from leafcode.cli.main import build_parser
from leafcode.taxonomy import read_taxonomy
from leafcode.taxonomy.readers import FORMATS

SKOS = """\
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
<urn:tea> a skos:Concept ; skos:broader <urn:food> , <urn:gift> ; skos:prefLabel "tea"@en , "Tee"@de .
<urn:food> a skos:Concept ; skos:prefLabel "food"@en , "Essen"@de .
<urn:gift> a skos:Concept ; skos:prefLabel "gift"@en .
"""


@pytest.fixture
def thesaurus(tmp_path):
    file = tmp_path / "thesaurus.ttl"
    file.write_text(SKOS)
    return file


def convert(*words):
    return ["taxonomy", "convert", *words]


def test_a_thesaurus_as_a_table_in_one_language(capsys, tmp_path, thesaurus):
    out = tmp_path / "a.parquet"
    shown = success(capsys, *convert(thesaurus, out, "--language", "de"))
    assert shown == f"3 categories, 2 roots, 1 with several parents: {out}\n"
    graph = read_taxonomy(out)
    assert graph.ids == ("urn:food", "urn:gift", "urn:tea")
    assert graph.names == ("Essen", "gift", "Tee")
    assert graph.parents[2] == ("urn:food", "urn:gift")


@pytest.mark.parametrize(
    ("parents", "keys"),
    [
        ("primary", ("urn:food", "urn:tea", "urn:gift")),
        ("unfold", ("urn:food", "urn:food > urn:tea", "urn:gift", "urn:gift > urn:tea")),
    ],
)
def test_a_tree_of_several_parents(capsys, tmp_path, thesaurus, parents, keys):
    out = tmp_path / "a.json"
    assert "2 parents of 'urn:tea'" in failure(capsys, *convert(thesaurus, out))
    success(capsys, *convert(thesaurus, out, "--parents", parents))
    assert read_taxonomy(out).ids == keys


def test_unfolding_keeps_the_names_in_all_languages(capsys, tmp_path, thesaurus):
    out = tmp_path / "a.ttl"
    success(capsys, *convert(thesaurus, out, "--parents", "unfold"))
    graph = read_taxonomy(out, ids="notation")
    assert graph.labels["de"] == {
        "urn:food": "Essen",
        "urn:food > urn:tea": "Tee",
        "urn:gift > urn:tea": "Tee",
    }
    assert graph.named("en").names == ("food", "tea", "gift", "tea")


def test_options_of_the_reader(capsys, tmp_path):
    (tmp_path / "a.dat").write_text(json.dumps([{"t": "A", "sub": [{"t": "B"}]}]))
    words = convert(tmp_path / "a.dat", tmp_path / "a.csv", "--format", "nested-json")
    success(capsys, *words, "--option", "name-key=t", "--option", "children-key=sub")
    assert read_taxonomy(tmp_path / "a.csv").ids == ("A", "A > B")
    assert "there already" in failure(capsys, *words, "--option", "name-key=t")
    success(capsys, *words, "--option", "name-key=t", "--overwrite")
    assert "the option 'nam'" in failure(capsys, *words, "--option", "nam=t")


def test_mistakes_are_told_in_one_line(capsys, tmp_path, thesaurus):
    (tmp_path / "b.ttl").write_text(
        SKOS.replace("a skos:Concept ; skos:broader", "a skos:Concept skos:broader")
    )
    assert "b.ttl: line 2: found" in failure(capsys, *convert(tmp_path / "b.ttl", tmp_path / "b.csv"))
    assert "language: found 'fr'" in failure(
        capsys, *convert(thesaurus, tmp_path / "a.csv", "--language", "fr")
    )
    assert "the suffix '.doc'" in failure(capsys, *convert(thesaurus, tmp_path / "a.doc"))
    assert "COMMAND" in failure(capsys, "taxonomy")


def test_the_help_names_every_format_and_its_examples_parse(capsys):
    with pytest.raises(SystemExit):
        main(convert("--help"))
    shown = capsys.readouterr().out
    assert all(f"  {name}" in shown for name in FORMATS)
    examples = re.findall(r"^  leafcode (taxonomy .*)$", shown, re.MULTILINE)
    assert len(examples) >= 2
    for example in examples:
        build_parser().parse_args(example.split())

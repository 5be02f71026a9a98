import json
import sys

import pytest

from leafcode.errors import InputError
from leafcode.taxonomy.readers.rdf_file import read_triples

TURTLE = """\
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix a: <http://aims.fao.org/aos/agrovoc/> .

a:c_1474 a skos:Concept ; skos:prefLabel "cereals"@en ;
  skos:narrower a:c_8373 .
a:c_12332 skos:broader a:c_1474 ; skos:prefLabel "maíz"@es .
"""
TRIPLES = "<urn:a> <urn:b> <urn:c> .\n<urn:a> <urn:b> <urn:d> .\n"


def write(folder, text, name="thesaurus.ttl"):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_n_triples_are_read_as_turtle(tmp_path):
    assert len(read_triples(write(tmp_path, TRIPLES, "a.nt"))) == 2


def test_relative_addresses_do_not_depend_on_the_folder(tmp_path):
    ((tea, _, food),) = read_triples(write(tmp_path, "<#tea> <urn:broader> <#food> ."))
    assert (str(tea), str(food)) == ("file:///thesaurus.ttl#tea", "file:///thesaurus.ttl#food")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "a.ttl",
            TURTLE.replace("skos:narrower a:", "skos:narrower ;"),
            r"a.ttl: line 5: found .*objectList",
        ),
        (
            "a.ttl",
            TURTLE.replace("@prefix a:", "@prefix b:"),
            r'a.ttl: line 4: found .*Prefix "a:" not bound',
        ),
        ("a.nt", TRIPLES.replace("<urn:d> .", "<urn:d>"), r"a.nt: line [23]: found content that cannot"),
        ("a.rdf", "<rdf:RDF\nxmlns:rdf='x'>\n<a></rdf:RDF>", r"a.rdf: line 3: found .*mismatched tag"),
        ("a.jsonld", '{"@id":\n "urn:a",}', r"a.jsonld: line 2: found"),
        ("a.jsonld", "3", r"a.jsonld: found content that cannot be parsed"),
        ("a.trix", "", r"a.trix: found the suffix '.trix'; expected one of .ttl"),
    ],
)
def test_errors_name_the_line(tmp_path, name, text, message):
    with pytest.raises(InputError, match=message):
        read_triples(write(tmp_path, text, name))


def test_bytes_that_are_no_text(tmp_path):
    file = tmp_path / "latin.ttl"
    file.write_bytes(TURTLE.encode("latin-1"))
    with pytest.raises(InputError, match=r"latin.ttl: line 6: found .*can't decode"):
        read_triples(file)
    with pytest.raises(InputError, match=r"nowhere.ttl: found a file that cannot be read"):
        read_triples(tmp_path / "nowhere.ttl")


@pytest.mark.parametrize(
    ("context", "pointer"),
    [
        ("https://schema.org/docs/jsonldcontext.json", "/0/@context"),
        ([{}, "https://schema.org"], "/0/@context"),
        ({"@import": "https://schema.org"}, "/0/@context"),
        ({"a": {"@id": "urn:a", "@context": "urn:c"}}, "/0/@context/a/@context"),
    ],
)
def test_no_context_is_fetched(tmp_path, context, pointer):
    file = write(tmp_path, json.dumps([{"@context": context, "@id": "urn:a"}]), "a.jsonld")
    with pytest.raises(
        InputError, match=rf"a.jsonld: {pointer}: found the remote context '.*nothing is fetched"
    ):
        read_triples(file)


def test_without_rdflib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rdflib", None)
    with pytest.raises(InputError, match=r"no package rdflib .*pip install 'leafcode\[rdf\]'"):
        read_triples(write(tmp_path, TURTLE))

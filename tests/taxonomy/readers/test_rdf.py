import pytest
import rdflib

from leafcode.errors import InputError
from leafcode.taxonomy import read_taxonomy
from leafcode.taxonomy.readers.rdf import default_name, read_rdf

# A few concepts of AGROVOC, the thesaurus of the FAO, and some that have what others lack.
AGROVOC = """\
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix a: <http://aims.fao.org/aos/agrovoc/> .

a:c_1474 a skos:Concept ; skos:prefLabel "cereals"@en , "Getreide"@de ; skos:altLabel "grain"@en ;
  skos:topConceptOf a: ; skos:narrower a:c_8373 , a:c_6599 ; skos:notation "1474" .
a:c_12332 a skos:Concept ; skos:inScheme a: ; skos:broader a:c_6599x , a:c_1474 ; skos:notation "12332" ;
  skos:prefLabel "maize"@en , "Mais"@de , "maíz"@es .
a:c_6599 a skos:Concept ; skos:inScheme a: ; skos:prefLabel "rice"@en ; skos:notation "6599" .
a:c_8373 a skos:Concept ; skos:prefLabel "Weizen"@de ; skos:broaderTransitive a:c_0 ; skos:notation "8373" .
a:c_6599x a skos:Concept ; skos:notation "6599x" .
a:c_1 a skos:Concept ; owl:deprecated true ; skos:broader a:c_1474 ; skos:narrower a:c_8373 .
"""
A = "http://aims.fao.org/aos/agrovoc/"
# Classes of schema.org: a local business is an organization and a place.
SCHEMA = """\
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix schema: <https://schema.org/> .

schema:Thing a rdfs:Class ; rdfs:label "Thing" ; rdfs:subClassOf owl:Thing .
schema:Organization a rdfs:Class ; rdfs:label "Organization" ; rdfs:subClassOf schema:Thing .
schema:Place a rdfs:Class ; rdfs:label "Place" ; rdfs:subClassOf schema:Thing , schema:Place .
schema:LocalBusiness a rdfs:Class ; rdfs:label "LocalBusiness" ;
  rdfs:subClassOf schema:Organization , schema:Place ,
    [ a owl:Restriction ; owl:onProperty schema:address ; owl:minCardinality 1 ] .
schema:address rdfs:label "address" .
"""
# Subclass statements of Wikidata: a motor car is a motor vehicle, which is a vehicle.
P279 = "http://www.wikidata.org/prop/direct/P279"
Q = "http://www.wikidata.org/entity/Q"
WIKIDATA = f"""\
<{Q}1420> <{P279}> <{Q}752870> .
<{Q}752870> <{P279}> <{Q}42889> .
<{Q}42889> <http://www.w3.org/2000/01/rdf-schema#label> "vehicle"@en .
"""


def write(folder, text, name="thesaurus.ttl"):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def rows(graph):
    return {
        key: (above, name) for key, above, name in zip(graph.ids, graph.parents, graph.names, strict=True)
    }


def test_skos_concepts(tmp_path):
    graph = read_rdf(write(tmp_path, AGROVOC))
    assert rows(graph) == {
        f"{A}c_12332": ((f"{A}c_6599x", f"{A}c_1474"), "maize"),
        f"{A}c_1474": ((), "cereals"),
        f"{A}c_6599": ((f"{A}c_1474",), "rice"),
        f"{A}c_6599x": ((), f"{A}c_6599x"),
        f"{A}c_8373": ((f"{A}c_1474",), "Weizen"),
    }
    assert list(graph.labels) == ["de", "en", "es"]
    assert graph.named("de").names == ("Mais", "Getreide", "rice", f"{A}c_6599x", "Weizen")
    assert graph.taxonomy().parents.tolist() == [-1, 0, 0, -1, 3]
    assert len(graph.unfold().nodes[f"{A}c_12332"]) == 2


def test_one_scheme_of_several(tmp_path):
    file = write(tmp_path, AGROVOC)
    graph = read_rdf(file, scheme=A)
    assert [key.removeprefix(A) for key in graph.ids] == ["c_12332", "c_1474", "c_6599"]
    assert graph.parents[0] == (f"{A}c_1474",)  # the other parent is in no scheme
    with pytest.raises(InputError, match=r"thesaurus.ttl: scheme: found 'b'; expected .*agrovoc/\)"):
        read_rdf(file, scheme="b")
    inverse = f"<urn:s> <http://www.w3.org/2004/02/skos/core#hasTopConcept> <{A}c_8373> ."
    assert read_rdf(write(tmp_path, AGROVOC + inverse), scheme="urn:s").ids == (f"{A}c_8373",)


def test_notations_as_ids(tmp_path):
    graph = read_rdf(write(tmp_path, AGROVOC), ids="notation")
    assert graph.ids == ("12332", "1474", "6599", "6599x", "8373")
    assert graph.parents[0] == ("6599x", "1474")
    without = AGROVOC.replace('; skos:notation "8373"', "")
    with pytest.raises(InputError, match=r"ids: found 0 notations of <.*c_8373>"):
        read_rdf(write(tmp_path, without), ids="notation")


def test_a_parent_that_the_file_lacks_is_kept(tmp_path):
    graph = read_rdf(write(tmp_path, AGROVOC.replace("a:c_6599x a skos:Concept", "a:c_6599x a skos:Thing")))
    assert graph.parents[0] == (f"{A}c_6599x", f"{A}c_1474")
    with pytest.raises(InputError, match=r"thesaurus.ttl: found the parent '.*c_6599x' of '.*c_12332'"):
        graph.taxonomy()


def test_classes(tmp_path):
    graph = read_rdf(write(tmp_path, SCHEMA))
    short = {key.removeprefix("https://schema.org/"): row for key, row in rows(graph).items()}
    assert list(short) == ["LocalBusiness", "Organization", "Place", "Thing"]
    assert short["LocalBusiness"][0] == ("https://schema.org/Organization", "https://schema.org/Place")
    assert short["Thing"] == ((), "Thing")
    assert short["Place"][0] == ("https://schema.org/Thing",)
    assert graph.labels == {}
    assert len(graph.unfold().taxonomy) == 5


def test_another_relation(tmp_path):
    file = write(tmp_path, WIKIDATA, "subclasses.nt")
    graph = read_rdf(file, predicate=P279)
    tree = graph.taxonomy()
    assert [key.rpartition("/")[2] for key in tree.keys] == ["Q42889", "Q752870", "Q1420"]
    assert tree.names[0] == "vehicle"
    with pytest.raises(
        InputError, match=r"subclasses.nt: found no category in 3 triples; expected .*subClassOf"
    ):
        read_rdf(file)


def test_categories_of_dbpedia_which_nothing_types(tmp_path):
    broader = "<http://www.w3.org/2004/02/skos/core#broader>"
    text = f"<urn:Teas> {broader} <urn:Drinks> .\n<urn:Drinks> {broader} <urn:Food> .\n"
    assert read_rdf(write(tmp_path, text, "categories.nt")).ids == ("urn:Drinks", "urn:Food", "urn:Teas")


@pytest.mark.parametrize(
    ("suffix", "syntax"),
    [(".nt", "nt"), (".rdf", "xml"), (".owl", "pretty-xml"), (".n3", "n3"), (".jsonld", "json-ld")],
)
@pytest.mark.parametrize("text", [AGROVOC, SCHEMA], ids=["skos", "rdfs"])
@pytest.mark.filterwarnings("ignore:.*Dataset:DeprecationWarning")
def test_every_syntax_says_the_same(tmp_path, text, suffix, syntax):
    turtle = read_taxonomy(write(tmp_path, text))
    file = tmp_path / f"again{suffix}"
    rdflib.Graph().parse(data=text, format="turtle").serialize(file, format=syntax, encoding="utf-8")
    other = read_taxonomy(file)
    assert (other.ids, other.names, other.labels) == (turtle.ids, turtle.names, turtle.labels)
    assert [set(above) for above in other.parents] == [set(above) for above in turtle.parents]


def test_the_parents_are_those_of_a_query(tmp_path):
    triples = rdflib.Graph().parse(data=AGROVOC, format="turtle")
    query = """SELECT ?child ?parent WHERE {
        { ?child skos:broader ?parent } UNION { ?parent skos:narrower ?child }
        FILTER NOT EXISTS { ?child owl:deprecated true }
        FILTER NOT EXISTS { ?parent owl:deprecated true } }"""
    graph = read_rdf(write(tmp_path, AGROVOC))
    pairs = {(key, parent) for key, above in zip(graph.ids, graph.parents, strict=True) for parent in above}
    assert pairs == {(str(child), str(parent)) for child, parent in triples.query(query)}


def test_a_file_without_categories(tmp_path):
    with pytest.raises(InputError, match=r"a.ttl: found no category in 1 triples; expected .*subClassOf"):
        read_rdf(write(tmp_path, "<urn:a> <urn:b> <urn:c> .", "a.ttl"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocabulary": "obo"}, r"vocabulary: found 'obo'; expected auto, skos, owl"),
        (
            {"vocabulary": "owl", "predicate": P279},
            r"vocabulary: found the predicate .* expected one of them",
        ),
        ({"ids": "label"}, r"ids: found 'label'; expected iri or notation"),
    ],
)
def test_unknown_settings(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        read_rdf(write(tmp_path, AGROVOC), **options)


def test_default_names():
    assert default_name({"de": "a", "en-gb": "b", "ar": "c"}) == "b"
    assert default_name({"de": "a", "ar": "c"}) == "c"
    assert default_name({"en": "a", "": "b"}) == "b"


def test_of_two_properties_the_first_that_names_a_category_gives_its_name(tmp_path):
    other = "http://www.w3.org/2000/01/rdf-schema#label"
    text = f'a:c_6599 <{other}> "internal_6599" , "Reis"@de , "paddy"@en . a:c_6599x <{other}> "other" .'
    graph = read_rdf(write(tmp_path, AGROVOC + text))
    names = dict(zip(graph.ids, graph.names, strict=True))
    assert (names[f"{A}c_6599"], names[f"{A}c_6599x"]) == ("rice", "other")
    assert (graph.labels["en"][f"{A}c_6599"], graph.labels["de"][f"{A}c_6599"]) == ("rice", "Reis")


def test_of_two_names_in_a_language_the_first_is_taken(tmp_path):
    graph = read_rdf(write(tmp_path, AGROVOC + 'a:c_6599 skos:prefLabel "paddy"@en .'))
    assert graph.labels["en"][f"{A}c_6599"] == "paddy"

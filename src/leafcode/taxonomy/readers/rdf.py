"""Thesauri and ontologies in RDF: SKOS concepts, OWL and RDFS classes, or any property that leads upwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from leafcode.errors import InputError
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.readers.rdf_file import read_triples

if TYPE_CHECKING:
    import rdflib
    from rdflib.term import Node

    Edges = dict[Node, dict[Node, None]]

_SKOS = "http://www.w3.org/2004/02/skos/core#"
_OWL = "http://www.w3.org/2002/07/owl#"
_RDFS = "http://www.w3.org/2000/01/rdf-schema#"
_UNIVERSAL = (f"{_OWL}Thing", f"{_RDFS}Resource", f"{_RDFS}Class")


class _Vocabulary(NamedTuple):
    """How a vocabulary says what a category is, what stands above it, and what it is called."""

    types: tuple[str, ...]
    upwards: tuple[str, ...]
    downwards: tuple[str, ...] = ()
    labels: tuple[str, ...] = (f"{_RDFS}label", f"{_SKOS}prefLabel")


_VOCABULARIES = {
    "skos": _Vocabulary(
        types=(f"{_SKOS}Concept",),
        upwards=(f"{_SKOS}broader",),
        downwards=(f"{_SKOS}narrower",),
        labels=(f"{_SKOS}prefLabel", f"{_RDFS}label"),
    ),
    "owl": _Vocabulary((f"{_OWL}Class", f"{_RDFS}Class"), (f"{_RDFS}subClassOf",)),
}


def read_rdf(
    path: str | Path,
    vocabulary: str = "auto",
    scheme: str | None = None,
    predicate: str | None = None,
    ids: str = "iri",
) -> CategoryGraph:
    r"""Read categories from Turtle, N-Triples, RDF/XML or JSON-LD.

    - SKOS: concepts, with ``skos:broader`` and, the other way round, ``skos:narrower`` as parents and
      ``skos:prefLabel`` as names. Alternative labels and transitive relations are left out.
    - OWL and RDFS: named classes, with ``rdfs:subClassOf`` as parents and ``rdfs:label`` as names.
      Restrictions and other nameless classes are left out, and so is ``owl:Thing`` above everything.
    - Any other property that leads from a category to one above it, by ``predicate``.

    Categories are those of the vocabulary's type, such as ``skos:Concept``; if the file types none, or with
    a ``predicate``, all that the relation joins. Those with ``owl:deprecated`` true are left out, and so is
    what the file says of others being beneath them.

    Args:
        path: The file; its suffix decides the syntax.
        vocabulary: ``skos``, ``owl`` (for RDFS too), or ``auto``: SKOS if there is one of its relations.
        scheme: Only the concepts of the ``skos:ConceptScheme`` of this address; parents outside of it are
            dropped.
        predicate: Address of a property to use as the relation instead, such as Wikidata's
            ``http://www.wikidata.org/prop/direct/P279`` (subclass of).
        ids: ``iri``: categories go by their address; ``notation``: by their ``skos:notation``.

    Returns:
        The categories sorted by id, parents in the order of the file. A category's default name is the one
        without a language, else the English one, else that of the first language in the alphabet, else its
        id; of several names in one language it is the first in code-point order. A second property, such
        as ``rdfs:label`` of SKOS concepts, gives the default name only of a category that the first does not
        name at all, and the name in a language only where the first has none in it.

    Raises:
        InputError: The file cannot be parsed (naming the line), no category is found, a setting is unknown,
            a category has no single notation, or rdflib is not installed.

    References:
        W3C, SKOS Reference (2009): https://www.w3.org/TR/skos-reference/
        W3C, RDF Schema 1.1 (2014): https://www.w3.org/TR/rdf-schema/

    Example:
        >>> import tempfile
        >>> text = '''@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
        ... <urn:tea> a skos:Concept ; skos:broader <urn:food> ; skos:prefLabel "Tea"@en , "Tee"@de .
        ... <urn:food> a skos:Concept ; skos:prefLabel "Food"@en .
        ... '''
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "thesaurus.ttl")
        ...     _ = file.write_text(text)
        ...     graph = read_rdf(file)
        >>> graph.taxonomy().path(1), graph.named("de").names
        (('Food', 'Tea'), ('Food', 'Tee'))
    """
    where = str(path)
    if ids not in ("iri", "notation"):
        raise InputError(f"{where}: ids", repr(ids), "iri or notation")
    triples = read_triples(path)
    words = _words(triples, vocabulary, predicate, where)
    above = _relation(triples, words)
    dropped = _dropped(triples)
    members = _categories(triples, words, above, scheme, where) - dropped
    if not members:
        expected = f"a category joined by {' or '.join((*words.upwards, *words.downwards))}"
        raise InputError(where, f"no category in {len(triples):,} triples", expected)
    parents = {
        each: [
            parent
            for parent in above.get(each, ())
            if parent not in dropped and (scheme is None or parent in members)
        ]
        for each in members
    }
    key_of = {each: str(each) for each in members}
    if ids == "notation":
        key_of = _notations(triples, members, where)
    # A parent that is no category of the file goes by its address, which then is missing.
    rows = sorted(members, key=lambda each: (key_of[each], str(each)))
    labels, names = _labels(triples, words.labels, key_of)
    keys = tuple(key_of[each] for each in rows)
    return CategoryGraph(
        ids=keys,
        parents=tuple(tuple(key_of.get(parent, str(parent)) for parent in parents[each]) for each in rows),
        names=tuple(names.get(key, key) for key in keys),
        labels={tag: texts for tag, texts in sorted(labels.items()) if tag},
        source=where,
    )


def default_name(labels: Mapping[str, str]) -> str | None:
    """The name of a category where no language is asked for, from its names by language tag.

    Example:
        >>> default_name({"de": "Tee", "en": "Tea"}), default_name({"de": "Tee", "": "Cha"}), default_name({})
        ('Tea', 'Cha', None)
    """
    if not labels:
        return None
    return labels[min(labels, key=lambda tag: (tag != "", tag != "en", not tag.startswith("en-"), tag))]


def _words(triples: rdflib.Graph, vocabulary: str, predicate: str | None, where: str) -> _Vocabulary:
    """The vocabulary that is asked for, or found."""
    import rdflib

    if predicate is not None:
        if vocabulary != "auto":
            found = f"the predicate {predicate!r} with the vocabulary {vocabulary!r}"
            raise InputError(f"{where}: vocabulary", found, "one of them")
        return _Vocabulary((), (predicate,))
    if vocabulary == "auto":
        skos = _VOCABULARIES["skos"]
        known = (rdflib.URIRef(each) for each in (*skos.upwards, *skos.downwards))
        concept = (None, rdflib.RDF.type, rdflib.URIRef(skos.types[0]))
        is_skos = any((None, each, None) in triples for each in known) or concept in triples
        vocabulary = "skos" if is_skos else "owl"
    if vocabulary not in _VOCABULARIES:
        raise InputError(f"{where}: vocabulary", repr(vocabulary), f"auto, {', '.join(_VOCABULARIES)}")
    return _VOCABULARIES[vocabulary]


def _relation(triples: rdflib.Graph, words: _Vocabulary) -> Edges:
    """The categories above each category, in the order of the file; nameless nodes and texts are left out."""
    import rdflib

    # Asked for one category at a time, rdflib gives what is above it in the order of the file.
    pairs: list[tuple[Node, Node]] = []
    for each in map(rdflib.URIRef, words.upwards):
        for child in dict.fromkeys(triples.subjects(each)):
            pairs += ((child, parent) for parent in triples.objects(child, each))
    for each in map(rdflib.URIRef, words.downwards):
        for child in dict.fromkeys(triples.objects(predicate=each)):
            pairs += ((child, parent) for parent in triples.subjects(each, child))
    above: Edges = {}
    for child, parent in pairs:
        # Every class is a subclass of itself: reasoners write so, and it says nothing.
        itself = child == parent and f"{_RDFS}subClassOf" in words.upwards
        if isinstance(child, rdflib.URIRef) and isinstance(parent, rdflib.URIRef) and not itself:
            above.setdefault(child, {})[parent] = None
    return above


def _categories(
    triples: rdflib.Graph, words: _Vocabulary, above: Edges, scheme: str | None, where: str
) -> set[Node]:
    """What the file says to be a category, or else what the relation joins; of one scheme."""
    import rdflib

    found: set[Node] = set()
    for each in words.types:
        found.update(triples.subjects(rdflib.RDF.type, rdflib.URIRef(each)))
    if not found:
        found = set(above).union(*above.values())
    if scheme is not None:
        found &= _of_scheme(triples, scheme, where)
    return {each for each in found if isinstance(each, rdflib.URIRef)}


def _dropped(triples: rdflib.Graph) -> set[Node]:
    """What is deprecated, and the classes above everything."""
    import rdflib

    flags = triples.subject_objects(rdflib.URIRef(f"{_OWL}deprecated"))
    deprecated = {each for each, flag in flags if str(flag).lower() in ("true", "1")}
    return deprecated.union(map(rdflib.URIRef, _UNIVERSAL))


def _of_scheme(triples: rdflib.Graph, scheme: str, where: str) -> set[Node]:
    """Concepts of a scheme; ``topConceptOf`` is a kind of ``inScheme`` and inverse to ``hasTopConcept``."""
    import rdflib

    members: dict[str, set[Node]] = {}
    for name in ("inScheme", "topConceptOf"):
        for concept, of in triples.subject_objects(rdflib.URIRef(_SKOS + name)):
            members.setdefault(str(of), set()).add(concept)
    for of, concept in triples.subject_objects(rdflib.URIRef(f"{_SKOS}hasTopConcept")):
        members.setdefault(str(of), set()).add(concept)
    if scheme not in members:
        shown = ", ".join(sorted(members)[:10]) or "none, for the file has no scheme"
        raise InputError(f"{where}: scheme", repr(scheme), f"the address of one of its schemes ({shown})")
    return members[scheme]


def _notations(triples: rdflib.Graph, members: Iterable[Node], where: str) -> dict[Node, str]:
    import rdflib

    notations = {
        each: sorted({str(text) for text in triples.objects(each, rdflib.URIRef(f"{_SKOS}notation"))})
        for each in members
    }
    for each, texts in notations.items():
        if len(texts) != 1:
            found = f"{len(texts)} notations of <{each}>"
            raise InputError(f"{where}: ids", found, "one skos:notation per category", "Take ids=iri.")
    return {each: texts[0] for each, texts in notations.items()}


def _labels(
    triples: rdflib.Graph, properties: Iterable[str], key_of: Mapping[Node, str]
) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Names by language tag (empty for none) and id, and default names by id.

    Of two properties the first that names a category decides, in a language or at all.
    """
    import rdflib

    labels: dict[str, dict[str, str]] = {}
    names: dict[str, str] = {}
    for name in properties:
        found: dict[str, dict[str, str]] = {}
        for each, text in triples.subject_objects(rdflib.URIRef(name)):
            key = key_of.get(each)
            if key is None or not isinstance(text, rdflib.Literal) or not str(text).strip():
                continue
            known, tag = found.setdefault(key, {}), (text.language or "").lower()
            known[tag] = min(known.get(tag, str(text)), str(text))
        for key, texts in found.items():
            names.setdefault(key, default_name(texts) or key)
            for tag, shown in texts.items():
                labels.setdefault(tag, {}).setdefault(key, shown)
    return labels, names

"""SKOS in Turtle, which thesaurus tools read."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from leafcode.files import write_text
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.readers.rdf import default_name

_BASE = "urn:leafcode:category:"
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20\x7f<>\"{}|^`\\]+")
_TAG = re.compile(r"[A-Za-z]+(-[A-Za-z0-9]+)*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_UNSAFE = re.compile(r'[\x00-\x1f\x7f"\\]')


def write_skos(graph: CategoryGraph, path: Path) -> None:
    """Write every category as a ``skos:Concept`` with its parents, its names and its id.

    Ids that are addresses (IRIs) all of them stay as they are. Otherwise a concept's address is
    ``urn:leafcode:category:`` and the escaped id; its ``skos:notation`` is the id, by which `read_rdf` with
    ``ids="notation"`` reads it back. The primary parent comes first.

    Raises:
        InputError: Naming the category: an id that repeats or a parent that is missing; or the file cannot
            be written.

    References:
        W3C, SKOS Reference (2009): https://www.w3.org/TR/skos-reference/
        W3C, RDF 1.1 Turtle (2014): https://www.w3.org/TR/turtle/
    """
    graph.rows_by_id()
    are_iris = all(_IRI.fullmatch(key) for key in graph.ids)
    tags = sorted(tag for tag in graph.labels if _TAG.fullmatch(tag))
    lines = ["@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n"]
    for key, above, name in zip(graph.ids, graph.parents, graph.names, strict=True):
        names = {tag: graph.labels[tag][key] for tag in tags if key in graph.labels[tag]}
        said = [f"skos:prefLabel {_literal(text)}@{tag}" for tag, text in names.items()]
        if default_name(names) != name:
            said.insert(0, f"skos:prefLabel {_literal(name)}")
        if not are_iris:
            said.append(f"skos:notation {_literal(key)}")
        if above:
            said.append("skos:broader " + " , ".join(f"<{_iri(each, are_iris)}>" for each in above))
        lines.append(" ;\n  ".join([f"<{_iri(key, are_iris)}> a skos:Concept", *said]) + " .\n")
    write_text(path, "".join(lines))


def _iri(key: str, is_iri: bool) -> str:
    return key if is_iri else _BASE + quote(key, safe="")


def _literal(text: str) -> str:
    """A text as Turtle writes it between quotation marks."""
    return '"' + _UNSAFE.sub(lambda found: _ESCAPES.get(found[0], f"\\u{ord(found[0]):04x}"), text) + '"'

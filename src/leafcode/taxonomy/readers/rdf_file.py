"""RDF files as triples, read without the network, with errors that name the file and the line."""

from __future__ import annotations

import json
import warnings
import xml.sax
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leafcode.errors import InputError

if TYPE_CHECKING:
    import rdflib

# N-Triples are Turtle too, and rdflib's Turtle parser says where a fault is.
_SYNTAX = {
    ".ttl": "turtle",
    ".nt": "turtle",
    ".n3": "n3",
    ".rdf": "xml",
    ".owl": "xml",
    ".xml": "xml",
    ".jsonld": "json-ld",
    ".json": "json-ld",
}


def read_triples(path: str | Path) -> rdflib.Graph:
    """Read an RDF file: Turtle, N-Triples, N3, RDF/XML or JSON-LD, by its suffix.

    Nothing is fetched: a JSON-LD file whose context stands elsewhere is refused, and imports are not
    followed. Relative addresses are resolved against ``file:///`` and the file's name, so that they do not
    depend on where the file lies.

    Raises:
        InputError: rdflib is not installed, the suffix is unknown, the file cannot be read, or its content
            cannot be parsed (naming the line), or a JSON-LD context is remote (naming the JSON pointer).
    """
    path = Path(path)
    try:
        import rdflib
        from rdflib.plugins.parsers.notation3 import BadSyntax
    except ImportError as error:
        hint = "Install it with: pip install 'leafcode[rdf]'"
        raise InputError(str(path), "no package rdflib to read RDF with", "rdflib", hint) from error

    syntax = _SYNTAX.get(path.suffix.lower())
    if syntax is None:
        raise InputError(str(path), f"the suffix {path.suffix!r}", f"one of {', '.join(_SYNTAX)}")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(str(path), f"a file that cannot be read ({error})", "an RDF file") from error
    line: int | None = None
    try:
        if syntax == "json-ld":
            _refuse_remote_contexts(json.loads(content), str(path))
        graph = rdflib.Graph()
        with warnings.catch_warnings():
            # rdflib's JSON-LD parser uses a class of its own that it has deprecated.
            warnings.simplefilter("ignore", DeprecationWarning)
            graph.parse(data=content, format=syntax, publicID=f"file:///{path.name}")
        return graph
    except UnicodeDecodeError as error:
        fault, line = str(error), content.count(b"\n", 0, error.start) + 1
    except json.JSONDecodeError as error:
        fault, line = error.msg, error.lineno
    except xml.sax.SAXParseException as error:
        fault, line = error.getMessage(), error.getLineNumber()
    except BadSyntax as error:
        # It counts lines again when it goes back; the place of the fault is exact.
        fault, line = str(error._why), content.count(b"\n", 0, error._i) + 1
    except InputError:
        raise
    except Exception as error:  # a parser of rdflib's may raise anything at all on damaged content
        fault = " ".join(str(error).split()) or type(error).__name__
    where = str(path) if line is None else f"{path}: line {line}"
    raise InputError(where, f"content that cannot be parsed ({fault})", f"{syntax} as its suffix says")


def _refuse_remote_contexts(document: Any, where: str) -> None:  # noqa: ANN401 (JSON)
    """Raise an InputError for a JSON-LD context that would have to be fetched."""
    todo = [("", document)]
    while todo:
        pointer, value = todo.pop()
        if isinstance(value, list):
            todo += [(f"{pointer}/{i}", each) for i, each in enumerate(value)]
        if not isinstance(value, dict):
            continue
        todo += [(f"{pointer}/{key}", each) for key, each in value.items()]
        contexts = value.get("@context")
        for context in contexts if isinstance(contexts, list) else [contexts]:
            remote = context.get("@import") if isinstance(context, dict) else context
            if isinstance(remote, str):
                raise InputError(
                    f"{where}: {pointer}/@context",
                    f"the remote context {remote!r}",
                    "the context itself, for nothing is fetched",
                    "Put the context into the file, or save the data as Turtle.",
                )

"""The formats in which a taxonomy can be read, and the one way to read them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from leafcode.errors import InputError
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.readers.call_numbers import read_lcc
from leafcode.taxonomy.readers.claml import read_claml
from leafcode.taxonomy.readers.code_schemes import SCHEMES
from leafcode.taxonomy.readers.genres import read_genres
from leafcode.taxonomy.readers.icd10 import read_icd10
from leafcode.taxonomy.readers.nested_json import read_nested_json
from leafcode.taxonomy.readers.options import check_options, reader_options
from leafcode.taxonomy.readers.parent_graph import read_parent_graph
from leafcode.taxonomy.readers.path_graph import read_path_graph
from leafcode.taxonomy.readers.prefix_codes import read_codes, scheme_reader
from leafcode.taxonomy.readers.rdf import read_rdf
from leafcode.taxonomy.readers.tracker import read_tracker
from leafcode.taxonomy.readers.tree_numbers import read_mesh


@dataclass(frozen=True)
class TaxonomyFormat:
    """A format of taxonomy files.

    Attributes:
        name: By which it is asked for.
        suffixes: Of files that are taken for this format unless another is asked for. A suffix belongs to
            one format at most.
        read: The reader: a function of the path and of options, each with a default and a type.
        description: One line for help texts.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Callable[..., CategoryGraph]
    description: str

    @property
    def options(self) -> tuple[str, ...]:
        """Names of the reader's options."""
        return reader_options(self.read)


_ALL = (
    TaxonomyFormat(
        "parent-table",
        (".parquet", ".pq", ".csv", ".tsv", ".jsonl", ".ndjson"),
        read_parent_graph,
        "a row per category with its id and its parent's",
    ),
    TaxonomyFormat("path-list", (".txt",), read_path_graph, "lines 'id - A > B', such as Google's"),
    TaxonomyFormat("nested-json", (".json",), read_nested_json, "categories that hold their children"),
    TaxonomyFormat(
        "rdf",
        (".ttl", ".nt", ".n3", ".rdf", ".owl", ".jsonld"),
        read_rdf,
        "SKOS, OWL, RDFS or another property in RDF",
    ),
    TaxonomyFormat("mesh", (".bin",), read_mesh, "Medical Subject Headings with tree numbers"),
    TaxonomyFormat("claml", (".xml",), read_claml, "ClaML, in which the WHO publishes ICD-10"),
    TaxonomyFormat("icd10", (), read_icd10, "ICD-10-CM order file, or codes and ranges of ICD-10"),
    *(TaxonomyFormat(each.name, (), scheme_reader(each), each.title) for each in SCHEMES.values()),
    TaxonomyFormat("codes", (), read_codes, "codes whose parents are prefixes of given lengths"),
    TaxonomyFormat("lcc", (), read_lcc, "Library of Congress Classification"),
    TaxonomyFormat("genres", (), read_genres, "genres as paths like BISAC's, or indented"),
    TaxonomyFormat("tracker", (), read_tracker, "products and components in a bug tracker's export"),
)
FORMATS: Mapping[str, TaxonomyFormat] = MappingProxyType({form.name: form for form in _ALL})
"""Every format by name. A new one is a file of its own and an entry here."""


def find_format(path: str | Path, format: str = "auto") -> TaxonomyFormat:
    """The format of a file.

    Args:
        path: The file, which need not exist.
        format: Name of a format, or ``auto``: the suffix decides.

    Raises:
        InputError: No format has this name, or the suffix.

    Example:
        >>> find_format("categories.txt").name, find_format("categories.txt", "parent-table").name
        ('path-list', 'parent-table')
    """
    if format != "auto":
        if format not in FORMATS:
            raise InputError(f"{path}: format", repr(format), f"auto, {', '.join(FORMATS)}")
        return FORMATS[format]
    suffix = Path(path).suffix.lower()
    for form in FORMATS.values():
        if suffix in form.suffixes:
            return form
    known = ", ".join(each for form in FORMATS.values() for each in form.suffixes)
    hint = f"Or name the format: {', '.join(FORMATS)}."
    raise InputError(str(path), f"the suffix {suffix!r}", f"one of {known}", hint)


def read_taxonomy(path: str | Path, format: str = "auto", **options: Any) -> CategoryGraph:  # noqa: ANN401
    r"""Read a taxonomy in any of the known `FORMATS`.

    Args:
        path: The file.
        format: Name of its format, or ``auto``: the suffix decides.
        options: Of that format's reader.

    Returns:
        The categories as the file states them; `CategoryGraph.taxonomy` makes the tree.

    Raises:
        InputError: An unknown format or option, or whatever the reader finds wrong with the file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "taxonomy.txt")
        ...     _ = file.write_text("1 - Animals\n3237 - Animals > Live Animals\n")
        ...     read_taxonomy(file).taxonomy()
        Taxonomy(2 nodes, 1 leaves, 1 roots, depth 2)
    """
    form = find_format(path, format)
    check_options(form.read, options, f"{path}: options of the format {form.name}")
    return form.read(path, **options)

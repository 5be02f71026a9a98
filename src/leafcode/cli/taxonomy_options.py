"""Options that say how a taxonomy file is read."""

from __future__ import annotations

import argparse

from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.readers.formats import FORMATS, find_format, read_taxonomy
from leafcode.taxonomy.readers.options import parse_options


def add_taxonomy_options(parser: argparse.ArgumentParser) -> None:
    """The format of the file that ``options.file`` names, its reader's options, and the language of names."""
    group = parser.add_argument_group("reading the taxonomy")
    group.add_argument(
        "--format", default="auto", metavar="NAME", help=f"auto (by suffix), {', '.join(FORMATS)}"
    )
    group.add_argument(
        "--option",
        action="append",
        metavar="NAME=VALUE",
        help="an option of the format's reader, such as id_column=code; may be repeated",
    )
    group.add_argument(
        "--language", metavar="TAG", help="language of the names, such as en, if the file has several"
    )


def read_graph(options: argparse.Namespace) -> CategoryGraph:
    """The categories in ``options.file``, read as the options of `add_taxonomy_options` say.

    Raises:
        InputError: An option that the format does not have, or anything wrong with the file.
    """
    form = find_format(options.file, options.format)
    chosen = parse_options(form.read, options.option or (), f"--option of the format {form.name}")
    graph = read_taxonomy(options.file, form.name, **chosen)
    return graph if options.language is None else graph.named(options.language)


def formats_help() -> str:
    """The formats, their suffixes and their readers' options, for the end of a help text."""
    lines = ["formats:"]
    for form in FORMATS.values():
        suffixes = f" ({' '.join(form.suffixes)})" if form.suffixes else ""
        lines.append(f"  {form.name}{suffixes}: {form.description}")
        if form.options:
            lines.append(f"      options: {', '.join(form.options)}")
    return "\n".join(lines)

"""leafcode taxonomy check: what is wrong with a category tree, and what it will teach."""

from __future__ import annotations

import argparse
import json
import math
import textwrap
from pathlib import Path
from typing import Any

from leafcode.cli.options import HelpFormatter, add_machine_options, pick_device
from leafcode.cli.table import text_table
from leafcode.cli.taxonomy_options import add_taxonomy_options, read_graph
from leafcode.errors import InputError
from leafcode.pipeline import CatalogSource
from leafcode.pipeline.checked_items import read_checked_items
from leafcode.pipeline.source import DEFAULT_MODEL, catalog_title
from leafcode.pipeline.structure import FIGURES, FINDINGS, PAGE, StructureCheck, check_taxonomy
from leafcode.report.figures import UNDEFINED
from leafcode.report.structure_data import FindingGroup, StructureData
from leafcode.report.structure_page import batch_number
from leafcode.training import TrainingConfig

_WIDTH = 100
_EXAMPLES = """examples:
  leafcode taxonomy check categories.parquet
  leafcode taxonomy check categories.ttl --items items.parquet --category topic
  leafcode taxonomy check items.parquet --path path
  leafcode taxonomy check items.parquet --path path --text title --out check/
  leafcode taxonomy check categories.csv --strict --json > check.json
"""


def add_parser(commands: Any) -> None:  # noqa: ANN401 (argparse has no public type for it)
    """Add the command."""
    parser = commands.add_parser(
        "check",
        help="what is wrong with a taxonomy, and what it will teach",
        description="Check a taxonomy: faults of the file, the shape of the tree, how items spread over it, "
        "whether embeddings agree with it, and which pairs training will see.",
        epilog=_EXAMPLES,
        formatter_class=HelpFormatter,
    )
    parser.add_argument("file", help="the taxonomy; or a catalogue, with --path and without --items")
    items = parser.add_argument_group("items")
    items.add_argument("--items", metavar="FILE", help="catalogue filed in the taxonomy")
    items.add_argument("--id-column", metavar="COLUMN", default="id", help="unique ids of the items")
    items.add_argument("--category", metavar="COLUMN", help="column with ids of categories")
    items.add_argument("--path", metavar="COLUMN", help="column with category paths, such as Pantry > Spices")
    items.add_argument("--separator", default=" > ", help="between the categories of a path")
    meaning = parser.add_argument_group("embeddings of the items, to compare with the tree")
    meaning.add_argument("--embedding", metavar="COLUMN", help="column of vectors")
    meaning.add_argument("--embeddings", metavar="FILE", help=".npy or .safetensors, a row per item")
    meaning.add_argument("--text", metavar="COLUMN", nargs="+", default=[], help="texts to embed instead")
    meaning.add_argument("--model", default=DEFAULT_MODEL, help="model that embeds the texts")
    output = parser.add_argument_group("output")
    output.add_argument("--out", type=Path, help=f"folder for {PAGE}, {FIGURES} and {FINDINGS}")
    output.add_argument("--json", action="store_true", help="print everything as JSON")
    output.add_argument("--show", type=int, default=3, help="findings of a kind to print")
    output.add_argument("--strict", action="store_true", help="exit with status 1 if there are errors")
    output.add_argument(
        "--batch-size",
        type=int,
        default=TrainingConfig.contrast_batch_size,
        help="items in the batches whose pairs are counted",
    )
    add_taxonomy_options(parser)
    add_machine_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command.

    Raises:
        SystemExit: With status 1, after --strict and errors.
    """
    for name, least in (("show", 0), ("batch_size", 2)):
        if getattr(options, name) < least:
            flag = f"--{name.replace('_', '-')}"
            raise InputError(flag, str(getattr(options, name)), f"at least {least}")
    found = _check(options)
    if options.out is not None:
        found.write(options.out)
    if options.json:
        print(json.dumps(found.to_json(), ensure_ascii=False, indent=2))
    else:
        print(check_text(found.data, options.show))
        if options.out is not None:
            print(f"\npage     {options.out / PAGE}\nfigures  {options.out / FIGURES}")
            print(f"findings {options.out / FINDINGS}")
    if options.strict and found.data.number_of("error"):
        raise SystemExit(1)


def _check(options: argparse.Namespace) -> StructureCheck:
    """The check that the options ask for."""
    settings: dict[str, Any] = {
        "title": catalog_title(options.file, Path()),
        "batch_size": options.batch_size,
    }
    own_paths = options.items is None and options.path is not None
    source = CatalogSource(
        items=options.file if own_paths else options.items or "",
        id_column=options.id_column,
        text_columns=tuple(options.text),
        path_column=options.path,
        separator=options.separator,
        category_column=options.category,
        embedding_column=options.embedding,
        embeddings_file=options.embeddings,
        model=options.model,
    )
    embeds = bool(source.text_columns) and source.embeds_texts
    reading: dict[str, Any] = {
        "cache": options.cache,
        "device": pick_device(options.device) if embeds else None,
        "progress": not options.quiet,
    }
    if own_paths:
        if options.format != "auto" or options.option or options.language:
            given = "options that read a taxonomy, and none"
            raise InputError("--items", given, "a taxonomy and --items FILE, or --path COLUMN without them")
        catalog = read_checked_items(source, **reading)
        if catalog.taxonomy is None:  # read_catalog refuses a column without a path
            raise InputError(source.place, "no path", "a category path in at least one row")
        return check_taxonomy(catalog.taxonomy, catalog.nodes, catalog.embeddings, **settings)
    about_items = (options.category, options.embedding, options.embeddings, *options.text)
    if options.items is None and any(about_items):
        raise InputError(
            "--items", "no catalogue", "--items FILE, or --path COLUMN to check a catalogue's own paths"
        )
    graph = read_graph(options)
    found = check_taxonomy(graph, **settings)
    if options.items is None or found.report.tree is None:
        return found
    catalog = read_checked_items(source, found.report.tree, **reading)
    return check_taxonomy(graph, catalog.nodes, catalog.embeddings, **settings)


def check_text(data: StructureData, show: int = 3) -> str:
    """Figures, findings and outlook for the terminal.

    Args:
        data: What was found.
        show: Findings of a kind to list.

    Example:
        >>> group = FindingGroup("lone child", "note", ["'Tea'", "'Salt'"], "No siblings.", "Merge it.")
        >>> print(check_text(StructureData("Shop", [("2", "roots")], findings=[group]), show=1))
        Shop: 2 roots
        <BLANKLINE>
        note: lone child (2)
          - 'Tea'
          - and 1 more
          Training: No siblings.
          To do: Merge it.
    """
    facts = (
        ", ".join(f"{value} {what}" for value, what in data.facts) or "no tree, so nothing else was looked at"
    )
    blocks = ["\n".join(textwrap.wrap(f"{data.title}: {facts}", _WIDTH, subsequent_indent="  "))]
    if data.depths:
        blocks.append(text_table([_without_none(vars(row)) for row in data.depths]))
    if data.pairs:
        name = f"pairs in a batch of {data.batch_size}"
        rows = [
            {name: row.relation, "uniform": _plain(row.uniform), "hierarchical": _plain(row.hierarchical)}
            for row in data.pairs
        ]
        blocks.append(text_table(rows))
    if data.fit:
        blocks.append(
            text_table([{name: _cosine(value) for name, value in vars(row).items()} for row in data.fit])
        )
    blocks += [_group_text(group, show) for group in data.findings]
    if data.points:
        blocks.append("\n".join(_wrapped(f"{term}: {text}", "", "  ") for term, text in data.points))
    return "\n\n".join(blocks)


def _group_text(group: FindingGroup, show: int) -> str:
    rest = len(group.messages) - show
    shown = [*group.messages[:show], *([f"and {rest:,} more"] if rest > 0 else [])]
    return "\n".join(
        [
            f"{group.severity}: {group.kind} ({len(group.messages):,})",
            *(_wrapped(message, "  - ", "    ") for message in shown),
            _wrapped(f"Training: {group.consequence}", "  ", "    "),
            _wrapped(f"To do: {group.advice}", "  ", "    "),
        ]
    )


def _wrapped(text: str, first: str, further: str) -> str:
    return "\n".join(textwrap.wrap(text, _WIDTH, initial_indent=first, subsequent_indent=further))


def _without_none(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _plain(pairs: float | None) -> str:
    return batch_number(pairs).replace(",", "")  # as the other tables write numbers


def _cosine(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    return UNDEFINED if math.isnan(value) else f"{value:.3f}"

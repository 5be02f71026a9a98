"""leafcode audit: which items are filed wrongly, and which categories are to blame."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from leafcode.audit import AuditConfig
from leafcode.cli.catalog_options import add_catalog_options, catalog_source
from leafcode.cli.options import HelpFormatter, add_machine_options, pick_device
from leafcode.cli.table import text_table, verdict_text
from leafcode.pipeline import AuditOptions, run_audit
from leafcode.report.audit_data import AuditData, TreeFinding
from leafcode.report.audit_page import judge_audit, tree_findings

_SHOWN, _TREE = 10, 5
_EXAMPLES = """examples:
  leafcode audit items.parquet --text text --path path --out audit/
  leafcode audit items.csv --text name brand --category node --taxonomy nodes.csv --out audit/
  leafcode audit items.parquet --path path --embeddings vectors.npy --out audit/
  leafcode audit items.parquet --path path --run run/ --out audit/      # compare with Semantic IDs too
  leafcode audit items.parquet --path path --out audit/ --overwrite     # again; decisions stay

Then go through the findings with leafcode review audit/.
"""


def add_parser(commands: Any) -> None:  # noqa: ANN401 (argparse has no public type for it)
    """Add the command."""
    parser = commands.add_parser(
        "audit",
        help="find the items that are filed wrongly, and the categories to blame",
        description="Find the items of a catalogue that are probably filed wrongly, where they belong, and "
        "categories that overlap, without any labels known to be right.",
        epilog=_EXAMPLES,
        formatter_class=HelpFormatter,
    )
    add_catalog_options(parser)
    parser.add_argument("--out", required=True, help="folder for the results")
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier audit there")
    how = parser.add_argument_group("audit")
    defaults = AuditConfig()
    how.add_argument(
        "--neighbors", type=int, default=defaults.neighbors, help="similar items that vote on each item"
    )
    how.add_argument(
        "--exact",
        type=int,
        default=defaults.exact,
        metavar="ITEMS",
        help="items up to which all are compared with all; more take FAISS (leafcode[audit])",
    )
    how.add_argument("--seed", type=int, default=defaults.seed, help="of everything random")
    how.add_argument("--run", dest="run_folder", metavar="RUN", help="compare with the codes of this run too")
    add_machine_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    found = run_audit(
        catalog_source(options),
        options.out,
        AuditOptions(
            AuditConfig(neighbors=options.neighbors, exact=options.exact, seed=options.seed),
            options.run_folder,
        ),
        overwrite=options.overwrite,
        cache=options.cache,
        device=pick_device(options.device),
        progress=not options.quiet,
    )
    print(audit_text(found.data))
    print(f"\npage     {found.folder.page}\nfindings {found.folder.findings}")
    print(f"\nnext: leafcode review {found.folder.path}")


def audit_text(data: AuditData) -> str:
    """Verdict, kinds, the most doubtful items and categories, for the terminal.

    Example:
        >>> from leafcode.report.audit_data import KindRow
        >>> kinds = [KindRow("wrong branch", 12, 9.31)]
        >>> data = AuditData("Shop", 1000, 800, 9, 2, expected=16.8, probable=10, half=5, kinds=kinds)
        >>> print(audit_text(data))
        Shop: 800 of 1,000 items are filed, in 9 categories
        <BLANKLINE>
        Some wrong. About 17 of 800 items are filed wrongly (2.1%); 10 more probably than not.
        <BLANKLINE>
        kind          items  expected wrong
        wrong branch     12             9.3
    """
    filed = f"{data.labelled:,} of {data.items:,} items are filed, in {data.categories:,} categories"
    blocks = [f"{data.title}: {filed}", verdict_text(judge_audit(data))]
    if data.kinds:
        blocks.append(
            text_table(
                [
                    {"kind": row.kind, "items": row.findings, "expected wrong": f"{row.expected:.1f}"}
                    for row in data.kinds
                ]
            )
        )
    if data.findings:
        blocks.append(
            text_table(
                [
                    {
                        "wrong": f"{row.probability:.0%}",
                        "item": row.text or row.id,
                        "filed in": _end(row.given, row.common),
                        "seems to belong in": _end(row.suggested or ("–",), row.common),
                        "kind": row.kind,
                    }
                    for row in data.findings[:_SHOWN]
                ]
            )
        )
    for _, meaning, rows in tree_findings(data):
        blocks.append(
            f"{meaning} The first {min(_TREE, len(rows))} of {len(rows)}:\n"
            + text_table([_tree_row(row) for row in rows[:_TREE]])
        )
    return "\n\n".join(blocks)


def _tree_row(row: TreeFinding) -> dict[str, str]:
    names = row.first.path
    cells = {"score": f"{row.score:.2f}", "category": _end(names, max(0, min(row.common, len(names) - 2)))}
    if row.kind == "split":
        groups = zip(("one group", "other group"), (row.first, row.second), strict=True)
        return cells | {name: f"{side.items:,} such as {side.examples[0]}" for name, side in groups}
    return cells | {"other": _end(row.second.path, row.common)}


def _end(path: Sequence[str], common: int) -> str:
    """A path without the first names, which it has in common with another; the last one stays.

    Example:
        >>> _end(("A", "B", "C"), 0), _end(("A", "B", "C"), 2), _end(("A",), 1)
        ('A > B > C', '… > C', 'A')
    """
    left_out = min(common, len(path) - 1)
    return " > ".join([*(["…"] if left_out else []), *path[left_out:]])

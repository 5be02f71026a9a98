"""The corrected catalogue, and the decisions as a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.csv

from leafcode.audit import KINDS
from leafcode.errors import InputError
from leafcode.files import replacing
from leafcode.review.audit_folder import Audit
from leafcode.review.decisions import Decision
from leafcode.review.relabelled_file import Relabelling, check_copy, copy_relabelled


class Exported(NamedTuple):
    """What was written.

    Attributes:
        catalogue: The corrected catalogue.
        decisions: The decisions as CSV, beside it.
        changed: Items whose category is another one now.
        decided: Items decided.
    """

    catalogue: Path
    decisions: Path
    changed: int
    decided: int


def catalogue_file(audit: Audit, items: str | Path | None = None) -> Path:
    """The one file of an audit's catalogue.

    Args:
        audit: The findings.
        items: Where the catalogue lies now, if it has moved since the audit.

    Raises:
        InputError: There are several.
    """
    named = items or audit.source["items"]
    if isinstance(named, list):
        raise InputError(
            str(audit.folder), "a catalogue of several files", "one file", "Name it with --items."
        )
    return Path(named)


def export_review(
    audit: Audit, decisions: Mapping[str, Decision], out: str | Path, *, items: str | Path | None = None
) -> Exported:
    """Write the catalogue with the corrected categories, and beside it the decisions.

    Only the path or category column of items that were filed wrongly changes; see `copy_relabelled`. The
    decisions beside ``corrected.parquet`` are ``corrected.decisions.csv``. Earlier files of either name are
    replaced.

    Args:
        audit: The findings.
        decisions: By id, as `DecisionStore.current` gives them.
        out: The corrected catalogue, in the format of the original or as Parquet.
        items: Where the catalogue lies now, if it has moved since the audit.

    Raises:
        InputError: See `copy_relabelled`; or the decisions would replace the catalogue or its copy.
    """
    source, out = catalogue_file(audit, items), Path(out)
    check_copy(source, out)
    table_file = out.with_name(f"{out.stem}.decisions.csv")
    if table_file.resolve() in (source.resolve(), out.resolve()):
        raise InputError(str(table_file), "the catalogue itself", "a place for the decisions", "Rename it.")
    path_column = audit.source.get("path_column")
    changes = {
        int(audit.items[audit.row_of[identity]]): Relabelling(identity, decision.given, decision.node)
        for identity, decision in decisions.items()
        if decision.wrong
    }
    copy_relabelled(
        source,
        out,
        changes,
        id_column=audit.source.get("id_column", "id"),
        label_column=path_column or audit.source["category_column"],
        separator=audit.source.get("separator", " > ") if path_column else None,
    )
    with replacing(table_file) as beside:
        pa.csv.write_csv(decisions_table(audit, decisions), beside)
    return Exported(out, table_file, len(changes), len(decisions))


def decisions_table(audit: Audit, decisions: Mapping[str, Decision]) -> pa.Table:
    """A row per decided item, in the order of the decisions: what was found, and what was decided by whom."""
    rows = [audit.row_of[identity] for identity in decisions]
    made = list(decisions.values())
    columns = {
        "id": pa.array([each.id for each in made], pa.string()),
        "text": pa.array([audit.texts[row] for row in rows], pa.string()),
        "probability": pa.array(audit.probability[rows], pa.float32()),
        "kind": pa.array([str(KINDS[audit.kinds[row]]) for row in rows], pa.string()),
        "given": pa.array([each.given for each in made], pa.string()),
        "decision": pa.array([each.verdict for each in made], pa.string()),
        "category": pa.array([each.node for each in made], pa.string()),
        "reviewer": pa.array([each.reviewer for each in made], pa.string()),
        "decided_at": pa.array([each.decided_at for each in made], pa.string()),
    }
    return pa.table(columns)

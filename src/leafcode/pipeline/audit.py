"""Audit a catalogue: find what is filed wrongly, and leave a folder to read and to review."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leafcode.audit import AuditConfig, LabelAudit, audit_categories, audit_labels, findings_table
from leafcode.errors import InputError
from leafcode.pipeline.audit_codes import code_columns, read_codes
from leafcode.pipeline.audit_figures import audit_figures
from leafcode.pipeline.audit_folder import AuditFolder
from leafcode.pipeline.audit_table import write_findings
from leafcode.pipeline.items import catalog_embeddings, check_one_path
from leafcode.pipeline.run import Run
from leafcode.pipeline.source import CatalogSource, catalog_title
from leafcode.report.audit_data import AuditData
from leafcode.report.audit_page import write_audit
from leafcode.review.audit_folder import FORMAT, VERSION
from leafcode.serving.run_config import installed_version
from leafcode.serving.storage import write_json, write_table

_NAMES = {
    "neighbors": "Similar items that vote",
    "strangers": "Strangers drawn per item",
    "passes": "Passes",
    "folds": "Folds",
    "filed_apart": "Equal items filed apart that are taken for errors",
    "sample": "Items that the model is fitted on, at most",
    "exact": "Items searched exactly, at most",
    "seed": "Seed",
    "run": "Codes of",
}
"""Settings in words, for the page."""


@dataclass(frozen=True)
class AuditOptions:
    """What `run_audit` can be told, beside the catalogue.

    Attributes:
        config: Settings of the audit.
        run: Folder of a finished run on these items, whose codes are compared with the categories; None for
            no such comparison.
    """

    config: AuditConfig = field(default_factory=AuditConfig)
    run: str | None = None


@dataclass(frozen=True, eq=False)
class AuditResult:
    """What `run_audit` returns.

    Attributes:
        folder: Where it is kept.
        audit: The findings.
        data: The figures.
    """

    folder: AuditFolder
    audit: LabelAudit
    data: AuditData


def run_audit(
    source: CatalogSource,
    folder: str | Path,
    options: AuditOptions | None = None,
    *,
    overwrite: bool = False,
    cache: Path | None = None,
    device: str | None = None,
    progress: bool = True,
) -> AuditResult:
    """Find the items of a catalogue that are filed wrongly, and write the folder of an audit.

    Args:
        source: The catalogue, with a path or a category column that gives each item one.
        folder: For the results; see `AuditFolder`.
        options: Settings; None for the defaults.
        overwrite: Replace the audit in the folder. Decisions beside it stay.
        cache: Folder in which vectors of texts are kept.
        device: Torch device of the embedding model.
        progress: Show progress bars.

    Raises:
        InputError: Anything wrong with the catalogue, or the folder cannot be used. Nothing was touched then.
    """
    options = options or AuditOptions()
    place = AuditFolder(Path(folder))
    place.check(overwrite=overwrite)
    run = None if options.run is None else Run.open(options.run)
    catalog = source.load(cache=cache, device=device, progress=progress)
    check_one_path(catalog, source.place)
    taxonomy = catalog.taxonomy
    if taxonomy is None:
        raise InputError(source.place, "no categories", "a column of them", "See --path and --category.")
    codes = None if run is None else read_codes(run, catalog)
    embeddings = catalog_embeddings(catalog)
    audit = audit_labels(embeddings, catalog.nodes, taxonomy, options.config, progress=progress)
    more = {} if codes is None else code_columns(codes, catalog, taxonomy, audit.items)
    categories = audit_categories(
        audit, embeddings, catalog.nodes, taxonomy, seed=options.config.seed, progress=progress
    )
    settings = {**dataclasses.asdict(options.config), "run": options.run and str(Path(options.run).resolve())}
    data = audit_figures(
        catalog_title(source.items, place.path),
        catalog,
        taxonomy,
        audit,
        categories=categories,
        settings=_shown(source, settings),
    )

    place.begin()
    write_table(place.taxonomy, taxonomy.to_table())
    write_findings(place.findings, catalog, taxonomy, audit, more)
    write_table(place.categories, findings_table(categories, taxonomy, catalog.ids.tolist()))
    write_audit(place.page, data)
    about = {
        "format": FORMAT,
        "version": VERSION,
        "leafcode": installed_version(),
        "source": source.to_json(),
        "settings": settings,
        "summary": summary(data, audit),
    }
    write_json(place.summary, about)
    return AuditResult(place, audit, data)


def summary(data: AuditData, audit: LabelAudit) -> dict[str, Any]:
    """The main figures, as audit.json has them."""
    return {
        "items": data.items,
        "labelled": data.labelled,
        "expected": data.expected,
        "share": data.share,
        "probable": data.probable,
        "rates": audit.rates,
        "kinds": {row.kind: row.findings for row in data.kinds},
        "categories": dict(Counter(found.kind for found in data.tree)),
        "expected_by_common_depth": {row.depth: row.expected for row in data.depths},
    }


def _shown(source: CatalogSource, settings: dict[str, Any]) -> dict[str, object]:
    model = {"Embedding model": source.model} if source.embeds_texts else {}
    named = {_NAMES[name]: value for name, value in settings.items() if value is not None}
    return model | named

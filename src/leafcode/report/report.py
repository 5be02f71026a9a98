"""The report of a run: one HTML file that needs nothing but a browser."""

from __future__ import annotations

from pathlib import Path

from leafcode.files import write_text
from leafcode.report.code_tree import BUDGET, build_code_tree
from leafcode.report.data import ReportData
from leafcode.report.figures import count
from leafcode.report.measures import columns_of, figure_table
from leafcode.report.page import render_page, setting_text
from leafcode.report.panels import agreement_grid, result_panels, training_panels
from leafcode.report.verdict import judge


def render_report(data: ReportData, *, tree_budget: int = BUDGET) -> str:
    """The report as one HTML text: a verdict in plain language, charts, code tree, figures and settings.

    The page holds its style, script and data, and a content security policy that forbids every request:
    it can be mailed and opened anywhere. Every text from the catalogue is escaped. What `data` lacks is
    left out; what is undefined is a dash. Equal data give equal text, byte for byte.

    Args:
        data: What to show.
        tree_budget: Bytes that the items of the code tree may take; beyond, every group lists fewer, and
            says so.

    Returns:
        HTML, about 0.3 MB and the items of the code tree.

    Raises:
        InputError: See `leafcode.codes.PrefixTree`: codes that are none.

    Example:
        >>> from leafcode.report import CatalogueSummary, ReportSettings
        >>> html = render_report(ReportData(
        ...     title="Fruit & veg",
        ...     catalogue=CatalogueSummary(items=100, labelled=90, held_out=20, categories=7, depth=2),
        ...     settings=ReportSettings(level_sizes=(16, 16), contrast_weight=0.1),
        ...     metrics={"reconstruction": 0.2, "prefix_accuracy": {"1": 0.75, "2": None}},
        ... ))
        >>> html.startswith("<!doctype html>"), "<h1>Fruit &amp; veg</h1>" in html, "75.0%" in html
        (True, True, True)
    """
    tree = None
    if data.items is not None and len(data.items.codes):
        tree = build_code_tree(data.items, budget=tree_budget)
    return render_page(
        "report.html.j2",
        script="report.js",
        data=data,
        verdict=judge(data),
        panels=result_panels(data),
        grid=agreement_grid(data),
        curves=training_panels(data),
        tree=tree,
        blocks=figure_table(data.metrics),
        columns=[name for name, _ in columns_of(data.metrics)],
        settings=_settings(data),
    )


def write_report(path: Path, data: ReportData, *, tree_budget: int = BUDGET) -> None:
    """Write the report to a file, in one piece; see `render_report`."""
    write_text(path, render_report(data, tree_budget=tree_budget))


def _settings(data: ReportData) -> list[tuple[str, str]]:
    settings = data.settings
    rows: list[tuple[str, str]] = [("Codes per level", " × ".join(map(count, settings.level_sizes)))]
    if settings.contrast_weight is not None:
        rows.append(("Contrast weight λ", f"{settings.contrast_weight:g}"))
    if settings.level_weights:
        rows.append(("Share of λ per level", ", ".join(f"{weight:g}" for weight in settings.level_weights)))
    if settings.embedding_model:
        rows.append(("Embedding model", settings.embedding_model))
    if settings.seed is not None:
        rows.append(("Seed", str(settings.seed)))
    return rows + [(name, setting_text(value)) for name, value in settings.more.items()]

"""The page about a tree's structure: its shape, how items spread over it, what was found."""

from __future__ import annotations

from pathlib import Path

from leafcode.files import write_text
from leafcode.report.charts import Bar, BarGroup, bar_chart
from leafcode.report.figures import UNDEFINED, count, listing, plural
from leafcode.report.page import render_page
from leafcode.report.panels import Panel
from leafcode.report.structure_data import StructureData
from leafcode.report.tiles import Tone
from leafcode.report.verdict import Verdict

SHOWN = 10
"""Findings of a kind that the page lists."""


def render_structure(data: StructureData) -> str:
    """The page as one HTML text that needs nothing but a browser; equal data give equal text.

    Example:
        >>> from leafcode.report.structure_data import DepthRow, FindingGroup
        >>> group = FindingGroup("lone child", "note", ["the only child"], "No sibling.", "Merge it.")
        >>> html = render_structure(StructureData("Shop", [("2", "roots")], [DepthRow(1, 2, 2, None)],
        ...     findings=[group]))
        >>> "1 note" in html, "the only child" in html, html.count("<svg")
        (True, True, 1)
    """
    return render_page(
        "structure.html.j2",
        styles=("structure.css",),
        data=data,
        verdict=_verdict(data),
        panels=_panels(data),
        shown=SHOWN,
        number=batch_number,
    )


def write_structure(path: Path, data: StructureData) -> None:
    """Write the page to a file, in one piece; see `render_structure`."""
    write_text(path, render_structure(data))


def batch_number(value: float | None) -> str:
    """A number of pairs, which may be an average, to three digits or so.

    Example:
        >>> batch_number(114644.2), batch_number(0.17), batch_number(0.0), batch_number(None)
        ('114,644', '0.17', '0', '–')
    """
    if value is None:
        return UNDEFINED
    if value == 0 or value >= 100:
        return count(round(value))
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def _verdict(data: StructureData) -> Verdict:
    errors, warnings, notes = (data.number_of(name) for name in ("error", "warning", "note"))
    kinds = [group.kind for group in data.findings if group.severity == "warning"]
    tone: Tone
    if errors:
        tone, label = "poor", "No tree"
        headline = f"{plural(errors, 'error')}: no tree can be made of this file until they are mended."
    elif warnings:
        tone, label = "fair", plural(warnings, "warning")
        headline = f"Training suffers from {listing(list(dict.fromkeys(kinds)))}."
    else:
        tone, label, headline = "good", "Sound", "Nothing here that training would suffer from."
    headline += f" {plural(notes, 'note')} besides." if notes else ""
    return Verdict(tone, label, headline, list(data.points), [])


def _panels(data: StructureData) -> list[Panel]:
    panels = []
    if data.depths:
        groups = [
            BarGroup(
                f"depth {row.depth}",
                [
                    Bar("categories", row.categories, "second"),
                    Bar("leaves", row.leaves, "run"),
                ],
            )
            for row in data.depths
        ]
        chart = bar_chart("depths", "Categories by depth", groups, form=_whole)
        panels.append(Panel("Depth", "Categories at each depth, and those of them without children.", chart))
    if any(row.items for row in data.depths):
        bars = [Bar(f"depth {row.depth}", row.items, "run") for row in data.depths]
        chart = bar_chart("items", "Items by depth", [BarGroup("items", bars)], form=_whole)
        panels.append(Panel("Items by depth", "At which depth items are filed.", chart))
    if data.sizes:
        bars = [Bar(name, number, "run") for name, number in data.sizes]
        chart = bar_chart("sizes", "Categories by size", [BarGroup("categories", bars)], form=_whole)
        panels.append(Panel("Items per category", "How many categories hold how many items.", chart))
    return panels


def _whole(value: float | None) -> str:
    return UNDEFINED if value is None else count(round(value))

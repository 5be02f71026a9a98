"""The page of an audit: how much is filed wrongly, where, which items, and which categories are at fault."""

from __future__ import annotations

from pathlib import Path

from leafcode.files import write_text
from leafcode.report.audit_data import AuditData, DepthRow, TreeFinding
from leafcode.report.charts import Bar, BarGroup, bar_chart
from leafcode.report.figures import UNDEFINED, count, listing, percent, plural
from leafcode.report.page import render_page, setting_text
from leafcode.report.panels import Panel
from leafcode.report.tiles import Tile, Tone
from leafcode.report.verdict import Verdict

CLEAN, POOR = 0.01, 0.05
"""Shares of items filed wrongly up to which a catalogue is called clean, and from which it is not."""

_FIRST = 100
"""Items whose expected errors a tile tells."""
_SHOWN = 20
"""Findings about categories of a kind that are listed."""
_FEW = 2
"""Expected number below which a pair of categories is not worth a sentence."""
MEANINGS = {
    "wrong branch": "belongs under another parent",
    "wrong sibling": "belongs in a sibling of its category",
    "too general": "belongs in a category beneath its own",
    "between siblings": "its category and a sibling suit it about equally",
    "no fitting place": "is unlike the items of every category, or suits a parent better than its children",
    "duplicate elsewhere": "an item almost equal to it is filed in another category",
}
"""What each kind of finding says of an item."""
_QUIET = {
    "between siblings": ("could as well be in a sibling of its category", "could as well be in siblings"),
    "duplicate elsewhere": ("has an almost equal one elsewhere", "have an almost equal one elsewhere"),
}
"""What is said of one item, and of several."""
TREE = {
    "merge": ("Merge?", "Siblings whose items cannot be told apart."),
    "overlap": ("Overlap", "Many items of either category look like items of the other."),
    "split": ("Split?", "Categories whose items fall into two groups with little between them."),
}
"""Title and meaning of each kind of finding about categories."""


def render_audit(data: AuditData) -> str:
    """The page as one HTML text that needs nothing but a browser; equal data give equal text.

    Example:
        >>> data = AuditData("Fruit & veg", 1000, 1000, 9, 2, expected=16.8, probable=10, half=5)
        >>> html = render_audit(data)
        >>> "About 17 of 1,000 items" in html, "<h1>Fruit &amp; veg</h1>" in html, "<script" in html
        (True, True, False)
    """
    return render_page(
        "audit.html.j2",
        styles=("audit.css",),
        data=data,
        verdict=judge_audit(data),
        panels=_panels(data),
        meanings=MEANINGS,
        tree=tree_findings(data),
        shown=_SHOWN,
        expected=expected_text,
        settings=[(name, setting_text(value)) for name, value in data.settings.items()],
    )


def write_audit(path: Path, data: AuditData) -> None:
    """Write the page to a file, in one piece; see `render_audit`."""
    write_text(path, render_audit(data))


def judge_audit(data: AuditData) -> Verdict:
    """What the audit amounts to, in words.

    Example:
        >>> verdict = judge_audit(AuditData("Shop", 1000, 800, 9, 2, expected=16.8, probable=10, half=5))
        >>> verdict.label, verdict.headline
        ('Some wrong', 'About 17 of 800 items are filed wrongly (2.1%); 10 more probably than not.')
    """
    tone: Tone
    if data.share <= CLEAN:
        tone, label = "good", "Mostly right"
    elif data.share < POOR:
        tone, label = "fair", "Some wrong"
    else:
        tone, label = "poor", "Many wrong"
    about = "Hardly any" if data.expected < 0.5 else f"About {count(round(data.expected))}"
    verb = "is" if about == "About 1" else "are"
    headline = (
        f"{about} of {plural(data.labelled, 'item')} {verb} filed wrongly ({small_percent(data.share)}); "
        f"{count(data.probable) if data.probable else 'none'} more probably than not."
    )
    return Verdict(tone, label, headline, _points(data), _tiles(data))


def depth_text(row: DepthRow) -> str:
    """Where paths are wrong from.

    Example:
        >>> depth_text(DepthRow(0, 3.0)), depth_text(DepthRow(2, 3.0))
        ('wrong from the top', 'right down to depth 2')
    """
    return f"right down to depth {row.depth}" if row.depth else "wrong from the top"


def expected_text(value: float) -> str:
    """An expected number, a decimal below 10.

    Example:
        >>> expected_text(1234.4), expected_text(3.21), expected_text(0.01)
        ('1,234', '3.2', '<0.1')
    """
    if value >= 9.95:
        return count(round(value))
    return f"{value:.1f}" if value >= 0.05 or value == 0 else "<0.1"


def small_percent(share: float) -> str:
    """A share, of which a small one needs more decimals.

    Example:
        >>> small_percent(0.0312), small_percent(0.0026), small_percent(0.0)
        ('3.1%', '0.26%', '0.0%')
    """
    return percent(share, 2 if 0 < share < 0.00995 else 1)


def tree_findings(data: AuditData) -> list[tuple[str, str, list[TreeFinding]]]:
    """Findings about categories: title, meaning and rows of each kind that there is."""
    groups = [
        (title, meaning, [found for found in data.tree if found.kind == kind])
        for kind, (title, meaning) in TREE.items()
    ]
    return [group for group in groups if group[2]]


def _tiles(data: AuditData) -> list[Tile]:
    first = data.findings[:_FIRST]
    tiles = [
        Tile("Filed wrongly", small_percent(data.share), f"{expected_text(data.expected)} items expected"),
        Tile("More probably than not", count(data.probable), "items with 50% or more"),
    ]
    if first:
        found = sum(finding.probability for finding in first)
        title = f"Errors in the first {len(first)}"
        tiles.append(Tile(title, expected_text(found), "expected", share=found / len(first)))
    if data.half:
        tiles.append(Tile("To find half of the errors", count(data.half), "items to look at, in order"))
    return tiles


def _points(data: AuditData) -> list[tuple[str, str]]:
    points = []
    depths = [row for row in data.depths if row.expected >= 0.05]
    if depths:
        parts = [
            f"{expected_text(row.expected)} {'are ' if not index else ''}{depth_text(row)}"
            for index, row in enumerate(depths)
        ]
        points.append(("Where", f"Of the paths that are wrong, {listing(parts)}."))
    if data.moves and data.moves[0].expected >= _FEW:
        move = data.moves[0]
        points.append(
            (
                "Most often",
                f"{' › '.join(move.given)} instead of {' › '.join(move.suggested)}: "
                f"{expected_text(move.expected)} expected.",
            )
        )
    numbers = {row.kind: row.findings for row in data.kinds}
    parts = [
        f"{plural(numbers[kind], 'item')} {one if numbers[kind] == 1 else several}"
        for kind, (one, several) in _QUIET.items()
        if numbers.get(kind)
    ]
    if parts:
        points.append(("Not wrong, but", f"{listing(parts)}."))
    return points


def _panels(data: AuditData) -> list[Panel]:
    panels = []
    if any(row.findings for row in data.probabilities):
        groups = [
            BarGroup(
                f"{percent(row.low, 0)} {'or more' if row.high == 1 else f'to {percent(row.high, 0)}'}",
                [Bar("items", row.findings, "second"), Bar("wrong", row.expected, "run")],
            )
            for row in data.probabilities
        ]
        chart = bar_chart("probabilities", "Items by probability", groups, form=_number)
        lead = "Items by the probability that they are filed wrongly, and how many of them should be."
        panels.append(Panel("How sure it is", lead, chart))
    if data.depths and data.expected >= 0.5:
        groups = [
            BarGroup(depth_text(row).capitalize(), [Bar("items", row.expected, "run")]) for row in data.depths
        ]
        chart = bar_chart("depths", "Wrong paths by depth", groups, form=_number)
        panels.append(
            Panel("Where paths go wrong", "Expected number of items, by what is right in their path.", chart)
        )
    return panels


def _number(value: float | None) -> str:
    return UNDEFINED if value is None else count(value) if isinstance(value, int) else expected_text(value)

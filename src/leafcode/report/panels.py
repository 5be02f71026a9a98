"""The charts of a report: which there are, and what each says in a sentence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from leafcode.report.charts import Band, Bar, BarGroup, Line, Mark, bar_chart, line_chart
from leafcode.report.comparison import depth_name
from leafcode.report.data import ReportData
from leafcode.report.figures import by_index, count, decimal, number, percent
from leafcode.report.measures import columns_of, find_key

_TONES = {"This run": "run", "λ = 0": "lambda0", "RQ-KMeans": "rqkmeans"}
_BAR_NAMES = {"This run": "this run"}
_CEILINGS = {"knn": "k-NN", "probe": "probe"}


@dataclass(frozen=True)
class Panel:
    """A chart with a heading and a sentence on how to read it."""

    title: str
    lead: str
    chart: Markup


@dataclass(frozen=True)
class Grid:
    """A small table whose cells are shaded by their value, rows by level and columns by depth."""

    columns: list[str]
    rows: list[tuple[str, list[tuple[str, float]]]]
    """Name of the row; text and shade in [0, 1] of each cell."""


def result_panels(data: ReportData) -> list[Panel]:
    """Charts of the measures, those that have figures."""
    panels = [
        _accuracy(data),
        _content(data),
        _neighbors(data),
        _duplicates(data),
        _codebooks(data),
    ]
    return [panel for panel in panels if panel is not None]


def _bars(data: ReportData, *keys: str) -> list[Bar]:
    return [
        Bar(_BAR_NAMES.get(name, name), number(part, *keys), _TONES[name])
        for name, part in columns_of(data.metrics)
    ]


def _has_values(groups: list[BarGroup]) -> bool:
    return any(bar.value is not None for group in groups for bar in group.bars)


def _panel(
    key: str,
    title: str,
    lead: str,
    groups: list[BarGroup],
    maximum: float | None = 1.0,
    form: Callable[[float | None], str] = percent,
) -> Panel | None:
    if not _has_values(groups):
        return None
    return Panel(title, lead, bar_chart(key, title, groups, maximum=maximum, form=form))


def _depth_label(data: ReportData, depth: int) -> str:
    if depth <= len(data.catalogue.depth_names):
        return f"Depth {depth}: {data.catalogue.depth_names[depth - 1]}"
    return "Depth 1 (top categories)" if depth == 1 else f"Depth {depth}"


def _accuracy(data: ReportData) -> Panel | None:
    groups = []
    for depth in by_index(data.metrics, "prefix_accuracy"):
        limits = {name: number(data.metrics, "ceiling", key, str(depth)) for key, name in _CEILINGS.items()}
        marks = [Mark(name, limit) for name, limit in limits.items() if limit is not None]
        groups.append(BarGroup(_depth_label(data, depth), _bars(data, "prefix_accuracy", str(depth)), marks))
    lead = "Share of held-out items whose category is right when it is predicted from the code alone."
    if any(group.marks for group in groups):
        lead += " The upright lines show what the embedding itself allows, before any codes."
    return _panel("accuracy", "Right category from the code", lead, groups)


def _content(data: ReportData) -> Panel | None:
    groups = [BarGroup("Reconstruction error, held-out items", _bars(data, "reconstruction"))]
    lead = "What the codes lose of an item’s content. Shorter is better."
    return _panel("content", "Content lost", lead, groups, None, decimal)


def _neighbors(data: ReportData) -> Panel | None:
    groups = []
    found = find_key(data.metrics, r"hp_at_(\d+)")
    if found:
        groups.append(BarGroup("Relatedness, against the best possible", _bars(data, found[0])))
    found_flat = find_key(data.metrics, r"precision_at_(\d+)")
    if found_flat:
        groups += [
            BarGroup(f"Same {depth_name(data.catalogue, depth)}", _bars(data, found_flat[0], str(depth)))
            for depth in by_index(data.metrics, found_flat[0])
        ]
    k = (found or found_flat or ("", "few"))[1]
    lead = f"How closely an item’s first {k} neighbours by code are related to it in the tree."
    return _panel("neighbours", "Neighbours by code", lead, groups)


def _duplicates(data: ReportData) -> Panel | None:
    found = find_key(data.metrics, r"shared_prefix_at_(0\.\d+)")
    if not found:
        return None
    key, threshold = found
    levels = by_index(data.metrics, key)
    names = {level: f"Same codes 1 to {level}" if level > 1 else "Same code 1" for level in levels}
    groups = [BarGroup(names[level], _bars(data, key, str(level))) for level in levels]
    lead = (
        f"Pairs with almost the same content (cosine {threshold} or more): how many share their first codes."
    )
    return _panel("duplicates", "Near-duplicates stay together", lead, groups)


def _codebooks(data: ReportData) -> Panel | None:
    used, perplexity = by_index(data.metrics, "utilization"), by_index(data.metrics, "perplexity")
    groups = []
    for level, size in enumerate(data.settings.level_sizes, start=1):
        effective = perplexity.get(level)
        bars = [
            Bar("in use", used.get(level), "run"),
            Bar("effective", None if effective is None else effective / size, "second"),
        ]
        groups.append(BarGroup(f"Level {level}: {count(size)} codes", bars))
    lead = (
        "Share of each level’s codes that any item has, and how many are in effective use: both are 100% "
        "when all codes are equally frequent."
    )
    return _panel("codebooks", "Use of the codebooks", lead, groups)


def training_panels(data: ReportData) -> list[Panel]:
    """Curves of the training history, those that have values."""
    if not data.history:
        return []
    history = _with_breaks(data.history)
    steps = _running_steps(history)
    bands = _phases(history, steps)
    levels = max((len(entry.get("perplexity") or ()) for entry in history), default=0)
    last = [index for index, entry in enumerate(history) if entry.get("phase") == history[-1].get("phase")]

    def line(key: str, name: str, tone: str, rows: Sequence[int] = range(len(history))) -> Line:
        return Line(
            name, [steps[row] for row in rows], [_finite(history[row].get(key)) for row in rows], tone
        )

    perplexities = [
        Line(f"level {level + 1}", steps, [_at(entry.get("perplexity"), level) for entry in history], tone)
        for level, tone in zip(range(levels), ("run", "second", "third", *("fourth",) * levels), strict=False)
    ]
    charts = [
        (
            "loss-content",
            "Content",
            "Reconstruction and quantisation loss: how well the codes keep the content.",
            [line("reconstruction", "reconstruct.", "run"), line("quantization", "quantisation", "second")],
        ),
        (
            "loss-contrast",
            "Tree",
            "Contrastive loss: how well the tree part of the model tells categories apart.",
            [line("contrast", "contrast", "run")],
        ),
        (
            "loss-validation",
            "Validation",
            "Total loss on items kept aside; the codes come from the step where it is lowest.",
            # The total of an earlier phase has other terms: it does not compare.
            [line("validation", "validation", "run", last)],
        ),
        (
            "codes-in-use",
            "Codes in effective use",
            "Perplexity of each level. A level that falls towards 1 has collapsed.",
            perplexities,
        ),
    ]
    return [
        Panel(
            title,
            lead,
            line_chart(
                key,
                title,
                shown,
                bands=() if key == "loss-validation" else bands,
                from_zero=key == "codes-in-use",
            ),
        )
        for key, title, lead, lines in charts
        if (shown := [line for line in lines if any(y is not None for y in line.y)])
    ]


def _with_breaks(history: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The history with an empty entry between phases, so that no line crosses from one to the next."""
    entries: list[Mapping[str, Any]] = []
    for entry in history:
        if entries and entry.get("phase") != entries[-1].get("phase"):
            entries.append({"step": entries[-1]["step"], "phase": entries[-1].get("phase")})
        entries.append(entry)
    return entries


def agreement_grid(data: ReportData) -> Grid | None:
    """Agreement of codes and categories (AMI) by level and depth, if it was measured."""
    levels = data.metrics.get("ami")
    if not isinstance(levels, Mapping) or not levels:
        return None
    depths = sorted({depth for level in levels for depth in by_index(levels, level)})
    rows = []
    for level in sorted(filter(str.isdecimal, levels), key=int):
        values = [number(levels, level, str(depth)) for depth in depths]
        name = "Code 1" if level == "1" else f"Codes 1 to {level}"
        rows.append((name, [(decimal(value, 2), min(max(value or 0.0, 0.0), 1.0)) for value in values]))
    # Names alone, for six depths to stand side by side.
    names = dict(enumerate(data.catalogue.depth_names, start=1))
    return Grid([names.get(depth, f"Depth {depth}") for depth in depths], rows) if depths else None


def _finite(value: Any) -> float | None:  # noqa: ANN401 - whatever JSON holds
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _at(values: Any, index: int) -> float | None:  # noqa: ANN401 - whatever JSON holds
    return _finite(values[index]) if values and index < len(values) else None


def _running_steps(history: Sequence[Mapping[str, Any]]) -> list[float]:
    """Steps on one axis: where a phase counts from 0 again, it goes on from the last step."""
    steps: list[float] = []
    offset, previous = 0.0, 0.0
    for entry in history:
        if entry["step"] < previous:
            offset += previous
        previous = entry["step"]
        steps.append(offset + previous)
    return steps


def _phases(history: Sequence[Mapping[str, Any]], steps: list[float]) -> list[Band]:
    """Stretches of the axis with the same phase; none if there is only one."""
    names = [str(entry.get("phase") or "") for entry in history]
    starts = [index for index in range(len(names)) if index == 0 or names[index] != names[index - 1]]
    if len(starts) < 2:
        return []
    # A phase begins where the one before it has its last point.
    edges = [steps[max(index - 1, 0)] if index else 0.0 for index in starts] + [steps[-1]]
    return [Band(names[index], edges[i], edges[i + 1]) for i, index in enumerate(starts)]

"""The page of a comparison: verdict, table, fronts of gain against cost, which code follows which depth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from leafcode.evaluation import Estimate
from leafcode.report.charts import Mark
from leafcode.report.compare_data import OURS, CompareData, Setting
from leafcode.report.compare_verdict import judge_comparison
from leafcode.report.compare_words import dial_text, with_margin
from leafcode.report.figures import UNDEFINED, by_index, count, decimal
from leafcode.report.front_chart import TONES, Point, Series, front_chart
from leafcode.report.page import render_page, setting_text
from leafcode.report.panels import Grid, Panel

_X_LABEL = "content error, as a multiple of the better baseline’s"
_Y_LABEL = "wrong categories, % fewer than the better baseline"


@dataclass(frozen=True)
class TableRow:
    """A setting in the table: its method, its weight of the tree, and a text for each column."""

    name: str
    dial: str
    tone: str
    cells: list[str]


def render_comparison(data: CompareData) -> str:
    """The page as one HTML text that needs nothing but a browser.

    Every text is escaped; what is undefined is a dash. Equal data give equal text, byte for byte.

    Args:
        data: What to show.

    Returns:
        HTML without any script.

    Example:
        >>> from leafcode.report.data import CatalogueSummary
        >>> run = {"reconstruction": 0.2, "prefix_accuracy": {"1": 0.7}, "ami": {"1": {"1": 0.4}}}
        >>> settings = [Setting("rq_kmeans", "RQ-KMeans", False, None, {0: run})]
        >>> catalogue = CatalogueSummary(items=100, labelled=90, held_out=20, categories=7, depth=1)
        >>> data = CompareData("Fruit & veg", catalogue, [0], "items", (8,), settings, 1.05)
        >>> html = render_comparison(data)
        >>> "<h1>Fruit &amp; veg</h1>" in html, "Not compared" in html, "<script" in html
        (True, True, False)
    """
    fronts = [setting for setting in data.settings if setting.strength is not None]
    return render_page(
        "compare.html.j2",
        styles=("front_chart.css",),
        data=data,
        verdict=judge_comparison(data),
        columns=_columns(data),
        defaults=[_row(data, setting) for setting in data.defaults],
        fronts=[_row(data, setting) for setting in fronts],
        charts=_charts(data),
        grids=[
            (setting.title, grid) for setting in data.defaults if (grid := _agreement(setting)) is not None
        ],
        settings=_settings(data),
    )


def tone_of(data: CompareData, method: str) -> str:
    """CSS class of a method: that of the first series for ours, and one after the other for the rest.

    Example:
        >>> from leafcode.report.data import CatalogueSummary
        >>> settings = [Setting(name, name, True, None, {}) for name in ("a", "tree", "b")]
        >>> data = CompareData("", CatalogueSummary(0, 0, 0, 0, 0), [], "items", (8,), settings, 1.05)
        >>> [tone_of(data, name) for name in ("a", "tree", "b")]
        ['series-1', 'run', 'series-2']
    """
    if method == OURS:
        return TONES[0]
    others = [name for name in dict.fromkeys(one.method for one in data.settings) if name != OURS]
    return TONES[1 + others.index(method) % (len(TONES) - 1)]


def _columns(data: CompareData) -> list[str]:
    depths = [f"Fewer at depth {depth}" for depth in data.depths] if len(data.depths) > 1 else []
    return [
        "Content error, × better baseline",
        "Wrong categories, fewer",
        "Share a full code",
        "Relatedness of neighbours",
        "Training, s",
        *depths,
    ]


def _row(data: CompareData, setting: Setting) -> TableRow:
    depths = data.depths if len(data.depths) > 1 else []
    cells = [
        with_margin(data.ratio(setting), 3, share=False),
        with_margin(data.reduction(setting)),
        with_margin(setting.estimate("collision_rate")),
        with_margin(setting.estimate("hp_at_10")),
        with_margin(setting.estimate("seconds"), 1, share=False),
        *(with_margin(data.reduction(setting, depth=depth)) for depth in depths),
    ]
    return TableRow(setting.title, dial_text(setting), tone_of(data, setting.method), cells)


def _charts(data: CompareData) -> list[Panel]:
    """Gain against cost over all depths, then at each of them."""
    depths: list[int | None] = [None, *(data.depths if len(data.depths) > 1 else [])]
    panels = []
    for depth in depths:
        title = "All depths" if depth is None else f"Depth {depth}"
        lead = (
            "Wrong categories averaged over the depths."
            if depth is None
            else f"Categories at depth {depth} alone."
        )
        series = _series(data, depth)
        if series:
            chart = front_chart(
                f"front-{depth or 'all'}",
                f"Gain against cost, {title.lower()}",
                series,
                x_label=_X_LABEL,
                y_label=_Y_LABEL,
                x_reference=Mark(f"limit {data.limit:g}", data.limit),
            )
            panels.append(Panel(title, lead, chart))
    return panels


def _series(data: CompareData, depth: int | None) -> list[Series]:
    """A front for each method, ours last and so on top."""
    methods = sorted(
        dict.fromkeys(setting.method for setting in data.settings), key=lambda name: name == OURS
    )
    found = []
    for method in methods:
        settings = [setting for setting in data.settings if setting.method == method]
        points = [point for one in settings if (point := _point(data, one, depth)) is not None]
        if points:
            ordered = sorted(points, key=lambda point: point.x)
            found.append(Series(settings[0].title, ordered, tone_of(data, method), joined=True))
    return found


def _point(data: CompareData, setting: Setting, depth: int | None) -> Point | None:
    cost, gain = data.ratio(setting), data.reduction(setting, depth=depth)
    if math.isnan(cost.mean) or math.isnan(gain.mean):
        return None
    label = ", ".join(filter(None, (dial_text(setting), "default" if setting.strength is None else "")))
    return Point(cost.mean, 100 * gain.mean, _ends(cost), _ends(gain, 100), label)


def _ends(estimate: Estimate, factor: float = 1.0) -> tuple[float, float] | None:
    return None if math.isnan(estimate.low) else (factor * estimate.low, factor * estimate.high)


def _agreement(setting: Setting) -> Grid | None:
    """AMI of the first codes with the categories of each depth, means over the seeds."""
    levels = sorted({level for run in setting.runs.values() for level in by_index(run, "ami")})
    depths = sorted(
        {
            depth
            for run in setting.runs.values()
            for level in levels
            for depth in by_index(run, "ami", str(level))
        }
    )
    if not depths:
        return None
    rows = []
    for level in levels:
        means = [setting.estimate("ami", str(level), str(depth)).mean for depth in depths]
        cells = [
            (UNDEFINED, 0.0) if math.isnan(mean) else (decimal(mean, 2), min(max(mean, 0.0), 1.0))
            for mean in means
        ]
        rows.append(("Code 1" if level == 1 else f"Codes 1 to {level}", cells))
    return Grid([f"Depth {depth}" for depth in depths], rows)


def _settings(data: CompareData) -> list[tuple[str, str]]:
    seeds: Sequence[int] = data.seeds
    return [
        ("Codes per level", " × ".join(map(count, data.level_sizes))),
        ("Seeds", ", ".join(map(str, seeds))),
        ("Limit of the verdict", f"{data.limit:g} × the content error of the better baseline"),
        *((name, setting_text(value)) for name, value in data.more.items()),
    ]

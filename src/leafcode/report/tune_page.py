"""The page of a tuning: the front of gain against cost, and the setting to take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from leafcode.files import write_text
from leafcode.report.charts import Mark
from leafcode.report.front_chart import Point, Series, front_chart
from leafcode.report.page import render_page
from leafcode.report.panels import Panel
from leafcode.report.tune_data import TuneData, TunedPoint
from leafcode.report.tune_verdict import judge_tuning

LOGARITHMIC = ("λ", "temperature")
"""Parameters that are shown by their logarithms."""

_RATIO = "content error, times that of λ = 0"
_ERROR = "wrong category, % of items"


def render_tuning(data: TuneData) -> str:
    """The page as one HTML text that needs nothing but a browser; equal data give equal text.

    Example:
        >>> from leafcode.report.data import CatalogueSummary
        >>> none = TunedPoint("λ = 0", {"λ": 0.0}, 1.0, 0.30, 0.0, 0.1, (0.7,))
        >>> best = TunedPoint("trial 3", {"λ": 1.3}, 1.015, 0.24, 0.2, 0.1, (0.76,))
        >>> html = render_tuning(TuneData(
        ...     "Shop", CatalogueSummary(900, 900, 0, 9, 1), 1.02, none, best, [best], [best], best,
        ...     command="leafcode fit shop.csv --contrast-weight 1.3",
        ... ))
        >>> "Take λ = 1.3" in html, "--contrast-weight 1.3" in html
        (True, True)
    """
    return render_page(
        "tune.html.j2",
        styles=("front_chart.css", "tune.css"),
        data=data,
        verdict=judge_tuning(data),
        front=_front(data),
        parameters=_parameters(data),
    )


def write_tuning(path: Path, data: TuneData) -> None:
    """Write the page to a file, in one piece; see `render_tuning`."""
    write_text(path, render_tuning(data))


def _front(data: TuneData) -> Panel:
    series = [
        Series("other trials", [_objectives(trial) for trial in _behind(data)], "fourth"),
        Series("front", [_objectives(trial) for trial in data.front], "series-1", joined=True),
        Series("λ = 0", [_objectives(data.without_tree)], "series-7"),
        Series("auto", [_objectives(data.auto)], "series-2"),
        Series("recommended", [_objectives(one) for one in (data.recommended,) if one], "run"),
    ]
    lead = (
        "Every complete trial, on items kept out of its training: lower is better, and so is further left. "
        "No other trial beats those on the front in both."
    )
    title = "Gain against cost"
    limit = Mark(f"limit {data.limit:g}", data.limit)
    chart = front_chart("front", title, series, x_label=_RATIO, y_label=_ERROR, x_reference=limit)
    return Panel(title, lead, chart)


def _parameters(data: TuneData) -> list[Panel]:
    """Two charts for each parameter: what it does to the content error, and to the categories."""
    objectives: list[tuple[str, str, Callable[[TunedPoint], float]]] = [
        ("content", _RATIO, lambda trial: trial.ratio),
        ("categories", _ERROR, lambda trial: 100 * trial.error),
    ]
    panels = []
    for index, name in enumerate(data.trials[0].parameters if data.trials else ()):
        for what, label, value in objectives:
            series = [
                Series(
                    title, [Point(one.parameters[name], value(one), label=one.name) for one in trials], tone
                )
                for title, trials, tone in (
                    ("other trials", _behind(data), "fourth"),
                    ("front", data.front, "series-1"),
                    ("recommended", [one for one in (data.recommended,) if one], "run"),
                )
            ]
            title = f"{name} and {what}"
            chart = front_chart(
                f"parameter-{index}-{what}",
                title,
                series,
                x_label=name,
                y_label=label,
                x_log=name in LOGARITHMIC,
            )
            panels.append(Panel(title, "", chart))
    return panels


def _behind(data: TuneData) -> list[TunedPoint]:
    """The trials that are not on the front."""
    ahead = {trial.name for trial in data.front}
    return [trial for trial in data.trials if trial.name not in ahead]


def _objectives(point: TunedPoint) -> Point:
    parameters = ", ".join(f"{name} {value:.3g}" for name, value in point.parameters.items())
    name = "" if point.name.startswith("λ") or point.name == "auto" else f"{point.name}, "
    return Point(point.ratio, 100 * point.error, label=f"{name}{parameters}")

"""Gain against cost of one catalogue as an SVG file of its own, for a page that has no style for it."""

from __future__ import annotations

import math

from leafcode.evaluation import Estimate
from leafcode.report.charts import Mark
from leafcode.report.compare_data import OURS
from leafcode.report.compare_page import tone_of
from leafcode.report.compare_words import dial_text
from leafcode.report.front_chart import Point, Series, front_chart
from leafcode.report.svg import WIDTH
from result_files import Catalogue

_LIGHT = ("#ffffff", "#1b2420", "#5a6660", "#7d8882", "#e1e5df", "#b5630d")
_DARK = ("#131715", "#e6ebe8", "#a3afa8", "#84908a", "#2b332f", "#e39f4c")
_TONES = {
    "run": ("#1c7a53", "#55bd8b"),
    "series-1": ("#3566b0", "#7fa8e8"),
    "series-2": ("#b4570f", "#e79a57"),
    "series-3": ("#7a4fa3", "#b998de"),
    "series-4": ("#a02c5a", "#e57fa6"),
    "series-5": ("#0f7d8a", "#52bfcc"),
    "series-6": ("#6d6a1c", "#bdb85a"),
    "series-7": ("#59636b", "#a5b0b8"),
}
"""Colours on light and on dark, as in the pages of leafcode."""

_MARGIN = 14

_STYLE = """
svg { background: var(--paper); font: 12.5px system-ui, sans-serif; }
text { fill: var(--soft); } .axis { fill: var(--faint); font-size: 11.5px; }
.grid { stroke: var(--line); } .grid.zero { stroke: var(--faint); }
.line { fill: none; stroke: var(--series); stroke-width: 1.6; opacity: 0.75; }
.dot { fill: var(--series); stroke: var(--paper); } .leader { stroke: var(--series); stroke-width: 0.8; }
.whisker { stroke: var(--series); stroke-width: 1.3; opacity: 0.55; }
.name { fill: var(--series); font-weight: 600; paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }
.name.run { fill: var(--ink); }
.mark { stroke: var(--mark); stroke-dasharray: 4 3; } .mark-name { fill: var(--mark); }
"""


def gain_chart(catalogue: Catalogue, limit: float) -> str | None:
    """A chart of every method of a catalogue; None without a point.

    Args:
        catalogue: Its figures.
        limit: Of the content error, drawn as a line.

    Returns:
        The text of an SVG file, which follows the reader's choice of light or dark.
    """
    data = catalogue.data
    series = []
    names = dict.fromkeys(setting.method for setting in data.settings)
    for method in sorted(names, key=lambda name: name == OURS):  # ours last, and so on top
        settings = [setting for setting in data.settings if setting.method == method]
        points = [
            Point(
                cost.mean,
                100 * fewer.mean,
                _ends(cost),
                _ends(fewer, 100.0),
                dial_text(setting),
            )
            for setting in settings
            if not math.isnan((cost := data.ratio(setting)).mean)
            and not math.isnan((fewer := data.reduction(setting)).mean)
        ]
        if points:
            ordered = sorted(points, key=lambda point: point.x)
            series.append(Series(settings[0].title, ordered, tone_of(data, method), joined=True))
    if not series:
        return None
    chart = str(
        front_chart(
            f"gain-{catalogue.name}",
            f"Gain against cost: {catalogue.title}",
            series,
            x_label="content error, × the better baseline’s",
            y_label="wrong categories, % fewer than the better baseline",
            x_reference=Mark(f"limit {limit:g}", limit),
        )
    )
    head, tail = chart.split(">", 1)
    # The element is made for a page, where labels may stand out; a file needs a margin for them, and a
    # namespace, a size and a style of its own.
    width = WIDTH + 2 * _MARGIN
    head = head.replace(f'viewBox="0 0 {WIDTH} ', f'viewBox="{-_MARGIN} 0 {width} ')
    return f'{head} xmlns="http://www.w3.org/2000/svg" width="{width}"><style>{_style()}</style>{tail}\n'


def _style() -> str:
    names = ("paper", "ink", "soft", "faint", "line", "mark")
    light, dark = (
        " ".join(f"--{name}: {colour};" for name, colour in zip(names, colours, strict=True))
        for colours in (_LIGHT, _DARK)
    )
    tones = "".join(f".{tone} {{ --series: {colour}; }}\n" for tone, (colour, _) in _TONES.items())
    on_dark = " ".join(f".{tone} {{ --series: {colour}; }}" for tone, (_, colour) in _TONES.items())
    scheme = f"@media (prefers-color-scheme: dark) {{ svg {{ {dark} }} {on_dark} }}"
    return f"\nsvg {{ {light} }}\n{tones}{scheme}{_STYLE}"


def _ends(estimate: Estimate, factor: float = 1.0) -> tuple[float, float] | None:
    return None if math.isnan(estimate.low) else (factor * estimate.low, factor * estimate.high)

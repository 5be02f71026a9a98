"""What every chart is made of: the frame of an SVG element, its texts, and round numbers for its axes.

Colours come from CSS variables of the page, by class, so that a chart follows light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from leafcode.report.figures import UNDEFINED, count

WIDTH = 480
"""Units that a chart is wide, whatever the page makes of them."""


def svg_element(key: str, title: str, description: str, height: float, parts: Sequence[Markup]) -> Markup:
    """A chart of `WIDTH` x `height` units with a title and a description for screen readers.

    Args:
        key: Unique in the page; the ids of title and description are made from it.
        title: What the chart shows.
        description: Its figures in words.
        height: In units.
        parts: What is in it, from back to front.
    """
    head = Markup(
        '<svg class="chart" viewBox="0 0 {w} {h:.0f}" role="img" aria-labelledby="{k}-title {k}-desc">'
        '<title id="{k}-title">{title}</title><desc id="{k}-desc">{desc}</desc>'
    ).format(w=WIDTH, h=height, k=key, title=title, desc=description)
    return head + Markup("").join(map(escape, parts)) + Markup("</svg>")


def text_element(x: float, y: float, text: str, tone: str, anchor: str = "start") -> Markup:
    """A text whose base line starts, or with another anchor has its middle or end, at (x, y)."""
    if text == UNDEFINED:
        tone = f"{tone} undefined"
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        tone, x, y, anchor, text
    )


def nice_ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Round numbers that cover [low, high], about `wanted` steps of 1, 2, 2.5 or 5 times a power of ten.

    Example:
        >>> nice_ticks(0.13, 0.42)
        [0.1, 0.2, 0.3, 0.4, 0.5]
        >>> nice_ticks(3.0, 3.0)
        [2.0, 2.5, 3.0, 3.5, 4.0]
    """
    largest = max(abs(low), abs(high))
    if high - low <= 1e-9 * max(largest, 0.01):  # as good as equal: ticks are rounded to 12 decimals
        margin = (largest if largest > 1e-9 else 1.0) / 3
        low, high = low - margin, high + margin
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(factor for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Numbers of 1, 2 and 5 times a power of ten that cover [low, high], both above 0.

    Example:
        >>> log_ticks(0.06, 3.0)
        [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0]
        >>> log_ticks(3.0, 3.0)
        [2.0, 5.0]
    """
    first, last = math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1
    steps = [round(factor * 10.0**power, 12) for power in range(first, last + 1) for factor in (1, 2, 5)]
    start = max(index for index, step in enumerate(steps) if step <= low)
    stop = min(index for index, step in enumerate(steps) if step >= high and index > start)
    return steps[start : stop + 1]


def tick_text(tick: float, ticks: Sequence[float]) -> str:
    """A tick with as many decimals as the ticks beside it need.

    Example:
        >>> tick_text(0.5, [0.25, 0.5]), tick_text(2000.0, [0.0, 2000.0])
        ('0.50', '2,000')
    """
    if max(map(abs, ticks)) >= 10 and all(value == round(value) for value in ticks):
        return count(round(tick))
    fits = (d for d in range(12) if all(abs(round(value, d) - value) < 1e-12 for value in ticks))
    decimals = next(fits, 12)
    return f"{tick:.{decimals}f}"

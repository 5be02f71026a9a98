"""A scatter chart of gain against cost as inline SVG: points with intervals both ways, joined to fronts.

Every series has a colour, a shape and its name beside it, so that none of the three is needed to read it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from leafcode.report.charts import Mark
from leafcode.report.label_placement import Box, place_label
from leafcode.report.svg import WIDTH, log_ticks, nice_ticks, svg_element, text_element, tick_text

TONES = ("run", *(f"series-{number}" for number in range(1, 8)))
"""CSS classes with a colour and a shape of their own; the first is the one to look at."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 46.0, WIDTH - 8.0, 26.0, 300.0
_RADIUS = 5.0
_CORNERS: dict[str, Sequence[tuple[float, float]]] = {
    "series-1": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "series-2": ((0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)),
    "series-3": ((0.0, -1.2), (1.15, 0.9), (-1.15, 0.9)),
    "series-4": ((0.0, 1.2), (1.15, -0.9), (-1.15, -0.9)),
    "series-5": ((-1.3, 0.0), (0.0, -0.55), (1.3, 0.0), (0.0, 0.55)),
    "series-6": ((0.0, -1.3), (0.55, 0.0), (0.0, 1.3), (-0.55, 0.0)),
    "series-7": ((-1.2, -0.5), (0.0, -1.2), (1.2, -0.5), (0.75, 1.0), (-0.75, 1.0)),
}
"""Corners of the shapes, in radii from the middle; a tone that is not here gets a circle."""


@dataclass(frozen=True)
class Point:
    """A point of a series.

    Attributes:
        x: Its cost.
        y: Its gain.
        x_interval: Ends of the error bar of x, with x between them; None for no bar.
        y_interval: Ends of the error bar of y, with y between them; None for no bar.
        label: What the point is, shown when it is pointed at and read out by screen readers.
    """

    x: float
    y: float
    x_interval: tuple[float, float] | None = None
    y_interval: tuple[float, float] | None = None
    label: str = ""


@dataclass(frozen=True)
class Series:
    """Points of one kind.

    Attributes:
        name: Drawn beside one of the points; empty for no name.
        points: In the order in which they are joined.
        tone: A CSS class, one of `TONES` for a shape and a colour of its own.
        joined: Draw a line through the points.
    """

    name: str
    points: Sequence[Point]
    tone: str
    joined: bool = False


def front_chart(
    key: str,
    title: str,
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    x_reference: Mark | None = None,
    x_log: bool = False,
) -> Markup:
    """A scatter chart of series of points; its style is in ``templates/front_chart.css``.

    The axes cover all points, and the intervals as far as they reach beyond the points by no more than half
    of the points' own spread: with few seeds an interval can be so wide that nothing else would be seen. An
    error bar that is cut has no cap at that end.

    Args:
        key: Unique in the page; the ids of title and description are made from it.
        title: What the chart shows, read out by screen readers.
        series: The points, all of finite coordinates; those that come last are drawn on top.
        x_label: Name of the x axis.
        y_label: Name of the y axis.
        x_reference: A value of x with a name, drawn as an upright line.
        x_log: Draw x, which is above 0 then, by its logarithm.

    Returns:
        An ``<svg>`` element, 480 units wide.

    Example:
        >>> ours = Series("ours", [Point(1.0, 12.0, label="0.5"), Point(1.02, 16.0)], "run", joined=True)
        >>> svg = front_chart("c", "Gain and cost", [ours], x_label="cost", y_label="gain")
        >>> svg.count("<circle"), svg.count("<polyline"), "ours" in svg
        (2, 1, True)
    """
    points = [point for one in series for point in one.points]
    xs = [point.x for point in points] + ([x_reference.value] if x_reference else [])
    x_log = x_log and bool(xs)
    scale: Callable[[float], float] = math.log if x_log else float
    x_ticks = log_ticks(min(xs), max(xs)) if x_log else _ticks(xs, [point.x_interval for point in points])
    x_texts = [tick_text(tick, [tick] if x_log else x_ticks) for tick in x_ticks]
    y_ticks = _ticks([point.y for point in points], [point.y_interval for point in points])

    def x_of(x: float) -> float:
        start, stop = scale(x_ticks[0]), scale(x_ticks[-1])
        return _LEFT + (_RIGHT - _LEFT) * (scale(x) - start) / (stop - start)

    def y_of(y: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * (y - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])

    parts = _axes(dict(zip(x_ticks, x_texts, strict=True)), y_ticks, x_of, y_of, x_label, y_label)
    # The ground that names keep off, and how much covering it would hurt.
    taken: list[tuple[Box, float]] = []
    if x_reference is not None:
        x = x_of(x_reference.value)
        parts.append(_line("mark", x, _TOP, x, _BOTTOM))
        # On the side of the line where there is room.
        beside, anchor = (5.0, "start") if x < (_LEFT + _RIGHT) / 2 else (-5.0, "end")
        parts.append(text_element(x + beside, _TOP + 11, x_reference.name, "mark-name", anchor))
        width = 6.5 * len(x_reference.name) + 5
        taken.append((Box(min(x, x + beside / 5 * width), _TOP, width, 15.0), 1.0))
    marks: list[Markup] = []
    for one in series:
        places = [(x_of(point.x), y_of(point.y)) for point in one.points]
        if one.joined and len(places) > 1:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            parts.append(Markup('<polyline class="line {}" points="{}"/>').format(one.tone, path))
        for point, (x, y) in zip(one.points, places, strict=True):
            parts += _whiskers(point, x, y, x_of, y_of, one.tone, taken)
            marks.append(_mark(x, y, one.tone, _describe(one, point)))
            taken.append((Box(x - _RADIUS - 2, y - _RADIUS - 2, 2 * _RADIUS + 4, 2 * _RADIUS + 4), 1.0))
    parts += marks
    inside = Box(_LEFT, _TOP, _RIGHT - _LEFT, _BOTTOM - _TOP)
    for one in series:
        if one.name and one.points:
            placed = place_label(
                one.name, [(x_of(p.x), y_of(p.y)) for p in one.points], _RADIUS, taken, inside
            )
            taken.append((placed.box, 4.0))
            if placed.leader is not None:
                parts.append(_line(f"leader {one.tone}", *placed.leader))
            parts.append(text_element(placed.x, placed.y, one.name, f"name {one.tone}", placed.anchor))
    description = " ".join(f"{_describe(one, point)}." for one in series for point in one.points)
    return svg_element(key, title, description, _BOTTOM + 42, parts)


def _ticks(values: Sequence[float], intervals: Sequence[tuple[float, float] | None]) -> list[float]:
    if not values:
        return [0.0, 1.0]
    low, high = min(values), max(values)
    spread = high - low
    ends = [end for interval in intervals if interval is not None for end in interval]
    if spread > 0:
        ends = [min(max(end, low - spread / 2), high + spread / 2) for end in ends]
    return nice_ticks(min([low, *ends]), max([high, *ends]), wanted=6)


def _axes(
    x_ticks: Mapping[float, str],
    y_ticks: Sequence[float],
    x_of: Callable[[float], float],
    y_of: Callable[[float], float],
    x_label: str,
    y_label: str,
) -> list[Markup]:
    parts = []
    for tick in y_ticks:
        y = y_of(tick)
        parts.append(_line("grid zero" if tick == 0 else "grid", _LEFT, y, _RIGHT, y))
        parts.append(text_element(_LEFT - 8, y + 4, tick_text(tick, y_ticks), "axis", "end"))
    for tick, text in x_ticks.items():
        x = x_of(tick)
        parts.append(_line("grid", x, _BOTTOM, x, _BOTTOM + 5))
        parts.append(text_element(x, _BOTTOM + 19, text, "axis", "middle"))
    parts.append(text_element(0, _TOP - 13, y_label, "axis-name"))
    parts.append(text_element(_RIGHT, _BOTTOM + 37, x_label, "axis-name", "end"))
    return parts


def _whiskers(
    point: Point,
    x: float,
    y: float,
    x_of: Callable[[float], float],
    y_of: Callable[[float], float],
    tone: str,
    taken: list[tuple[Box, float]],
) -> list[Markup]:
    """Error bars both ways with caps, cut at the edge of the plot."""
    parts = []
    if point.x_interval is not None:
        low, high = (x_of(end) for end in point.x_interval)
        start, stop = max(low, _LEFT), min(high, _RIGHT)
        parts.append(_line(f"whisker {tone}", start, y, stop, y))
        parts += [
            _line(f"whisker {tone}", end, y - 3, end, y + 3) for end in (low, high) if start <= end <= stop
        ]
        taken.append((Box(start, y - 2, stop - start, 4.0), 0.5))
    if point.y_interval is not None:
        low, high = (y_of(end) for end in reversed(point.y_interval))
        start, stop = max(low, _TOP), min(high, _BOTTOM)
        parts.append(_line(f"whisker {tone}", x, start, x, stop))
        parts += [
            _line(f"whisker {tone}", x - 3, end, x + 3, end) for end in (low, high) if start <= end <= stop
        ]
        taken.append((Box(x - 2, start, 4.0, stop - start), 0.5))
    return parts


def _mark(x: float, y: float, tone: str, description: str) -> Markup:
    corners = _CORNERS.get(tone)
    if corners is None:
        shape = Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="{}"><title>{}</title></circle>')
        return shape.format(tone, x, y, _RADIUS, description)
    path = " ".join(f"{x + _RADIUS * dx:.1f},{y + _RADIUS * dy:.1f}" for dx, dy in corners)
    shape = Markup('<polygon class="dot {}" points="{}"><title>{}</title></polygon>')
    return shape.format(tone, path, description)


def _describe(one: Series, point: Point) -> str:
    def figure(value: float, interval: tuple[float, float] | None) -> str:
        return f"{value:.4g}" + ("" if interval is None else f" ({interval[0]:.4g} to {interval[1]:.4g})")

    name = ", ".join(filter(None, (one.name, point.label)))
    figures = f"{figure(point.y, point.y_interval)} at {figure(point.x, point.x_interval)}"
    return f"{name}: {figures}" if name else figures


def _line(tone: str, x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
        tone, x1, y1, x2, y2
    )

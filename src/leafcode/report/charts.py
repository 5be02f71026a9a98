"""Charts as inline SVG: bars with marks, and lines.

Every text is drawn beside the thing it names, so that no chart needs a legend or a colour to be read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from leafcode.report.figures import count, percent
from leafcode.report.svg import WIDTH, nice_ticks, svg_element, text_element, tick_text

_NAME_WIDTH = 104
_VALUE_WIDTH = 66
_BAR_HEIGHT = 14
_BAR_STEP = 21


@dataclass(frozen=True)
class Bar:
    """A bar: its name, its value (None is drawn as a dash) and its tone, a CSS class."""

    name: str
    value: float | None
    tone: str


@dataclass(frozen=True)
class Mark:
    """A line across the bars of a group, such as a ceiling."""

    name: str
    value: float


@dataclass(frozen=True)
class BarGroup:
    """Bars under one heading."""

    label: str
    bars: Sequence[Bar]
    marks: Sequence[Mark] = ()


@dataclass(frozen=True)
class Line:
    """A line through (x, y) points; it breaks where y is None."""

    name: str
    x: Sequence[float]
    y: Sequence[float | None]
    tone: str


@dataclass(frozen=True)
class Band:
    """A stretch of the x axis with a name, such as a phase of training."""

    name: str
    start: float
    stop: float


def bar_chart(
    key: str,
    title: str,
    groups: Sequence[BarGroup],
    *,
    maximum: float | None = None,
    form: Callable[[float | None], str] = percent,
) -> Markup:
    """Horizontal bars in groups, each with its name on the left and its value on the right.

    Args:
        key: Unique in the page; the ids of title and description are made from it.
        title: What the chart shows, read out by screen readers.
        groups: The bars.
        maximum: Value of a full-width bar; None takes the largest value and mark.
        form: Writes a value.

    Returns:
        An ``<svg>`` element, 480 units wide.

    Example:
        >>> group = BarGroup("depth 1", [Bar("this run", 0.5, "run")])
        >>> svg = bar_chart("a", "Accuracy", [group], maximum=1.0)
        >>> 'width="155.0"' in svg, "50.0%" in svg
        (True, True)
    """
    values = [bar.value for group in groups for bar in group.bars if bar.value is not None]
    values += [mark.value for group in groups for mark in group.marks]
    full = maximum if maximum is not None else max(values, default=0.0)
    room = WIDTH - _NAME_WIDTH - _VALUE_WIDTH

    def x_of(value: float) -> float:
        return _NAME_WIDTH + (min(max(value / full, 0.0), 1.0) * room if full > 0 else 0.0)

    parts: list[Markup] = []
    top = 0.0
    for group in groups:
        parts.append(text_element(0, top + 14, group.label, "heading"))
        marks = sorted(group.marks, key=lambda mark: mark.value)
        top += 24
        if marks:
            # The names of marks have a row of their own: beside a bar they would cover its value.
            names = " · ".join(f"{mark.name} {form(mark.value)}" for mark in marks)
            parts.append(text_element(WIDTH, top - 10, names, "mark-name", "end"))
        start = top
        for bar in group.bars:
            middle = top + _BAR_HEIGHT / 2
            parts.append(text_element(_NAME_WIDTH - 10, middle + 4, bar.name, f"name {bar.tone}", "end"))
            parts.append(_rect(_NAME_WIDTH, top, room, "track"))
            if bar.value is not None:
                parts.append(_rect(_NAME_WIDTH, top, x_of(bar.value) - _NAME_WIDTH, f"bar {bar.tone}"))
            parts.append(text_element(WIDTH, middle + 4, form(bar.value), f"value {bar.tone}", "end"))
            top += _BAR_STEP
        for mark in marks:
            parts.append(
                Markup('<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"/>').format(
                    x=x_of(mark.value), y1=start - 4, y2=top - _BAR_STEP + _BAR_HEIGHT + 4
                )
            )
        top += 14
    return svg_element(key, title, _describe_bars(groups, form), top - 14, parts)


def _describe_bars(groups: Sequence[BarGroup], form: Callable[[float | None], str]) -> str:
    sentences = []
    for group in groups:
        figures = [
            f"{bar.name} {form(bar.value) if bar.value is not None else 'undefined'}" for bar in group.bars
        ]
        figures += [f"{mark.name} {form(mark.value)}" for mark in group.marks]
        sentences.append(f"{group.label}: {', '.join(figures)}.")
    return " ".join(sentences)


def line_chart(
    key: str,
    title: str,
    lines: Sequence[Line],
    *,
    bands: Sequence[Band] = (),
    x_name: str = "step",
    from_zero: bool = False,
) -> Markup:
    """Lines over a common x axis, each with its name at its last point.

    Args:
        key: Unique in the page; the ids of title and description are made from it.
        title: What the chart shows, read out by screen readers.
        lines: The lines; points without a y are left out, and the line has a gap there.
        bands: Named stretches of the x axis, drawn behind the lines.
        x_name: Name of the x axis.
        from_zero: Start the y axis at 0 whatever the values are.

    Returns:
        An ``<svg>`` element, 480 units wide.

    Example:
        >>> svg = line_chart("b", "Loss", [Line("loss", [0, 10], [1.0, 0.5], "run")])
        >>> svg.count("<polyline"), "undefined" in svg
        (1, False)
    """
    left, right, top, bottom = 52.0, WIDTH - 92.0, 22.0, 196.0
    xs = [x for line in lines for x in line.x] + [edge for band in bands for edge in (band.start, band.stop)]
    ys = [y for line in lines for y in line.y if y is not None]
    low, high = (min(ys), max(ys)) if ys else (0.0, 1.0)
    ticks = nice_ticks(0.0 if from_zero else low, high)
    low, high = ticks[0], ticks[-1]
    x_low, x_high = (min(xs), max(xs)) if xs else (0.0, 1.0)

    def x_of(x: float) -> float:
        return left + (right - left) * ((x - x_low) / (x_high - x_low) if x_high > x_low else 0.5)

    def y_of(y: float) -> float:
        return bottom - (bottom - top) * (y - low) / (high - low)

    parts: list[Markup] = []
    for index, band in enumerate(bands):
        x1, x2 = x_of(band.start), x_of(band.stop)
        parts.append(
            Markup(
                '<rect class="band{odd}" x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}"/>'
            ).format(odd=" odd" if index % 2 else "", x=x1, y=top, w=x2 - x1, h=bottom - top)
        )
        parts.append(text_element(x1 + 5, top - 7, band.name, "axis"))
    for tick in ticks:
        y = y_of(tick)
        parts.append(
            Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(left, right, y, y)
        )
        parts.append(text_element(left - 8, y + 4, tick_text(tick, ticks), "axis", "end"))
    stops = ((x_low, "start"), ((x_low + x_high) / 2, "middle"), (x_high, "end"))
    for x, anchor in stops if x_high > x_low else stops[:1]:
        parts.append(text_element(x_of(x), bottom + 18, count(round(x)), "axis", anchor))
    parts.append(text_element(right + 10, bottom + 18, x_name, "axis"))

    ends: list[tuple[float, float, Line]] = []
    for line in lines:
        runs: list[list[tuple[float, float]]] = [[]]
        for x, value in zip(line.x, line.y, strict=True):
            if value is None:
                runs.append([])
            else:
                runs[-1].append((x_of(x), y_of(value)))
        for run in filter(None, runs):
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
            if len(run) > 1:
                parts.append(Markup('<polyline class="line {}" points="{}"/>').format(line.tone, path))
            ends_at = run[-1]
            dot = Markup('<circle class="dot {}" cx="{:.1f}" cy="{:.1f}" r="2.6"/>')
            parts.append(dot.format(line.tone, *ends_at))
        if any(runs):
            ends.append((*[run for run in runs if run][-1][-1], line))
    for height, line in _spread([(y, line) for _, y, line in ends], top + 6, bottom):
        parts.append(text_element(right + 10, height + 4, line.name, f"name {line.tone}"))
    return svg_element(key, title, _describe_lines(lines), bottom + 26, parts)


def _describe_lines(lines: Sequence[Line]) -> str:
    sentences = []
    for line in lines:
        known = [y for y in line.y if y is not None]
        span = f"from {known[0]:.4g} to {known[-1]:.4g}" if known else "no values"
        sentences.append(f"{line.name}: {span}.")
    return " ".join(sentences)


def _spread(labels: list[tuple[float, Line]], top: float, bottom: float) -> list[tuple[float, Line]]:
    """Labels moved apart so that none covers another, as little as that takes."""
    step = 15.0
    placed: list[tuple[float, Line]] = []
    for y, line in sorted(labels, key=lambda label: label[0]):
        placed.append((max(y, placed[-1][0] + step if placed else top), line))
    overflow = placed[-1][0] - bottom if placed else 0.0
    if overflow <= 0:
        return placed
    # Too low: push back up from the end.
    limit = bottom
    lifted: list[tuple[float, Line]] = []
    for y, line in reversed(placed):
        lifted.append((min(y, limit), line))
        limit = lifted[-1][0] - step
    return lifted[::-1]


def _rect(x: float, y: float, width: float, tone: str) -> Markup:
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{}" rx="2.5"/>').format(
        tone, x, y, width, _BAR_HEIGHT
    )

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from tests.report.reports import HOSTILE

from leafcode.report.charts import Band, Bar, BarGroup, Line, Mark, bar_chart, line_chart
from leafcode.report.figures import decimal


def parse(svg):
    return ET.fromstring(str(svg))


def texts(root):
    return ["".join(node.itertext()) for node in root.iter("text")]


def test_bars_are_as_long_as_their_values():
    bars = [Bar("a", 0.2, "run"), Bar("b", 0.4, "lambda0"), Bar("c", 0.8, "rqkmeans")]
    root = parse(bar_chart("k", "t", [BarGroup("g", bars)], maximum=1.0))
    widths = [float(r.get("width")) for r in root.iter("rect") if r.get("class").startswith("bar")]
    track = next(float(r.get("width")) for r in root.iter("rect") if r.get("class") == "track")
    assert widths == pytest.approx([0.2 * track, 0.4 * track, 0.8 * track], abs=0.1)


def test_an_undefined_bar_is_a_dash_and_no_bar():
    root = parse(bar_chart("k", "t", [BarGroup("g", [Bar("a", None, "run"), Bar("b", 0.0, "lambda0")])]))
    assert [r.get("class") for r in root.iter("rect") if r.get("class").startswith("bar")] == ["bar lambda0"]
    assert "–" in texts(root)
    assert "a undefined, b 0.0%" in root.find("desc").text


def test_marks_stand_at_their_values():
    group = BarGroup("g", [Bar("a", 0.5, "run")], [Mark("limit", 0.5)])
    root = parse(bar_chart("k", "t", [group], maximum=1.0))
    bar = next(r for r in root.iter("rect") if r.get("class") == "bar run")
    (mark,) = root.iter("line")
    assert float(mark.get("x1")) == pytest.approx(float(bar.get("x")) + float(bar.get("width")), abs=0.1)


def test_without_a_maximum_the_largest_value_fills_the_width():
    root = parse(bar_chart("k", "t", [BarGroup("g", [Bar("a", 3.0, "run")])], form=decimal))
    bar, track = (next(r for r in root.iter("rect") if r.get("class") == c) for c in ("bar run", "track"))
    assert bar.get("width") == track.get("width")


def test_all_zero_and_no_bars_at_all_are_drawn():
    parse(bar_chart("k", "t", [BarGroup("g", [Bar("a", 0.0, "run")])]))
    parse(bar_chart("k", "t", []))


def test_a_chart_has_a_title_and_a_description_that_it_refers_to():
    root = parse(bar_chart("key", "The title", [BarGroup("g", [Bar("a", 0.5, "run")])]))
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "key-title key-desc"
    assert (root.find("title").get("id"), root.find("title").text) == ("key-title", "The title")
    assert root.find("desc").text == "g: a 50.0%."


def test_texts_are_escaped():
    hostile = HOSTILE.replace("\u2028", " ")
    root = parse(bar_chart("k", hostile, [BarGroup(hostile, [Bar(hostile, 0.5, "run")])]))
    assert texts(root)[:2] == [hostile, hostile]
    root = parse(
        line_chart("k", hostile, [Line(hostile, [0, 1], [0, 1], "run")], bands=[Band(hostile, 0, 1)])
    )
    assert texts(root).count(hostile) == 2


def test_a_line_breaks_where_it_is_undefined():
    root = parse(line_chart("k", "t", [Line("a", [0, 1, 2, 3, 4], [1, 2, None, 2, 1], "run")]))
    assert [len(line.get("points").split()) for line in root.iter("polyline")] == [2, 2]


def test_a_higher_value_stands_higher_and_a_later_one_to_the_right():
    root = parse(line_chart("k", "t", [Line("a", [0, 10], [1.0, 2.0], "run")]))
    (line,) = root.iter("polyline")
    (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in line.get("points").split())
    assert x2 > x1
    assert y2 < y1


def test_line_names_do_not_cover_each_other():
    lines = [Line(f"line {i}", [0, 1], [0.5, 0.5 + i / 1e4], "run") for i in range(5)]
    root = parse(line_chart("k", "t", lines))
    heights = sorted(float(t.get("y")) for t in root.iter("text") if t.get("class").startswith("name"))
    assert len(heights) == 5
    assert all(b - a >= 14.9 for a, b in pairwise(heights))


def test_single_point_and_empty_lines_are_drawn():
    parse(line_chart("k", "t", [Line("a", [5], [1.0], "run")]))
    parse(line_chart("k", "t", [Line("a", [5], [None], "run")]))
    parse(line_chart("k", "t", []))

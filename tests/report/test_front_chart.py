import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.report.reports import HOSTILE

from leafcode.report.charts import Mark
from leafcode.report.front_chart import TONES, Point, Series, front_chart

LEFT, RIGHT, TOP, BOTTOM = 46.0, 472.0, 26.0, 300.0


def draw(*series, **more):
    return ET.fromstring(str(front_chart("k", "t", series, x_label="cost", y_label="gain", **more)))


def of_class(root, kind, name):
    return [node for node in root.iter(kind) if node.get("class").split()[0] == name]


def test_a_cheaper_point_stands_to_the_left_and_a_better_one_higher():
    root = draw(Series("a", [Point(1.0, 5.0), Point(1.2, 15.0)], "run"))
    one, two = ((float(c.get("cx")), float(c.get("cy"))) for c in root.iter("circle"))
    assert one[0] < two[0]
    assert one[1] > two[1]


def test_the_error_bars_end_where_the_intervals_do():
    points = [Point(1.0, 10.0, (0.98, 1.02), (8.0, 14.0)), Point(0.9, 0.0), Point(1.1, 20.0)]
    root = draw(Series("", points, "run"))
    one, two, three = ((float(c.get("cx")), float(c.get("cy"))) for c in root.iter("circle"))
    across, down = (three[0] - two[0]) / 0.2, (two[1] - three[1]) / 20
    bars = [
        [float(line.get(end)) for end in ("x1", "y1", "x2", "y2")]
        for line in root.iter("line")
        if line.get("class") == "whisker run"
    ]
    assert len(bars) == 6  # two bars with two caps each
    expected_x = [one[0] - 0.02 * across, one[1], one[0] + 0.02 * across, one[1]]
    expected_y = [one[0], one[1] - 4 * down, one[0], one[1] + 2 * down]
    assert bars[0] == pytest.approx(expected_x, abs=0.15)
    assert bars[3] == pytest.approx(expected_y, abs=0.15)


def test_an_interval_far_wider_than_the_points_is_cut_and_has_no_caps():
    root = draw(Series("a", [Point(1.0, 0.0, None, (-1e6, 1e6)), Point(1.1, 10.0)], "run"))
    (bar,) = of_class(root, "line", "whisker")
    assert (float(bar.get("y1")), float(bar.get("y2"))) == (TOP, BOTTOM)
    heights = [float(c.get("cy")) for c in root.iter("circle")]
    assert max(heights) - min(heights) > (BOTTOM - TOP) / 4


def test_only_joined_series_have_a_line_in_the_order_of_their_points():
    points = [Point(1.0, 5.0), Point(1.2, 9.0), Point(1.1, 7.0)]
    root = draw(Series("a", points, "run", joined=True), Series("b", points, "series-1"))
    (line,) = root.iter("polyline")
    xs = [float(corner.split(",")[0]) for corner in line.get("points").split()]
    assert xs == pytest.approx([float(c.get("cx")) for c in root.iter("circle")], abs=0.1)


def test_every_tone_has_a_shape_of_its_own():
    shapes = set()
    for tone in TONES:
        root = draw(Series("", [Point(1.0, 1.0)], tone))
        mark = next(node for node in root.iter() if node.get("class") == f"dot {tone}")
        shapes.add((mark.tag, mark.get("points")))
    assert len(shapes) == len(TONES)


def test_the_reference_stands_at_its_value():
    root = draw(Series("a", [Point(1.05, 1.0), Point(0.9, 2.0)], "run"), x_reference=Mark("limit", 1.05))
    (line,) = of_class(root, "line", "mark")
    assert line.get("x1") == line.get("x2") == next(root.iter("circle")).get("cx")
    assert "limit" in [text.text for text in root.iter("text")]


def test_figures_are_read_out_and_shown_when_pointed_at():
    point = Point(1.02, 12.0, (1.01, 1.03), None, "λ 2")
    root = draw(Series("ours", [point], "run"))
    told = "ours, λ 2: 12 at 1.02 (1.01 to 1.03)"
    assert next(root.iter("circle")).find("title").text == told
    assert root.find("desc").text == f"{told}."


def test_texts_are_escaped():
    root = draw(Series(HOSTILE, [Point(1.0, 1.0, label=HOSTILE)], "run"), x_reference=Mark(HOSTILE, 1.0))
    assert [text.text for text in root.iter("text")].count(HOSTILE) == 2


def test_nothing_to_draw():
    draw()
    draw(Series("a", [], "run", joined=True))


coordinates = st.integers(-1_000_000, 1_000_000).map(lambda value: value / 1000)
margins = st.none() | st.tuples(st.floats(0, 1e4), st.floats(0, 1e4))


def around(value, margin):
    return None if margin is None else (value - margin[0], value + margin[1])


points = st.builds(
    lambda x, y, left_right, down_up: Point(x, y, around(x, left_right), around(y, down_up)),
    coordinates,
    coordinates,
    margins,
    margins,
)


@given(st.lists(st.lists(points, min_size=1, max_size=4), min_size=1, max_size=8))
def test_every_point_and_bar_lies_in_the_plot(groups):
    root = draw(*(Series(f"method {i}", group, TONES[i], True) for i, group in enumerate(groups)))
    marks = list(root.iter("circle"))
    assert all(LEFT - 0.1 <= float(m.get("cx")) <= RIGHT + 0.1 for m in marks)
    assert all(TOP - 0.1 <= float(m.get("cy")) <= BOTTOM + 0.1 for m in marks)
    for bar in of_class(root, "line", "whisker"):
        assert TOP - 3.1 <= float(bar.get("y1")) <= float(bar.get("y2")) <= BOTTOM + 3.1
        assert LEFT - 3.1 <= float(bar.get("x1")) <= float(bar.get("x2")) <= RIGHT + 3.1
    assert len([t for t in root.iter("text") if t.get("class").startswith("name")]) == len(groups)

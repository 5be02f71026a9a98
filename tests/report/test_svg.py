import xml.etree.ElementTree as ET
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from tests.report.reports import HOSTILE

from leafcode.report.svg import nice_ticks, svg_element, text_element, tick_text


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_cover_the_range_evenly_and_are_few(low, span):
    high = low + span
    ticks = nice_ticks(low, high)
    steps = [b - a for a, b in pairwise(ticks)]
    slack = 1e-6 * max(abs(low), abs(high), 1.0)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert 2 <= len(ticks) <= 8
    assert max(steps) - min(steps) <= slack


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_tick_texts_tell_ticks_apart_and_give_them_back(low, span):
    ticks = nice_ticks(low, low + span)
    texts = [tick_text(tick, ticks) for tick in ticks]
    assert len(set(texts)) == len(ticks)
    assert [float(text.replace(",", "")) for text in texts] == [round(tick, 12) for tick in ticks]


def test_texts_are_escaped():
    element = svg_element("k", HOSTILE, HOSTILE, 10, [text_element(0, 0, HOSTILE, "name"), Markup("<g/>")])
    root = ET.fromstring(str(element))
    assert root.find("title").text == root.find("desc").text == root.find("text").text == HOSTILE
    assert root.find("g") is not None


def test_an_undefined_figure_is_marked():
    assert 'class="value undefined"' in text_element(0, 0, "–", "value")

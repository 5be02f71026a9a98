import re
import xml.etree.ElementTree as ET

import pytest
from tests.report.comparisons import comparison, run, setting, shifted
from tests.report.reports import HOSTILE

from leafcode.report.compare_page import render_comparison, tone_of


def full():
    return comparison(
        shifted("lda", 0.05, 0.201, settings={"a": 1.0}),
        shifted("lda", 0.07, 0.203, strength=2.0, settings={"a": 2.0}),
        shifted("tree", 0.1, 0.204, settings={"lambda": 1.25}),
        shifted("tree", 0.12, 0.21, strength=2.0, settings={"lambda": 2.0}),
        more={"Device": "cpu", "Level weights": (1.0, 0.125)},
    )


def charts(html):
    return [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL)]


def rows(html):
    text = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", html)]
    return {re.sub("<[^>]*>", "", row[0]).strip(): row[1:] for row in text if row}


def test_the_table_has_every_method_and_the_fronts_the_rest():
    found = rows(render_comparison(full()))
    assert {"RQ-KMeans", "λ = 0", "LDA a 1", "LDA a 2", "leafcode λ 1.25", "leafcode λ 2"} <= set(found)
    cells = found["leafcode λ 1.25"]
    assert cells[0] == "1.020 ± 0.000"
    assert cells[1].startswith("25.0% ± ")
    assert cells[4:] == ["10.0 ± 0.0", *cells[5:]]
    assert [cell[:5] for cell in cells[5:]] == ["33.3%", "20.0%"]


def test_a_chart_for_all_depths_and_one_for_each():
    found = charts(render_comparison(full()))
    assert [chart.find("title").text for chart in found] == [
        "Gain against cost, all depths",
        "Gain against cost, depth 1",
        "Gain against cost, depth 2",
    ]
    # A mark for each setting; one line for each of the two fronts.
    for chart in found:
        marks = [*chart.iter("circle"), *chart.iter("polygon")]
        assert len(marks) == 6
        assert len(list(chart.iter("polyline"))) == 2
        names = {text.text for text in chart.iter("text")}
        assert {"leafcode", "LDA", "RQ-KMeans", "λ = 0", "limit 1.05"} <= names
    assert "leafcode, λ 1.25, default: 25 (" in found[0].find("desc").text


def test_a_tree_of_one_depth_has_one_chart():
    flat = [setting(m, [run(0.7, 0.5) | {"prefix_accuracy": {"1": 0.7}}] * 2) for m in ("rq_kmeans", "tree")]
    assert len(charts(render_comparison(comparison(settings=flat, seeds=2)))) == 1


def test_levels_and_depths_of_each_method_at_its_default():
    html = render_comparison(full())
    part = html[html.index('id="agreement"') :]
    assert re.findall(r"<h3>(.*?)</h3>", part) == ["RQ-KMeans", "λ = 0", "LDA", "leafcode"]
    assert part.count(">0.40</td>") == 4
    assert part.count(">–</td>") == 4


def test_the_page_needs_nothing_and_runs_nothing():
    html = render_comparison(full())
    assert "<script" not in html
    assert "script-src" not in html
    assert "default-src 'none'" in html
    assert not re.search(r'(?:src|href)="(?!#|data:)', html)
    assert html == render_comparison(full())


def test_texts_are_escaped():
    data = comparison(shifted("tree", 0.1, 0.2), title=HOSTILE, failures=[HOSTILE], more={HOSTILE: HOSTILE})
    assert "<script>alert" not in render_comparison(data)


@pytest.mark.parametrize("settings", [[], [setting("tree", [])], [setting("tree", [{}])]])
def test_what_is_missing_is_left_out_or_a_dash(settings):
    html = render_comparison(comparison(settings=settings))
    assert "Not compared" in html
    assert "nan" not in html.lower().replace("–", "")


def test_failures_are_shown():
    assert "tree, seed 0: too few items" in render_comparison(
        comparison(failures=["tree, seed 0: too few items"])
    )


def test_every_method_has_a_tone_of_its_own():
    data = full()
    assert len({tone_of(data, one.method) for one in data.settings}) == 4
    assert tone_of(data, "tree") == "run"

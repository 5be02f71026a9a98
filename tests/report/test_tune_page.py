import re
import xml.etree.ElementTree as ET

from tests.report.reports import HOSTILE
from tests.report.tunings import TRIALS, point, tuning

from leafcode.report.tune_page import render_tuning, write_tuning


def charts(html):
    return {
        chart.find("title").text: chart
        for chart in map(ET.fromstring, re.findall(r"<svg.*?</svg>", html, re.DOTALL))
    }


def dots(chart):
    return [one for one in chart.iter() if one.get("class", "").startswith("dot ")]


def test_every_trial_is_in_every_chart():
    found = charts(render_tuning(tuning()))
    names = [f"{name} and {what}" for name in TRIALS[0].parameters for what in ("content", "categories")]
    assert list(found) == ["Gain against cost", *names]
    # The recommended one is drawn once more, over the front; lambda = 0 and auto are in the first chart only.
    assert [len(dots(chart)) for chart in found.values()] == [6] + [4] * 6


def test_the_front_is_joined_and_the_limit_is_drawn():
    chart = charts(render_tuning(tuning()))["Gain against cost"]
    (line,) = chart.iter("polyline")
    assert len(line.get("points").split()) == 2
    texts = ["".join(one.itertext()) for one in chart.iter("text")]
    assert {"limit 1.02", "recommended", "front", "auto", "λ = 0", "other trials"} <= set(texts)


def test_the_command_stands_there_to_copy():
    command = "leafcode fit 'a & b.csv' --contrast-weight 1.3"
    html = render_tuning(tuning(command=command))
    assert '<pre class="command">leafcode fit &#39;a &amp; b.csv&#39; --contrast-weight 1.3</pre>' in html
    assert 'class="command"' not in render_tuning(tuning(command="", recommended=None))


def test_the_tables_have_the_front_and_the_checks():
    html = render_tuning(tuning())
    rows = re.findall(r'<th scope="row">([^<]+?)\s*<', html)
    assert rows == ["λ = 0", "auto", "trial 0", "trial 1", "λ = 0", "auto", "trial 0"]
    assert html.count('class="taken"') == 2
    # An undefined depth is a dash.
    assert '<td class="number">–</td></tr>' in html


def test_nothing_tried_yet():
    html = render_tuning(tuning(trials=[], front=[], recommended=None, command="", checks=[]))
    assert list(charts(html)) == ["Gain against cost"]
    assert 'id="checks"' not in html
    assert 'id="parameters"' not in html


def test_the_page_asks_for_nothing_and_escapes_everything():
    html = render_tuning(tuning(title=HOSTILE, failed=[HOSTILE], settings={HOSTILE: HOSTILE}))
    assert "default-src 'none'" in html
    assert "<script" not in html
    assert not re.search(r"""(src|href)=["'](?!#|data:,)""", html)


def test_equal_tunings_give_equal_pages(tmp_path):
    write_tuning(tmp_path / "a.html", tuning())
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == render_tuning(tuning())


def test_one_parameter_more_or_less_is_shown():
    single = point("trial 0", 1.0, 0.3)
    parameters = {"λ": 1.0, "temperature": 0.1}
    trial = type(single)(**{**vars(single), "parameters": parameters})
    auto = type(single)(**{**vars(single), "name": "auto", "parameters": parameters})
    html = render_tuning(tuning(trials=[trial], front=[trial], recommended=trial, auto=auto, checks=[]))
    assert len(charts(html)) == 5
    assert "share of code 2" not in html

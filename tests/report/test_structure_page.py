import math
import re
import xml.etree.ElementTree as ET

from tests.report.reports import HOSTILE

from leafcode.report.structure_data import DepthRow, FindingGroup, FitRow, PairRow, StructureData
from leafcode.report.structure_page import SHOWN, render_structure, write_structure


def group(severity="note", messages=("one",), kind="lone child"):
    return FindingGroup(kind, severity, messages, "No siblings.", "Merge it.")


def data(**changes):
    return StructureData(
        **{
            "title": "Shop",
            "facts": [("9", "categories")],
            "depths": [DepthRow(1, 2, 0, 0), DepthRow(2, 7, 7, 1234)],
            "sizes": [("1 item", 3), ("2 to 3", 4)],
            "batch_size": 512,
            "pairs": [PairRow("same category", 13.98, 586.4), PairRow("left open", 0.0, None)],
            "fit": [FitRow(2, 7, 0.3, 0.2, math.nan)],
            "points": [("Grades", "By depth.")],
            "findings": [group("warning"), group()],
        }
        | changes
    )


def texts(html):
    charts = map(ET.fromstring, re.findall(r"<svg.*?</svg>", html, re.DOTALL))
    return {one.find("title").text: ["".join(t.itertext()) for t in one.iter("text")] for one in charts}


def test_everything_is_there():
    html = render_structure(data())
    assert list(texts(html)) == ["Categories by depth", "Items by depth", "Categories by size"]
    assert "1,234" in texts(html)["Items by depth"]
    assert '<td class="number">14.0</td><td class="number">586</td>' in html
    assert '<td class="number">0</td><td class="number">–</td>' in html
    # An undefined silhouette is a dash.
    assert '<td class="number">0.200</td><td class="number">–</td></tr>' in html
    assert "By depth." in html


def test_the_headline_follows_the_worst_severity():
    assert "Training suffers from lone child. 1 note besides." in render_structure(data())
    assert "Nothing here that training would suffer from." in render_structure(data(findings=[]))
    broken = StructureData("a.csv", [], findings=[group("error", ("x", "y"), "cycle")])
    html = render_structure(broken)
    assert "2 errors: no tree can be made of this file" in html
    assert "<svg" not in html
    assert 'id="pairs"' not in html


def test_long_lists_are_cut():
    html = render_structure(data(findings=[group(messages=[f"m{i}" for i in range(SHOWN + 1234)])]))
    assert f"m{SHOWN - 1}<" in html
    assert f"m{SHOWN}<" not in html
    assert "and 1,234 more" in html


def test_without_items():
    html = render_structure(data(depths=[DepthRow(1, 2, 2, None)], sizes=(), pairs=(), fit=()))
    assert list(texts(html)) == ["Categories by depth"]
    assert 'href="#pairs"' not in html


def test_the_page_asks_for_nothing_and_escapes_everything():
    html = render_structure(
        data(
            title=HOSTILE,
            facts=[(HOSTILE, HOSTILE)],
            points=[(HOSTILE, HOSTILE)],
            findings=[group(messages=[HOSTILE], kind=HOSTILE)],
        )
    )
    assert "default-src 'none'" in html
    assert "<script" not in html
    assert not re.search(r"""(src|href)=["'](?!#|data:,)""", html)


def test_equal_data_give_equal_pages(tmp_path):
    write_structure(tmp_path / "a.html", data())
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == render_structure(data())

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from tests.report.reports import HOSTILE

from leafcode.audit import KINDS
from leafcode.report.audit_data import (
    AuditData,
    CategoryRow,
    DepthRow,
    Finding,
    KindRow,
    MoveRow,
    ProbabilityRow,
    Side,
    SimilarItem,
    TreeFinding,
)
from leafcode.report.audit_page import MEANINGS, judge_audit, render_audit, write_audit


def finding(**changes):
    whole = {
        "id": "7",
        "text": "sea soap",
        "probability": 0.912,
        "kind": "wrong branch",
        "given": ("Shop", "Pantry", "Salt"),
        "suggested": ("Shop", "Bath", "Soap"),
        "common": 1,
        "evidence": [SimilarItem("olive soap", ("Shop", "Bath", "Soap"), 0.871)],
    }
    return Finding(**(whole | changes))


DATA = AuditData(
    title="Shop",
    items=2000,
    labelled=1900,
    categories=12,
    depth=3,
    expected=41.6,
    probable=20,
    half=31,
    kinds=[KindRow("wrong branch", 20, 17.3), KindRow("between siblings", 1400, 0.04)],
    depths=[DepthRow(0, 0.0), DepthRow(1, 30.2), DepthRow(2, 11.4)],
    probabilities=[ProbabilityRow(0.9, 1.0, 1500, 12.25), ProbabilityRow(0.5, 0.9, 8, 5.05)],
    moves=[MoveRow(("Shop", "Pantry", "Salt"), ("Shop", "Bath", "Soap"), 1, 9, 12.2)],
    doubtful=[CategoryRow(("Shop", "Pantry", "Salt"), 160, 16.0)],
    findings=[finding(), finding(id="8", text=None, kind="none", suggested=None, common=0)],
    tree=[
        TreeFinding(
            "overlap",
            0.412,
            1,
            Side(("A", "x"), 33, 0.5, ["one", "two"]),
            Side(("A", "y"), 8, 0.61, ["three"]),
        ),
        TreeFinding(
            "split", 0.3, 2, Side(("A", "z"), 1234, 0.9, ["four"]), Side(("A", "z"), 137, 0.1, ["five"])
        ),
    ],
    settings={"Neighbors": 50},
)


def table(html, heading):
    part = html[html.index(f'id="{heading}"') :]
    rows = re.findall(r"<tr>(.*?)</tr>", part[: part.index("</table>")], re.DOTALL)
    return [
        [
            " ".join(re.sub("<[^>]+>", " ", cell).split())
            for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)
        ]
        for row in rows[1:]
    ]


def test_the_tables():
    html = render_audit(DATA)
    assert table(html, "kinds") == [
        ["Wrong branch belongs under another parent", "20", "17"],
        [
            "Between siblings its category and a sibling suit it about equally",
            "1,400",
            "<0.1".replace("<", "&lt;"),
        ],
    ]
    assert table(html, "moves") == [["Shop › Pantry › Salt", "Shop › Bath › Soap", "12", "9"]]
    assert table(html, "categories") == [["Shop › Pantry › Salt", "160", "16", "10.0%"]]
    assert table(html, "findings") == [
        [
            "91%",
            "sea soap wrong branch Similar items olive soap 0.87 Shop › Bath › Soap",
            "Shop › Pantry › Salt",
            "Shop › Bath › Soap",
        ],
        [
            "91%",
            "8 unsure Similar items olive soap 0.87 Shop › Bath › Soap",
            "Shop › Pantry › Salt",
            "–",
        ],
    ]


def test_what_differs_is_marked():
    html = render_audit(DATA)
    assert (
        '<span class="up">Shop ›</span> <span class="own">Bath ›</span> <span class="own">Soap</span>' in html
    )


def test_findings_about_categories_by_kind():
    html = render_audit(DATA)
    assert table(html, "tree") == [
        ["A › x 33 items, 50% like the other’s one two", "A › y 8 items, 61% like the other’s three", "0.41"]
    ]
    assert "Split?" in html
    assert "Merge?" not in html


def test_long_lists_of_categories_are_cut():
    html = render_audit(replace(DATA, tree=[DATA.tree[1]] * 1234))
    assert "The first 20 of 1,234." in html
    rows = table(html, "tree")
    assert rows == [["A › z", "1,234 items four", "137 items five", "0.30"]] * 20


def test_charts_write_counts_as_they_are_and_expected_numbers_rounded():
    html = render_audit(DATA)
    charts = map(ET.fromstring, re.findall(r"<svg.*?</svg>", html, re.DOTALL))
    texts = {one.find("title").text: ["".join(t.itertext()) for t in one.iter("text")] for one in charts}
    assert texts["Items by probability"][:5] == ["90% or more", "items", "1,500", "wrong", "12"]
    assert texts["Wrong paths by depth"][-3:] == ["Right down to depth 2", "items", "11"]


@pytest.mark.parametrize(
    ("expected", "probable", "label", "start"),
    [
        (0.0, 0, "Mostly right", "Hardly any of 1,900 items are filed wrongly (0.0%); none more probably"),
        (1.2, 1, "Mostly right", "About 1 of 1,900 items is filed wrongly (0.06%); 1 more probably"),
        (41.6, 20, "Some wrong", "About 42 of 1,900 items are filed wrongly (2.2%); 20 more probably"),
        (190.0, 150, "Many wrong", "About 190 of 1,900 items are filed wrongly (10.0%); 150 more"),
    ],
)
def test_the_verdict_follows_the_share(expected, probable, label, start):
    verdict = judge_audit(replace(DATA, expected=expected, probable=probable))
    assert verdict.label == label
    assert verdict.headline.startswith(start)


def test_points_and_tiles():
    verdict = judge_audit(DATA)
    points = dict(verdict.points)
    assert (
        points["Where"]
        == "Of the paths that are wrong, 30 are right down to depth 1 and 11 right down to depth 2."
    )
    assert points["Most often"].startswith("Shop › Pantry › Salt instead of Shop › Bath › Soap: 12")
    assert points["Not wrong, but"] == "1,400 items could as well be in siblings."
    assert [(tile.label, tile.value) for tile in verdict.tiles] == [
        ("Filed wrongly", "2.2%"),
        ("More probably than not", "20"),
        ("Errors in the first 2", "1.8"),
        ("To find half of the errors", "31"),
    ]


def test_nothing_found():
    html = render_audit(AuditData("Shop", 10, 10, 2, 1, expected=0.0, probable=0, half=0))
    for section in ("charts", "kinds", "moves", "categories", "tree", "findings", "settings"):
        assert f'id="{section}"' not in html
        assert f'href="#{section}"' not in html


def test_every_kind_has_a_meaning():
    assert {*MEANINGS, "none"} == set(map(str, KINDS))


def test_the_page_asks_for_nothing_and_escapes_everything():
    hostile = finding(
        id=HOSTILE,
        text=HOSTILE,
        given=(HOSTILE,),
        suggested=(HOSTILE,),
        evidence=[SimilarItem(HOSTILE, (HOSTILE,), 0.5)],
    )
    side = Side((HOSTILE,), 3, 0.5, [HOSTILE])
    tree = [TreeFinding("merge", 0.5, 0, side, side)]
    html = render_audit(
        replace(DATA, title=HOSTILE, findings=[hostile], tree=tree, settings={HOSTILE: HOSTILE})
    )
    assert "default-src 'none'" in html
    assert "<script" not in html
    assert not re.search(r"""(src|href)=["'](?!#|data:,)""", html)


def test_equal_data_give_equal_pages(tmp_path):
    write_audit(tmp_path / "a.html", DATA)
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == render_audit(DATA)

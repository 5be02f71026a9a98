import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from tests.report.reports import CATALOGUE, HOSTILE, SETTINGS, coded_items, figures, full_report

from leafcode.report import CodedItems, Neighbor, NeighborExample, ReportData, render_report, write_report

VOID = {"meta", "link", "input", "br"}


class Page(HTMLParser):
    """A page read by the standard library: its tags, attributes and texts, and whether tags match."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.texts, self.open = [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def text(self):
        return " ".join(data for tag, data in self.texts if tag not in ("script", "style"))


@pytest.fixture(scope="module")
def html():
    return render_report(full_report())


def test_the_page_is_well_formed_and_has_every_section(html):
    page = Page(html)
    sections = [value for tag, name, value in page.attributes if tag == "section" and name == "id"]
    assert sections == ["verdict", "charts", "tree", "neighbours", "training", "figures", "settings"]
    links = {value[1:] for tag, name, value in page.attributes if tag == "a" and name == "href"}
    assert links == set(sections)
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_nothing_is_fetched(html):
    page = Page(html)
    for tag, name, value in page.attributes:
        if name in ("src", "href", "srcset", "action", "poster", "data"):
            assert value.startswith(("#", "data:")), (tag, name, value)
    assert not re.search(r"https?://|@import|url\(|fetch\(|XMLHttpRequest|import\(", html)
    assert not {"img", "iframe", "object", "embed", "form", "base"} & set(page.tags)


def test_the_policy_allows_the_page_its_own_script_and_no_other(html):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html).group(1)
    (script,) = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert not re.search(r"\son\w+\s*=", re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL))


def test_hostile_texts_are_shown_as_they_are():
    items = CodedItems(
        np.zeros((2, 2), int), np.arange(2), [HOSTILE] * 2, [f"{HOSTILE} > {HOSTILE}"] * 2, [HOSTILE] * 2
    )
    example = NeighborExample(HOSTILE, HOSTILE, "0_0_0", [Neighbor(HOSTILE, HOSTILE, "0_0_1", 2, 1.0)])
    data = full_report(
        title=HOSTILE,
        items=items,
        neighbors=[example],
        warnings=[HOSTILE],
        catalogue=replace(CATALOGUE, depth_names=(HOSTILE,)),
        settings=replace(SETTINGS, embedding_model=HOSTILE, more={HOSTILE: HOSTILE}),
        history=[{"step": step, "phase": HOSTILE * step, "contrast": 1.0} for step in (1, 2)],
        metrics={**figures(), HOSTILE: 1.0},
    )
    html = render_report(data)
    page = Page(html)
    # The page's own script, and the data of the tree.
    assert page.tags.count("script") == 2
    assert "alert(" not in "".join(data for tag, data in page.texts if tag == "script")
    assert page.text().count(HOSTILE) > 10
    assert "<script>alert" not in html


def test_equal_data_give_equal_bytes(html):
    assert render_report(full_report()) == html


@pytest.mark.parametrize(
    "changes",
    [
        {"metrics": {}},
        {"metrics": figures()},
        {"metrics": {**figures(), "baseline": {"rq_kmeans": figures()}}},
        {"metrics": {**figures(), "baseline": {"rq_kmeans": {}, "lambda_0": None}, "ceiling": None}},
        {"metrics": dict.fromkeys(figures())},
        {"items": None},
        {"items": CodedItems(np.zeros((0, 2), int), np.zeros(0, int), [], [])},
        {"history": (), "neighbors": (), "warnings": ()},
        {"neighbors": [NeighborExample("x", None, "1_2_0", [])]},
        {"settings": replace(SETTINGS, contrast_weight=0.0)},
        {"settings": replace(SETTINGS, contrast_weight=None, level_weights=())},
        {"catalogue": replace(CATALOGUE, labelled=0, categories=0, depth=0)},
    ],
)
def test_what_is_missing_is_left_out(changes):
    Page(render_report(full_report(**changes)))


def test_without_labels_the_tree_of_codes_still_stands():
    items = coded_items()
    html = render_report(full_report(items=replace(items, paths=[None] * len(items.texts))))
    assert "no category" in html
    assert '<details class="group"' in html


def test_undefined_figures_are_dashes():
    data = ReportData(
        "t", CATALOGUE, SETTINGS, {"hp_at_10": None, "prefix_accuracy": {"1": float("nan"), "2": None}}
    )
    text = Page(render_report(data)).text()
    assert text.count("–") >= 3
    assert "0.0%" not in text
    assert "nan" not in text.lower().split()


def test_a_neighbour_shows_how_many_codes_it_shares(html):
    first, second = re.findall(r'<span class="by">(.*?)<span class="cosine"[^>]*>(.*?)</span>', html)
    assert (first[0].count('class="same"'), first[1]) == (2, "0.97")
    assert (second[0].count('class="same"'), second[1]) == (1, "–")


def test_items_left_out_are_owned_up_to():
    assert "are listed and can be searched" not in render_report(full_report())
    html = render_report(full_report(items=coded_items(4000)), tree_budget=5000)
    assert re.search(r"[\d,]+ of 4,000 items are listed and can be searched", html)


def test_settings_are_in_plain_words():
    more = {"steps": 2000, "grades": [1.0, 0.5], "masking": False, "source": {"path": "a.csv"}, "none": None}
    html = render_report(full_report(settings=replace(SETTINGS, more=more)))
    pairs = dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", html[html.index('class="settings"') :]))
    assert pairs == {
        "Codes per level": "8 × 8",
        "Contrast weight λ": "0.1",
        "Share of λ per level": "1, 0.25",
        "Seed": "3",
        "steps": "2000",
        "grades": "1, 0.5",
        "masking": "no",
        "source": "path a.csv",
        "none": "–",
    }


def test_the_file_is_written_in_one_piece(tmp_path, html):
    path = tmp_path / "report.html"
    path.write_text("old")
    write_report(path, full_report())
    assert path.read_text(encoding="utf-8") == html
    assert list(tmp_path.iterdir()) == [path]

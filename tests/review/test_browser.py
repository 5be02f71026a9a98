"""The page in a real browser, with real keys; skipped where none is installed."""

import contextlib
import threading

import pyarrow as pa
import pyarrow.csv
import pytest
from tests.review.audits import OILS, SALT, SHAMPOO, SOAP, write_audit
from tests.review.browser import BROWSER, browser

from leafcode.review import DecisionStore, ReviewSession, read_audit
from leafcode.review.server import HOST, review_server

pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="needs Chromium")]


@contextlib.contextmanager
def reviewed(session, folder):
    """The page, opened in a browser."""
    with review_server(session) as server, browser(folder) as tab:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f"http://{HOST}:{server.port}/"
            tab.open(address)
            yield tab, address
        finally:
            server.shutdown()
            thread.join()


def shown(tab, text):
    tab.wait(f"document.querySelector('#item-text').textContent === {text!r}")


def test_deciding_by_keys_survives_a_reload_and_is_exported(session, tmp_path, files):
    with reviewed(session, tmp_path) as (tab, address):
        shown(tab, "soap with sea salt")
        assert "suggested" in tab.text(".branches .suggested")
        tab.press("a")
        shown(tab, "smoked paprika <b>hot</b>")  # as text, not as HTML
        assert tab.run("document.querySelectorAll('#item-text b').length") == 0
        tab.press("r")
        shown(tab, "olive oil soap")
        tab.press("n")
        shown(tab, "shampoo bar")
        tab.press("p")
        shown(tab, "olive oil soap")
        tab.press("c")
        for key in "shampoo":
            tab.press(key)
        found = "document.querySelectorAll('#picker-list:not([aria-busy]) [role=option]').length === 1"
        tab.run(
            f"new Promise(done => {{ const look = () => {found} ? done() : setTimeout(look, 20); look(); }})"
        )
        tab.press("Enter")
        shown(tab, "shampoo bar")
        decided = {identity: each.node for identity, each in session.decisions().items()}
        assert decided == {"7": SOAP, "8": "Pantry > Salt", "9": SHAMPOO}

        tab.open(address)
        shown(tab, "shampoo bar")
        assert tab.text("[data-figure=decided]") == "3"
        assert tab.text("[data-figure=precision]") == "67%"
        tab.press("u")
        shown(tab, "olive oil soap")
        assert set(session.decisions()) == {"7", "8"}
        tab.run("document.getElementById('export').click()")
        tab.wait("document.getElementById('message').textContent.includes('moved in')")
    paths = {row["id"]: row["path"] for row in pa.csv.read_csv(files.folder / "corrected.csv").to_pylist()}
    assert (paths[7], paths[9]) == (SOAP, OILS)


def test_help_filters_and_the_end_of_the_list(session, tmp_path):
    with reviewed(session, tmp_path) as (tab, _):
        tab.press("?")
        assert tab.run("document.getElementById('help').open")
        tab.press("a")  # not while the help is open
        tab.press("Escape")
        tab.run("document.querySelector('[name=kind]').value = 'no fitting place'")
        tab.run("document.getElementById('filter-form').dispatchEvent(new Event('change'))")
        shown(tab, "(no text)")
        assert tab.run("document.querySelectorAll('#findings li').length") == 1
        tab.press("a")  # nothing is suggested
        tab.wait("document.getElementById('message').classList.contains('problem')")
        assert session.decisions() == {}
        tab.press("r")
        shown(tab, "No finding is left here.")
        tab.press("n")
        tab.press("a")
        assert list(session.decisions()) == ["11"]


def test_showing_more_after_decisions_leaves_nothing_out(tmp_path):
    rows = [(f"i{n}", f"text {n}", 0.9 - n / 1000, "wrong branch", SALT, SOAP) for n in range(108)]
    audit = read_audit(write_audit(tmp_path / "many", rows=rows).folder)
    session = ReviewSession(audit, DecisionStore(tmp_path / "review.sqlite"), "ann")
    with reviewed(session, tmp_path) as (tab, _):
        for n in range(5):
            shown(tab, f"text {n}")
            tab.press("a")
        shown(tab, "text 5")
        assert tab.text("#found").startswith("103 findings")
        tab.run("document.getElementById('more').click()")
        tab.wait("document.getElementById('more').hidden")
        texts = "[...document.querySelectorAll('#findings .text')].map((each) => each.textContent)"
        assert tab.run(texts) == [row[1] for row in rows]


def test_a_filter_changed_during_a_request_counts(session, tmp_path):
    slow = (
        "async (...given) => { await new Promise((done) => setTimeout(done, 300)); return quick(...given); }"
    )
    with reviewed(session, tmp_path) as (tab, _):
        shown(tab, "soap with sea salt")
        tab.run(f"{{ const quick = window.fetch; window.fetch = {slow}; }}")
        tab.press("n")
        tab.run("document.querySelector('[name=kind]').value = 'no fitting place'")
        tab.run("document.getElementById('filter-form').dispatchEvent(new Event('change'))")
        assert tab.run("document.body.hasAttribute('aria-busy')")
        shown(tab, "(no text)")
        assert tab.run("document.querySelectorAll('#findings li').length") == 1


def test_two_tabs_lose_nothing(session, tmp_path):
    with reviewed(session, tmp_path) as (tab, _):
        shown(tab, "soap with sea salt")
        session.decide(1, "reject")  # as another tab would, meanwhile
        tab.press("a")
        shown(tab, "smoked paprika <b>hot</b>")
        assert set(session.decisions()) == {"7", "8"}
        assert tab.text("[data-figure=decided]") == "2"

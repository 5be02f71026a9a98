"""What the page's script does, in a real browser; skipped where none is installed."""

import re
import shutil
import subprocess

import pytest
from tests.report.reports import full_report

from leafcode.report import render_report

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="needs Chromium")]


def page_after(tmp_path, html):
    """The page as the browser has it, once its script has run."""
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=20000",
        "--dump-dom",
        (tmp_path / "page.html").as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def acting(html, script):
    """The page with a script of the test's own, which the page's policy would stop."""
    html = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", html)
    return html.replace("</body>", f"<script>setTimeout(() => {{ {script} }}, 5000)</script></body>")


def shown_items(page):
    return set(re.findall(r'<span class="text"><span>(item \d+)</span>', re.sub(r"</?mark>", "", page)))


def test_the_policy_lets_the_script_run_and_unpack_the_items(tmp_path):
    page = page_after(tmp_path, render_report(full_report()))
    assert '<html lang="en" class="js">' in page


def test_opening_a_group_shows_its_items(tmp_path):
    data = full_report()
    page = page_after(
        tmp_path, acting(render_report(data), "document.querySelector('details.group').open = true;")
    )
    code = int(re.search(r'data-code="(\d+)"', page).group(1))
    held = {data.items.texts[i] for i, row in enumerate(data.items.codes) if row[0] == code}
    assert shown_items(page) == held


def test_searching_finds_exactly_the_items_with_all_words(tmp_path):
    data = full_report()
    script = (
        "const query = document.getElementById('query'); query.value = 'ITEM 5 dept';"
        "query.dispatchEvent(new Event('input'));"
    )
    page = page_after(tmp_path, acting(render_report(data), script))
    texts = zip(data.items.texts, data.items.paths, strict=True)
    wanted = {text for text, path in texts if "5" in f"{text} {path} sku{text[5:]}" and path}
    assert f"{len(wanted)} items found in" in page
    assert shown_items(page) == wanted


def test_searching_for_a_code_finds_the_items_beneath_it(tmp_path):
    data = full_report()
    first, second = data.items.codes[0].tolist()
    wanted = sum(row == [first, second] for row in data.items.codes.tolist())
    script = (
        f"const query = document.getElementById('query'); query.value = '{first}_{second}';"
        "query.dispatchEvent(new Event('input'));"
    )
    page = page_after(tmp_path, acting(render_report(data), script))
    assert f"{wanted} item{'s' if wanted > 1 else ''} found in 1 group" in page

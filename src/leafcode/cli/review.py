"""leafcode review: decide on the findings of an audit in the browser."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import webbrowser
from pathlib import Path
from typing import Any

from leafcode.cli.options import HelpFormatter
from leafcode.pipeline.source import catalog_title
from leafcode.review import DecisionStore, ReviewSession, export_review, read_audit
from leafcode.review.decisions import DECISIONS
from leafcode.review.server import HOST, need_flask, review_server
from leafcode.review.session import decisions_on

_EXAMPLES = """examples:
  leafcode review audit/ --open
  leafcode review audit/ --port 8080 --reviewer ann
  leafcode review audit/ --export corrected.parquet   # no server: writes the catalogue as decided

Decisions are kept in audit/review.sqlite; stop with Ctrl-C, and go on with the same command.
"""


def add_parser(commands: Any) -> None:  # noqa: ANN401 (argparse has no public type for it)
    """Add the command."""
    parser = commands.add_parser(
        "review",
        help="decide on the findings of an audit in the browser, and write the corrected catalogue",
        description="Serve a page on this machine on which findings of an audit are accepted, rejected or "
        "filed elsewhere, or write the catalogue with the decisions so far.",
        epilog=_EXAMPLES,
        formatter_class=HelpFormatter,
    )
    parser.add_argument("audit", help="folder of an audit")
    parser.add_argument("--port", type=int, default=0, help="port of the page; 0 for a free one")
    parser.add_argument("--open", action="store_true", help="open the page in the browser")
    parser.add_argument("--reviewer", metavar="NAME", help="who decides; the name of the user if left out")
    parser.add_argument(
        "--export",
        type=Path,
        metavar="FILE",
        help="write the corrected catalogue, and the decisions as CSV beside it; serve no page",
    )
    parser.add_argument("--items", metavar="FILE", help="the catalogue, if it has moved since the audit")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    if options.export is None:
        need_flask()
    audit = read_audit(options.audit)
    store = DecisionStore(audit.folder / DECISIONS)
    if options.export is not None:
        written = export_review(audit, decisions_on(audit, store), options.export, items=options.items)
        print(f"{written.changed} of {written.decided} decided items moved in {written.catalogue}")
        print(f"decisions in {written.decisions}")
        return
    session = ReviewSession(audit, store, options.reviewer or _user())
    title = catalog_title(audit.source["items"], audit.folder)
    with review_server(session, port=options.port, title=title, items=options.items) as server:
        address = f"http://{HOST}:{server.port}/"
        print(f"{address}  (Ctrl-C ends the review; decisions are in {store.path})", flush=True)
        if options.open:
            webbrowser.open(address)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user that the system has no name for
        return "unknown"

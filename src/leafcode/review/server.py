"""The review page, served to this machine alone."""

from __future__ import annotations

import importlib.resources
import importlib.util
import logging
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import leafcode.report
from leafcode.audit import KINDS
from leafcode.errors import InputError
from leafcode.review.export import catalogue_file, export_review
from leafcode.review.session import RANK_EVERY, STATES, Filters, ReviewSession, progress

if TYPE_CHECKING:
    from flask import Flask, Response
    from werkzeug.serving import BaseWSGIServer

_N = TypeVar("_N", int, float)

HOST = "127.0.0.1"
TOKEN_HEADER = "X-Review-Token"
_CATEGORY_ROWS = 100
_HTTP_PORT = 80  # browsers leave it out of addresses, and Werkzeug out of a request's host
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def need_flask() -> None:
    """Raise an InputError if Flask is not installed."""
    if importlib.util.find_spec("flask") is None:
        hint = "pip install 'leafcode[review]'; --export works without it."
        raise InputError("leafcode review", "no Flask", "the package flask", hint)


@contextmanager
def review_server(
    session: ReviewSession, *, port: int = 0, title: str = "review", items: str | None = None
) -> Iterator[BaseWSGIServer]:
    """A server that listens on 127.0.0.1; run it with ``serve_forever()``.

    Args:
        session: The review.
        port: 0 for a free one, which is then in ``port``.
        title: Heading of the page.
        items: Where the catalogue lies now, for the export; where the audit found it, if left out.

    Raises:
        InputError: No Flask, or the port is taken.
    """
    need_flask()
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line per request
    if not 0 <= port <= 65535:
        raise InputError("--port", str(port), "a port in [0, 65535]")
    try:
        listening = socket.create_server((HOST, port))
    except OSError as error:
        raise InputError("--port", f"{port} ({error})", "a free port, or 0 for any") from error
    with listening:
        port = listening.getsockname()[1]
        app = create_app(session, port=port, title=title, items=items)
        server = make_server(HOST, port, app, threaded=True, fd=listening.fileno())
        try:
            yield server
        finally:
            server.server_close()


def create_app(
    session: ReviewSession, *, port: int, title: str = "review", items: str | None = None
) -> Flask:
    """The page and what its script asks for.

    The page holds a token that every POST must bear, so that no other site can decide; a request under
    another host name is refused, so that no other site can read by pointing its name here; the
    content security policy allows nothing from elsewhere.

    Args:
        session: The review.
        port: The one that it is served on.
        title: Heading of the page.
        items: Where the catalogue lies now.
    """
    from flask import Flask, abort, jsonify, render_template, request

    app = Flask("leafcode.review")
    app.config["MAX_CONTENT_LENGTH"] = 1 << 20
    token = secrets.token_urlsafe(32)
    names = (HOST, "localhost")
    hosts = {f"{name}:{port}" for name in names} | set(names if port == _HTTP_PORT else ())
    audit = session.audit

    @app.before_request
    def only_from_here() -> None:
        if request.host not in hosts:
            abort(403, "This page is served under another name.")
        if request.method not in ("GET", "HEAD"):
            origin = request.headers.get("Origin")
            given = request.headers.get(TOKEN_HEADER, "")
            known = secrets.compare_digest(given.encode(), token.encode())
            if not known or (origin is not None and origin.removeprefix("http://") not in hosts):
                abort(403, "The page has been opened anew elsewhere, or the server started again: reload it.")

    @app.after_request
    def guarded(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.errorhandler(InputError)
    def told(error: InputError) -> tuple[Response, int]:
        return jsonify(error=str(error)), 400

    @app.get("/")
    def page() -> str:
        return render_template(
            "review.html",
            title=title,
            token=token,
            kinds=KINDS,
            states=STATES,
            rank_every=RANK_EVERY,
            findings=len(audit),
            reviewer=session.reviewer,
            categories=category_findings(session),
        )

    @app.get("/report.css")
    def report_style() -> tuple[str, Mapping[str, str]]:
        style = importlib.resources.files(leafcode.report).joinpath("templates", "report.css")
        return style.read_text(encoding="utf-8"), {"Content-Type": "text/css; charset=utf-8"}

    @app.get("/api/findings")
    def findings() -> dict[str, Any]:
        given = request.args
        under = given.get("under")
        filters = Filters(
            kind=given.get("kind") or None,
            under=session.node(under) if under else None,
            at_least=_number(given, "at_least", 0.0),
            at_most=_number(given, "at_most", 1.0),
            state=given.get("state", "open"),
        )
        start, count = _number(given, "start", 0), _number(given, "count", 100)
        if start < 0 or not 1 <= count <= 1000:
            raise InputError("findings", f"start {start}, count {count}", "start >= 0, count in [1, 1000]")
        return session.listing(filters, start, count)

    @app.get("/api/findings/<int:row>")
    def finding(row: int) -> dict[str, Any]:
        return session.card(row)

    @app.get("/api/categories")
    def categories() -> list[dict[str, Any]]:
        row = _number(request.args, "row", 0) if request.args.get("row") else None
        return session.categories(request.args.get("q", ""), row)

    @app.post("/api/decisions")
    def decide() -> dict[str, Any]:
        given = _json_object(request.get_json(silent=True))
        row, verdict = given.get("row"), given.get("verdict")
        if not isinstance(row, int) or not isinstance(verdict, str):
            raise InputError("decision", repr(given), "a row and a verdict")
        made = session.decide(row, verdict, given.get("node"))
        return {
            "number": made.number,
            "card": session.card(row),
            "progress": progress(session.decisions()),
        }

    @app.post("/api/undo")
    def undo() -> dict[str, Any]:
        number = _json_object(request.get_json(silent=True)).get("number")
        if not (number is None or isinstance(number, int)):
            raise InputError("number", repr(number), "the number of a decision, or none for your latest")
        undone = session.undo(number)
        return {"card": undone and session.card(audit.row_of[undone.id])}

    @app.post("/api/export")
    def export() -> dict[str, Any]:
        out = audit.folder / f"corrected{catalogue_file(audit, items).suffix}"
        written = export_review(audit, session.decisions(), out, items=items)
        return {
            name: str(value) if isinstance(value, Path) else value
            for name, value in written._asdict().items()
        }

    return app


def category_findings(session: ReviewSession) -> list[dict[str, Any]]:
    """What the audit found about categories, highest score first, at most 100; paths as lists of names."""
    table, tree = session.audit.categories, session.audit.taxonomy
    if table is None:
        return []
    rows = table.select(["path", "kind", "other_path", "score"]).sort_by([("score", "descending")])
    return [
        {
            "kind": row["kind"],
            "path": tree.path(session.node(row["path"])),
            "other": row["other_path"] and tree.path(session.node(row["other_path"])),
            "score": row["score"],
        }
        for row in rows.slice(0, _CATEGORY_ROWS).to_pylist()
    ]


def _number(given: Mapping[str, str], name: str, default: _N) -> _N:
    text = given.get(name) or str(default)
    try:
        return type(default)(text)
    except ValueError as error:
        raise InputError(name, repr(text), "a number") from error


def _json_object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputError("request", repr(value), "a JSON object")
    return value

"""An HTML page that needs nothing but a browser: style and script inside, every request forbidden."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from leafcode.report.figures import count, decimal, percent, plural

_TEMPLATES = PackageLoader("leafcode.report", "templates")


def render_page(
    template: str, *, styles: tuple[str, ...] = (), script: str | None = None, **values: object
) -> str:
    """A page from a template that extends ``page.html.j2``.

    The content security policy of the page allows its own style and script and nothing else, so it can be
    mailed and opened anywhere. Every text is escaped.

    Args:
        template: Name of the template.
        styles: Names of style sheets beside it, besides ``report.css``.
        script: Name of the script beside it; None for a page without one.
        values: What the template asks for by name; a name that is missing is an error.

    Returns:
        HTML; equal arguments give equal text, byte for byte.
    """
    environment = Environment(
        loader=_TEMPLATES, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "percent": percent,
        "decimal": decimal,
        "count": count,
        "plural": plural,
        "finite": _finite,
    }

    def source(name: str) -> str:
        # By the loader, which finds files in a zipped package too.
        return _TEMPLATES.get_source(environment, name)[0]

    code = None if script is None else source(script)
    return environment.get_template(template).render(
        style=Markup("\n".join(source(name) for name in ("report.css", *styles))),
        script=None if code is None else Markup(code),
        script_hash=None
        if code is None
        else base64.b64encode(hashlib.sha256(code.encode()).digest()).decode(),
        **values,
    )


def setting_text(value: Any) -> str:  # noqa: ANN401 - whatever a setting holds
    """The value of a setting as a page lists it.

    Example:
        >>> setting_text((1.0, 0.125)), setting_text(True), setting_text({"a": None})
        ('1, 0.125', 'yes', 'a –')
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {setting_text(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(setting_text, value))
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None

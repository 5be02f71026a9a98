"""Going on with work that was stopped: only with what it was begun with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from leafcode.errors import InputError

CATALOGUE = "catalogue"
"""Key of the digest of the catalogue's content among the settings that `check_same` compares."""


def check_choice(command: str, resume: bool, overwrite: bool) -> None:
    """Whether to go on or to start over is decided.

    Raises:
        InputError: Both are asked for.
    """
    if resume and overwrite:
        raise InputError(command, "both resume and overwrite", "one of them")


def check_same(where: str, earlier: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """The work begun at a place has these settings, and was begun on this catalogue.

    Args:
        where: The place, such as a folder.
        earlier: Settings by name that it was begun with, of JSON types.
        now: The settings of this time.

    Raises:
        InputError: Naming every setting that differs.

    Example:
        >>> check_same("run", {"levels": [8, 4]}, {"levels": (8, 4)})
        >>> check_same("run", {"levels": [8, 4]}, {"levels": (8, 2)})
        Traceback (most recent call last):
        ...
        leafcode.errors.InputError: run: found a run with levels [8, 4], not [8, 2]; expected the settings \
and the catalogue that the run was begun with. Use them to go on, or start over with --overwrite.
    """
    # As a file has them: lists for tuples.
    earlier, now = (json.loads(json.dumps(dict(settings))) for settings in (earlier, now))
    other = [name for name in now if earlier.get(name) != now[name]]
    if not other:
        return
    told = (
        "another catalogue or embedding model"
        if name == CATALOGUE
        else f"{name} {earlier.get(name)!r}, not {now[name]!r}"
        for name in other
    )
    raise InputError(
        where,
        f"a run with {'; '.join(told)}",
        "the settings and the catalogue that the run was begun with",
        "Use them to go on, or start over with --overwrite.",
    )

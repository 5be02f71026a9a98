"""Reading figures out of metrics.json, and writing them for people."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from leafcode.errors import InputError

Figures: TypeAlias = Mapping[str, Any]
"""Numbers by name, as in metrics.json: a number, None for undefined, or a mapping of the same kind."""

UNDEFINED = "–"
"""Stands where a figure is undefined. A zero there would be a claim."""

MINUS = "−"


def check_figures(figures: Figures, where: str) -> None:
    """Raise InputError, naming the key, if anything in `figures` is neither a number nor None.

    Example:
        >>> check_figures({"ami": {"1": {"1": "high"}}}, "metrics")
        Traceback (most recent call last):
        ...
        leafcode.errors.InputError: metrics: ami.1.1: found 'high'; expected a number or null
    """
    _check(figures, where, "")


def _check(figures: Figures, where: str, prefix: str) -> None:
    for key, value in figures.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            _check(value, where, f"{name}.")
        elif value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise InputError(f"{where}: {name}", repr(value), "a number or null")


def number(figures: Figures, *keys: str) -> float | None:
    """The number under a chain of keys; None where it is missing or undefined (null, NaN, infinite).

    Example:
        >>> number({"prefix_accuracy": {"1": 0.72}}, "prefix_accuracy", "1")
        0.72
        >>> number({"prefix_accuracy": {"1": None}}, "prefix_accuracy", "1") is None
        True
    """
    value: Any = figures
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None


def by_index(figures: Figures, *keys: str) -> dict[int, float | None]:
    """The numbers under a chain of keys, by depth or level, in ascending order of it.

    Example:
        >>> by_index({"prefix_accuracy": {"2": 0.55, "1": 0.72, "3": None}}, "prefix_accuracy")
        {1: 0.72, 2: 0.55, 3: None}
        >>> by_index({}, "prefix_accuracy")
        {}
    """
    value: Any = figures
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping):
        return {}
    return {int(key): number(value, key) for key in sorted(filter(str.isdecimal, value), key=int)}


def section(figures: Figures, *keys: str) -> Figures:
    """The mapping under a chain of keys, empty where there is none.

    Example:
        >>> section({"baseline": {"lambda_0": {"hp_at_10": 0.5}}}, "baseline", "lambda_0")
        {'hp_at_10': 0.5}
        >>> section({"baseline": None}, "baseline", "rq_kmeans")
        {}
    """
    value: Any = figures
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def percent(value: float | None, decimals: int = 1) -> str:
    """A share as a percentage.

    Example:
        >>> percent(0.7214), percent(None), percent(0.999, 0)
        ('72.1%', '–', '100%')
    """
    return UNDEFINED if value is None else f"{100 * value:.{decimals}f}%".replace("-", MINUS)


def decimal(value: float | None, decimals: int = 3) -> str:
    """A plain number.

    Example:
        >>> decimal(0.20713), decimal(-0.5, 1), decimal(None)
        ('0.207', '−0.5', '–')
    """
    return UNDEFINED if value is None else f"{value:.{decimals}f}".replace("-", MINUS)


def points(difference: float | None) -> str:
    """A difference of two shares in percentage points, with its sign.

    Example:
        >>> points(0.0631), points(-0.004), points(0.0), points(None)
        ('+6.3', '−0.4', '±0.0', '–')
    """
    if difference is None:
        return UNDEFINED
    rounded = round(100 * difference, 1)
    return "±0.0" if rounded == 0 else f"{rounded:+.1f}".replace("-", MINUS)


def count(value: int) -> str:
    """A whole number with thousands separators.

    Example:
        >>> count(49688)
        '49,688'
    """
    return f"{value:,}"


def plural(value: int, singular: str, plural_form: str | None = None) -> str:
    """A number and its noun.

    Example:
        >>> plural(1, "item"), plural(2500, "item"), plural(2, "category", "categories")
        ('1 item', '2,500 items', '2 categories')
    """
    return f"{count(value)} {singular if value == 1 else plural_form or singular + 's'}"


def listing(parts: list[str]) -> str:
    """Words joined as a sentence does.

    Example:
        >>> listing(["a"]), listing(["a", "b"]), listing(["a", "b", "c"])
        ('a', 'a and b', 'a, b and c')
    """
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))

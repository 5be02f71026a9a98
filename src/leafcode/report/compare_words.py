"""How the figures of a comparison are told: in cells of a table, and in sentences."""

from __future__ import annotations

import math

from leafcode.evaluation import Estimate
from leafcode.report.compare_data import Setting
from leafcode.report.figures import MINUS, UNDEFINED, decimal, percent


def with_margin(estimate: Estimate, decimals: int = 1, *, share: bool = True) -> str:
    """A mean and half its interval, as cells of a table have it.

    Example:
        >>> with_margin(Estimate(0.192, 0.171, 0.213, 3))
        '19.2% ± 2.1'
        >>> with_margin(Estimate(1.012, math.nan, math.nan, 1), 3, share=False)
        '1.012'
    """
    if math.isnan(estimate.mean):
        return UNDEFINED
    text = percent(estimate.mean, decimals) if share else decimal(estimate.mean, decimals)
    if math.isnan(estimate.low):
        return text
    half = (estimate.high - estimate.low) / 2
    return f"{text} ± {100 * half if share else half:.{decimals}f}"


def interval(estimate: Estimate) -> str:
    """The interval of a share, for brackets; with one seed, that there is none.

    Example:
        >>> interval(Estimate(0.19, -0.011, 0.21, 3)), interval(Estimate(0.19, math.nan, math.nan, 1))
        ('−1.1% to 21.0%', 'one seed')
    """
    if math.isnan(estimate.low):
        return "one seed"
    return f"{percent(estimate.low)} to {percent(estimate.high)}"


def fewer_errors(reduction: float) -> str:
    """An error reduction in words.

    Example:
        >>> fewer_errors(0.19), fewer_errors(-0.05)
        ('19.0% fewer wrong categories', '5.0% more wrong categories')
    """
    word = "more" if reduction < 0 else "fewer"
    return f"{percent(abs(reduction))} {word} wrong categories"


def content_lost(ratio: float) -> str:
    """A ratio of reconstruction errors in words.

    Example:
        >>> content_lost(1.012), content_lost(0.976), content_lost(1.0001)
        ('1.2% more content lost', '2.4% less content lost', 'as much content lost')
    """
    change = ratio - 1
    if abs(change) < 0.0005:
        return "as much content lost"
    return f"{percent(abs(change))} {'more' if change > 0 else 'less'} content lost"


def dial_text(setting: Setting) -> str:
    """A method's weight of the tree, as found or as given; empty for a method without one.

    Example:
        >>> dial_text(Setting("tree", "leafcode", True, None, {0: {"settings": {"lambda": 1.5}}}))
        'λ 1.5'
    """
    if setting.dial is None:
        return ""
    name, value = setting.dial
    return f"{name} {value.mean:.3g}".replace("-", MINUS)


def full_name(setting: Setting) -> str:
    """A method and its weight of the tree.

    Example:
        >>> full_name(Setting("tree", "leafcode", True, 2.0, {0: {"settings": {"lambda": 2.0}}}))
        'leafcode (λ 2)'
    """
    dial = dial_text(setting)
    return f"{setting.title} ({dial})" if dial else setting.title

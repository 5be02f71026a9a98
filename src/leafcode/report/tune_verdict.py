"""The verdict of a tuning: which weight of the tree to take, or that none is worth it."""

from __future__ import annotations

import math

from leafcode.report.figures import decimal, percent, plural
from leafcode.report.tiles import Tone
from leafcode.report.tune_data import TuneData, TunedPoint
from leafcode.report.verdict import Verdict


def judge_tuning(data: TuneData) -> Verdict:
    """What to take, in sentences, from the figures alone.

    Example:
        >>> from leafcode.report.data import CatalogueSummary
        >>> none = TunedPoint("λ = 0", {"λ": 0.0}, 1.0, 0.30, 0.0, 0.1, (0.7,))
        >>> best = TunedPoint("trial 3", {"λ": 1.3}, 1.015, 0.24, 0.2, 0.1, (0.76,))
        >>> verdict = judge_tuning(TuneData(
        ...     "Shop", CatalogueSummary(900, 900, 0, 9, 1), 1.02, none, best, [best], [best], best
        ... ))
        >>> verdict.label
        'Take λ = 1.3'
        >>> verdict.headline
        'With λ = 1.3, codes name the wrong category for 20.0% fewer items than without the tree, and lose \
1.5% more content.'
    """
    tone, label, headline = _headline(data)
    points = [
        ("Held-out items", _held_out(data)),
        ("Limit", _limit(data)),
        ("auto", _auto(data)),
        ("Trials", _trials(data)),
        ("Certainty", _certainty(data)),
    ]
    return Verdict(tone, label, headline, [(term, text) for term, text in points if text], [])


def gain_and_cost(point: TunedPoint) -> str:
    """Gain and cost of a setting against lambda = 0, as the rest of a sentence.

    Example:
        >>> gain_and_cost(TunedPoint("auto", {"λ": 1.0}, 0.99, 0.3, -0.05, 0.1, (0.7,)))
        'name the wrong category for 5.0% more items than without the tree, and lose 1.0% less content'
    """
    if math.isnan(point.reduction):
        change = f"{percent(point.error)} of the items, where those without the tree make no mistake,"
    else:
        fewer = "fewer" if point.reduction >= 0 else "more"
        change = f"{percent(abs(point.reduction))} {fewer} items than without the tree,"
    more = "more" if point.ratio >= 1 else "less"
    return f"name the wrong category for {change} and lose {percent(abs(point.ratio - 1))} {more} content"


def _headline(data: TuneData) -> tuple[Tone, str, str]:
    best = data.recommended
    if best is not None:
        shown = data.checked(best) or best
        weight = f"λ = {best.weight:g}"
        headline = f"With {weight}, codes {gain_and_cost(shown)}."
        if not shown.reduction > 0:  # NaN where there was no mistake to make good
            return "poor", "Not worth it here", f"{headline} The gain in the trials was not confirmed."
        return ("good" if shown.ratio <= data.limit else "fair"), f"Take {weight}", headline
    if not data.trials:
        return "poor", "No result", "No trial has been completed yet."
    within = [trial for trial in data.trials if trial.ratio <= data.limit]
    if within:
        return (
            "poor",
            "Not worth it here",
            f"None of the {plural(len(within), 'trial')} within the limit on content names fewer wrong "
            "categories than the same model without the tree.",
        )
    nearest = min(trial.ratio for trial in data.trials)
    return (
        "fair",
        "None within the limit",
        f"No trial keeps the content error within {data.limit:g} times that of λ = 0; the nearest has "
        f"{decimal(nearest)} times.",
    )


def _held_out(data: TuneData) -> str:
    best = data.recommended
    shown = data.checked(best)
    if best is None or shown is None:
        return (
            "" if data.checks else "Nothing was held out: all figures are those that the choice was made by."
        )
    return (
        f"The headline is about {plural(data.catalogue.held_out, 'item')} that no trial saw, after training "
        f"on all others. In the trials the same setting had {percent(best.reduction)} fewer wrong categories "
        f"at {decimal(best.ratio)} times the content error."
    )


def _limit(data: TuneData) -> str:
    shown = data.checked(data.recommended)
    if shown is not None and shown.ratio > data.limit:
        return (
            f"The trials kept within {data.limit:g} times the content error of λ = 0; the held-out items "
            f"cost {decimal(shown.ratio)} times. Lower --reconstruction-limit where the limit must hold."
        )
    if data.recommended is None and data.trials and min(trial.ratio for trial in data.trials) > data.limit:
        return "Raise --reconstruction-limit, or go on with --resume and more --trials."
    return ""


def _auto(data: TuneData) -> str:
    checked = data.checked(data.auto)
    shown = checked or data.auto
    where = "" if checked else ", on the items of the trials"
    return f"It takes λ = {shown.weight:.3g}: its codes {gain_and_cost(shown)}{where}."


def _trials(data: TuneData) -> str:
    ended = len(data.trials) + data.pruned + len(data.failed)
    parts = [f"{plural(len(data.trials), 'trial')} of {ended} complete", f"{len(data.front)} on the front"]
    if data.pruned:
        parts.append(f"{data.pruned} stopped early, since their first codes were clearly worse than others’")
    if data.failed:
        parts.append(f"{len(data.failed)} failed")
    return ", ".join(parts) + "."


def _certainty(data: TuneData) -> str:
    if not data.trials:
        return ""
    return (
        "One split and one seed for every setting: what separates neighbours on the front may be chance. "
        "leafcode compare repeats methods over several seeds."
    )

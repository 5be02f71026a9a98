"""The verdict: what the figures mean, in sentences for someone who runs a catalogue."""

from __future__ import annotations

from dataclasses import dataclass

from leafcode.report.comparison import (
    BASELINES,
    LAMBDA_0,
    LEAST_DIFFERENCE,
    Comparison,
    Outcome,
    chance_margin,
)
from leafcode.report.data import ReportData
from leafcode.report.figures import by_index, count, decimal, listing, number, percent, points
from leafcode.report.tiles import SMALL_COST, Tile, Tone, tiles_of

HIGH_COST = 0.10
"""Relative increase in reconstruction error from which the price counts as high."""
LOW_UTILIZATION = 0.5
"""Share of codes in use below which a level is called poorly used."""


@dataclass(frozen=True)
class Verdict:
    """The verdict: a word, a sentence, and the points behind it (a term and a sentence or two each)."""

    tone: Tone
    label: str
    headline: str
    points: list[tuple[str, str]]
    tiles: list[Tile]


def judge(data: ReportData) -> Verdict:
    """The verdict on a run, from its figures alone.

    A gain is clear if it exceeds `chance_margin` at one depth or more and no depth loses as much. The
    price is the reconstruction error beyond the baseline that keeps most.

    Example:
        >>> from leafcode.report.data import CatalogueSummary, ReportSettings
        >>> verdict = judge(ReportData(
        ...     "Shop", CatalogueSummary(9000, 9000, 1800, 90, 2), ReportSettings((64, 64), 0.1),
        ...     {"prefix_accuracy": {"1": 0.8}, "reconstruction": 0.2,
        ...      "baseline": {"rq_kmeans": {"prefix_accuracy": {"1": 0.7}, "reconstruction": 0.21}}},
        ... ))
        >>> verdict.label, verdict.headline[-52:]
        ('Clear gain', 'better than RQ-KMeans, and keep more of the content.')
    """
    comparison = Comparison.of(data)
    tone, label, headline = _headline(data, comparison)
    sentences = [
        ("Categories", _categories(comparison)),
        ("Content", _content(comparison)),
        ("Headroom", _headroom(comparison)),
        ("Look-alikes", _duplicates(comparison)),
        ("IDs", _ids(comparison)),
        ("Certainty", _certainty(comparison)),
    ]
    given = [(term, text) for term, text in sentences if text]
    return Verdict(tone, label, headline, given, tiles_of(comparison))


def _headline(data: ReportData, comparison: Comparison) -> tuple[Tone, str, str]:
    accuracy, outcomes = comparison.accuracy, comparison.outcomes()
    error = number(data.metrics, "reconstruction")
    if not accuracy:
        if error is None:
            return "plain", "Not measured", "No figures were measured for this run."
        labelled = data.catalogue.labelled > 0
        why = "No measure of the tree is defined" if labelled else "No item has a category"
        lost = f"the codes lose {percent(error)} of the content"
        return "plain", "Content only", f"{why}, so this report covers content only: {lost}."
    first = min(accuracy)
    plain = (
        f"From its code alone, {percent(accuracy[first])} of held-out items land in the right "
        f"{comparison.depth_name(first)}"
    )
    if data.settings.contrast_weight == 0:
        return "plain", "Baseline run", f"Trained without the tree ({LAMBDA_0}). {plain}."
    if not outcomes:
        return "plain", "Not compared", f"{plain}. Evaluate with baselines to see what the tree adds."
    price, cost = _price(comparison)
    tone, label, claim = _claim(outcomes)
    if label == "Clear gain" and cost > HIGH_COST:
        tone, label = "fair", "Gain at a price"
    return tone, label, f"{claim}{price}."


def _claim(outcomes: dict[str, Outcome]) -> tuple[Tone, str, str]:
    """What the outcomes amount to: tone, label and a sentence without its full stop."""

    def names(wanted: Outcome) -> str:
        return listing([BASELINES[key] for key, outcome in outcomes.items() if outcome == wanted])

    subject = "The codes follow the category tree"
    found = set(outcomes.values())
    if found == {"ahead"}:
        return "good", "Clear gain", f"{subject} clearly better than {names('ahead')}"
    if found == {"ahead", "level"}:
        but = f"but not clearly better than {names('level')}"
        return "fair", "Partial gain", f"{subject} better than {names('ahead')}, {but}"
    if found == {"level"}:
        return "fair", "No clear gain", f"{subject} about as well as {names('level')}: no clear difference"
    if found <= {"behind", "level"}:
        return "poor", "Loss", f"{subject} less well than {names('behind')}"
    clauses: list[tuple[Outcome, str]] = [
        ("ahead", "better than {}"),
        ("behind", "less well than {}"),
        ("mixed", "better at some depths and worse at others than {}"),
    ]
    parts = [clause.format(names(outcome)) for outcome, clause in clauses if outcome in found]
    return "fair", "Mixed", f"{subject} {listing(parts)}"


def _price(comparison: Comparison) -> tuple[str, float]:
    """A clause on what the gain costs against the baseline that keeps most, and the cost as a share."""
    costs = [cost for key in comparison.baselines if (cost := comparison.cost(key)) is not None]
    if not costs:
        return "", 0.0
    cost = max(costs)
    if cost < -SMALL_COST:
        return ", and keep more of the content", cost
    if cost <= SMALL_COST:
        return ", and keep the content equally well", cost
    return (", at a small price in content" if cost <= HIGH_COST else ", at a high price in content"), cost


def _categories(comparison: Comparison) -> str:
    if not comparison.accuracy:
        return ""
    shares = [
        f"the right {comparison.depth_name(d)} for {percent(comparison.accuracy[d])}"
        for d in comparison.depths
    ]
    text = f"The code alone names {listing(shares)} of held-out items."
    against = []
    for key in comparison.baselines:
        gains = [comparison.gain(key, d) for d in comparison.depths]
        if any(gain is not None for gain in gains):
            against.append(f"{listing([points(gain) for gain in gains])} points against {BASELINES[key]}")
    return f"{text} That is {listing(against)}." if against else text


def _content(comparison: Comparison) -> str:
    error = number(comparison.metrics, "reconstruction")
    if error is None:
        return ""
    text = f"The codes lose {percent(error)} of an item’s content (reconstruction error {decimal(error)})."
    against = []
    for key in comparison.baselines:
        cost = comparison.cost(key)
        if cost is not None:
            amount = f"{percent(abs(cost))} {'more' if cost > 0 else 'less'} than"
            against.append(f"{amount if abs(cost) >= 0.0005 else 'the same as'} {BASELINES[key]}")
    return f"{text} That is {listing(against)}." if against else text


def _headroom(comparison: Comparison) -> str:
    limits = [(d, limit) for d in comparison.depths if (limit := comparison.ceiling(d))]
    if not limits:
        return ""
    reached = [percent(comparison.accuracy[d] / limit, 0) for d, limit in limits]
    text = (
        f"The embedding itself, before any codes, allows {listing([percent(limit) for _, limit in limits])}; "
        f"the codes reach {listing(reached)} of that."
    )
    closed = []
    for d, limit in limits:
        gain = comparison.gain("lambda_0", d)
        if gain is None or gain <= 0:
            continue
        distance = limit - (comparison.accuracy[d] - gain)
        if distance > LEAST_DIFFERENCE:
            closed.append(f"{percent(gain / distance, 0)} at depth {d}")
    if closed:
        text += f" Of the distance from {LAMBDA_0} to that limit, the tree closes {listing(closed)}."
    return text


def _duplicates(comparison: Comparison) -> str:
    key = next((key for key in comparison.metrics if key.startswith("shared_prefix_at_")), "")
    shares = {level: share for level, share in by_index(comparison.metrics, key).items() if share is not None}
    if not shares:
        return ""
    first, last = min(shares), max(shares)
    text = f"{percent(shares[first])} of pairs with almost the same content share code {first}"
    text += f", and {percent(shares[last])} the full code." if last > first else "."
    for name, figures in list(comparison.baselines.items())[:1]:
        others = {level: number(figures, key, str(level)) for level in (first, last)}
        gains = [points(shares[level] - other) for level, other in others.items() if other is not None]
        if gains:
            text += f" That is {listing(gains)} points against {BASELINES[name]}."
    return text


def _ids(comparison: Comparison) -> str:
    sentences = []
    collisions = number(comparison.metrics, "collision_rate")
    if collisions == 0:
        sentences.append("Every item has a full code of its own.")
    elif collisions is not None:
        sentences.append(
            f"{percent(collisions)} of items share their full code with another item; the last number of the "
            "ID tells them apart."
        )
    shares = by_index(comparison.metrics, "utilization").items()
    used = {level: share for level, share in shares if share is not None}
    poor = [
        f"{percent(share, 0)} at level {level}" for level, share in used.items() if share < LOW_UTILIZATION
    ]
    if poor:
        sentences.append(f"Many codes are in no use: only {listing(poor)} have an item.")
    elif used and min(used.values()) == 1:
        sentences.append("Every code of every level is in use.")
    elif used:
        sentences.append(f"At every level, at least {percent(min(used.values()))} of the codes are in use.")
    return " ".join(sentences)


def _certainty(comparison: Comparison) -> str:
    held_out = comparison.catalogue.held_out
    if held_out == 0:
        return "No item was held out: the figures say nothing of items that training has not seen."
    if not comparison.accuracy:
        return f"Measured on {count(held_out)} held-out items, which training never saw."
    margin = max(chance_margin(comparison.accuracy[d], held_out) for d in comparison.depths)
    return (
        f"Measured on {count(held_out)} held-out items, which training never saw. Differences of less than "
        f"{100 * margin:.1f} points may be chance; train with several seeds before relying on a small one."
    )

"""The verdict: what the figures mean, in sentences for someone who runs a catalogue."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from leafcode.report.data import CatalogueSummary, ReportData
from leafcode.report.figures import (
    Figures,
    by_index,
    count,
    decimal,
    listing,
    number,
    percent,
    points,
    section,
)

Tone = Literal["good", "fair", "poor", "plain"]
Outcome = Literal["ahead", "level", "behind", "mixed"]

SMALL_COST = 0.02
"""Relative difference in reconstruction error up to which content counts as kept equally well."""
HIGH_COST = 0.10
"""Relative increase in reconstruction error from which the price counts as high."""
LEAST_DIFFERENCE = 0.01
"""Difference of two shares below which they count as equal, however many items were held out."""
LOW_UTILIZATION = 0.5
"""Share of codes in use below which a level is called poorly used."""

BASELINES = {"lambda_0": "codes trained without the tree (λ = 0)", "rq_kmeans": "RQ-KMeans"}
"""Baselines by key, the one that the verdict compares with first, and how a sentence calls them."""


@dataclass(frozen=True)
class Tile:
    """A figure in large type.

    Attributes:
        label: What it is.
        value: The figure.
        change: Its difference to the baseline, in words; empty without one.
        tone: Whether that is good or bad.
        share: The figure as a share of 1, for a bar; None for no bar.
        ceiling: What the embedding allows, on the same scale.
    """

    label: str
    value: str
    change: str
    tone: Tone
    share: float | None = None
    ceiling: float | None = None


@dataclass(frozen=True)
class Verdict:
    """The verdict: a word, a sentence, and the points behind it (a term and a sentence or two each)."""

    tone: Tone
    label: str
    headline: str
    points: list[tuple[str, str]]
    tiles: list[Tile]


def depth_name(catalogue: CatalogueSummary, depth: int) -> str:
    """What a category at a depth is called in a sentence.

    Example:
        >>> summary = CatalogueSummary(10, 10, 2, 5, 3, depth_names=("department",))
        >>> depth_name(summary, 1), depth_name(summary, 2)
        ('department', 'category at depth 2')
    """
    if depth <= len(catalogue.depth_names):
        return catalogue.depth_names[depth - 1]
    return "top category" if depth == 1 else f"category at depth {depth}"


def chance_margin(share: float, items: int) -> float:
    """Difference of two shares that chance alone may give, at the 95% level.

    From the normal approximation for two independent samples. Two sets of codes are scored on the same
    items, which makes the true margin smaller: this one errs on the side of caution.

    Args:
        share: The share in question.
        items: Items that it was measured on.

    Returns:
        The margin, and `LEAST_DIFFERENCE` at least.

    Example:
        >>> round(chance_margin(0.72, 1417), 3)
        0.033
    """
    if items == 0:
        return LEAST_DIFFERENCE
    return max(LEAST_DIFFERENCE, 1.96 * math.sqrt(2 * share * (1 - share) / items))


def judge(data: ReportData) -> Verdict:
    """The verdict on a run, from its figures alone."""
    metrics = data.metrics
    accuracy = {d: value for d, value in by_index(metrics, "prefix_accuracy").items() if value is not None}
    baselines = {key: section(metrics, "baseline", key) for key in BASELINES}
    if data.settings.contrast_weight == 0:
        # The run is its own lambda = 0: a baseline of that name differs by chance only.
        baselines["lambda_0"] = {}
    baselines = {key: figures for key, figures in baselines.items() if figures}
    # A ragged tree may have many depths; the sentences take the first two and the last.
    depths = sorted({*list(accuracy)[:2], *list(accuracy)[-1:]})
    outcomes = {key: _outcome(data, accuracy, figures) for key, figures in baselines.items()}
    outcomes = {key: outcome for key, outcome in outcomes.items() if outcome is not None}
    tone, label, headline = _headline(data, accuracy, baselines, outcomes)
    sentences = [
        ("Categories", _categories(data, accuracy, baselines, depths)),
        ("Content", _content(metrics, baselines)),
        ("Headroom", _headroom(data, accuracy, baselines, depths)),
        ("Look-alikes", _duplicates(metrics)),
        ("IDs", _ids(metrics)),
        ("Certainty", _certainty(data, accuracy, depths)),
    ]
    tiles = _tiles(data, accuracy, baselines, depths)
    return Verdict(tone, label, headline, [(term, text) for term, text in sentences if text], tiles)


def _outcome(data: ReportData, accuracy: dict[int, float], baseline: Figures) -> Outcome | None:
    """Where the run stands against a baseline over all depths; None if no depth compares."""
    signs = set()
    for depth, value in accuracy.items():
        other = number(baseline, "prefix_accuracy", str(depth))
        if other is not None:
            signs.add(_sign(value - other, chance_margin(other, data.catalogue.held_out)))
    if not signs:
        return None
    if {1, -1} <= signs:
        return "mixed"
    return "ahead" if 1 in signs else "behind" if -1 in signs else "level"


def _sign(difference: float, margin: float) -> int:
    return 0 if abs(difference) < margin else 1 if difference > 0 else -1


def _headline(
    data: ReportData,
    accuracy: dict[int, float],
    baselines: dict[str, Figures],
    outcomes: dict[str, Outcome],
) -> tuple[Tone, str, str]:
    error = number(data.metrics, "reconstruction")
    lost = f"the codes lose {percent(error)} of the content" if error is not None else ""
    if not accuracy:
        if error is None:
            return "plain", "Not measured", "No figures were measured for this run."
        why = "No item has a category" if data.catalogue.labelled == 0 else "No measure of the tree is defined"
        return "plain", "Content only", f"{why}, so this report covers content only: {lost}."
    first = min(accuracy)
    plain = (
        f"From its code alone, {percent(accuracy[first])} of held-out items land in the right "
        f"{depth_name(data.catalogue, first)}"
    )
    if data.settings.contrast_weight == 0:
        return "plain", "Baseline run", f"Trained without the tree (λ = 0). {plain}."
    if not outcomes:
        return "plain", "Not compared", f"{plain}. Evaluate with baselines to see what the tree adds."

    def names(*wanted: Outcome) -> str:
        return listing([BASELINES[key] for key, outcome in outcomes.items() if outcome in wanted])

    price, cost = _price(data.metrics, baselines)
    found = set(outcomes.values())
    if found == {"ahead"}:
        headline = f"The codes follow the category tree clearly better than {names('ahead')}{price}."
        return ("fair", "Gain at a price", headline) if cost > HIGH_COST else ("good", "Clear gain", headline)
    if found == {"ahead", "level"}:
        headline = (
            f"The codes follow the category tree better than {names('ahead')}, but not clearly better than "
            f"{names('level')}{price}."
        )
        return "fair", "Partial gain", headline
    if found == {"level"}:
        headline = f"No clear difference: the codes follow the category tree about as well as {names('level')}{price}."
        return "fair", "No clear gain", headline
    if found <= {"behind", "level"}:
        headline = f"The codes follow the category tree less well than {names('behind')}{price}."
        return "poor", "Loss", headline
    ahead = f"better than {names('ahead')}, " if "ahead" in found else ""
    behind = f"less well than {names('behind')}, " if "behind" in found else ""
    mixed = f"better at some depths and worse at others than {names('mixed')}, " if "mixed" in found else ""
    headline = f"Mixed: the codes follow the category tree {ahead}{behind}{mixed}".rstrip(", ") + f"{price}."
    return "fair", "Mixed", headline


def _relative(metrics: Figures, baseline: Figures) -> float | None:
    error, other = number(metrics, "reconstruction"), number(baseline, "reconstruction")
    return None if error is None or not other else error / other - 1


def _price(metrics: Figures, baselines: dict[str, Figures]) -> tuple[str, float]:
    """A clause on what the gain costs against the first baseline, and the cost as a share."""
    cost = next((c for c in (_relative(metrics, figures) for figures in baselines.values()) if c is not None), None)
    if cost is None:
        return "", 0.0
    if cost < -SMALL_COST:
        return ", and keep more of the content", cost
    if cost <= SMALL_COST:
        return ", and keep the content equally well", cost
    return (", at a small price in content" if cost <= HIGH_COST else ", at a high price in content"), cost


def _categories(
    data: ReportData, accuracy: dict[int, float], baselines: dict[str, Figures], depths: list[int]
) -> str:
    if not accuracy:
        return ""
    shares = [f"the right {depth_name(data.catalogue, d)} for {percent(accuracy[d])}" for d in depths]
    text = f"The code alone names {listing(shares)} of held-out items."
    against = []
    for key, figures in baselines.items():
        others = [number(figures, "prefix_accuracy", str(d)) for d in depths]
        gains = [
            points(None if other is None else accuracy[d] - other) for d, other in zip(depths, others, strict=True)
        ]
        if any(other is not None for other in others):
            against.append(f"{listing(gains)} points against {BASELINES[key]}")
    return f"{text} That is {listing(against)}." if against else text


def _content(metrics: Figures, baselines: dict[str, Figures]) -> str:
    error = number(metrics, "reconstruction")
    if error is None:
        return ""
    text = f"The codes lose {percent(error)} of an item’s content (reconstruction error {decimal(error)})."
    against = []
    for key, figures in baselines.items():
        change = _relative(metrics, figures)
        if change is not None:
            amount = f"{percent(abs(change))} {'more' if change > 0 else 'less'} than"
            amount = amount if abs(change) >= 0.0005 else "the same as"
            against.append(f"{amount} {BASELINES[key]}")
    return f"{text} That is {listing(against)}." if against else text


def _ceiling(metrics: Figures, depth: int) -> float | None:
    limits = [number(metrics, "ceiling", kind, str(depth)) for kind in ("knn", "probe")]
    return max((limit for limit in limits if limit is not None), default=None)


def _headroom(
    data: ReportData, accuracy: dict[int, float], baselines: dict[str, Figures], depths: list[int]
) -> str:
    limits = [(d, limit) for d in depths if (limit := _ceiling(data.metrics, d))]
    if not limits:
        return ""
    text = (
        f"The embedding itself, before any codes, allows {listing([percent(limit) for _, limit in limits])}; "
        f"the codes reach {listing([percent(accuracy[d] / limit, 0) for d, limit in limits])} of that."
    )
    if "lambda_0" in baselines:
        closed = []
        for d, limit in limits:
            base = number(baselines["lambda_0"], "prefix_accuracy", str(d))
            if base is not None and limit - base > LEAST_DIFFERENCE and accuracy[d] > base:
                closed.append(f"{percent((accuracy[d] - base) / (limit - base), 0)} at depth {d}")
        if closed:
            text += f" Of the distance from λ = 0 to that limit, the tree closes {listing(closed)}."
    return text


def _duplicates(metrics: Figures) -> str:
    key = next((key for key in metrics if key.startswith("shared_prefix_at_")), None)
    shares = {level: share for level, share in by_index(metrics, key or "").items() if share is not None}
    if not shares:
        return ""
    first, last = min(shares), max(shares)
    text = f"{percent(shares[first])} of pairs with almost the same content share code {first}"
    return f"{text}, and {percent(shares[last])} the full code." if last > first else f"{text}."


def _ids(metrics: Figures) -> str:
    sentences = []
    collisions = number(metrics, "collision_rate")
    if collisions == 0:
        sentences.append("Every item has a full code of its own.")
    elif collisions is not None:
        sentences.append(
            f"{percent(collisions)} of items share their full code with another item; the last number of the "
            "ID tells them apart."
        )
    used = {level: share for level, share in by_index(metrics, "utilization").items() if share is not None}
    poor = [f"level {level} ({percent(share, 0)})" for level, share in used.items() if share < LOW_UTILIZATION]
    if poor:
        sentences.append(f"Poorly used: {listing(poor)} of the codes there are.")
    elif used:
        sentences.append(f"At every level, at least {percent(min(used.values()), 0)} of the codes are in use.")
    return " ".join(sentences)


def _certainty(data: ReportData, accuracy: dict[int, float], depths: list[int]) -> str:
    held_out = data.catalogue.held_out
    if held_out == 0:
        return "No item was held out: the figures say nothing of items that training has not seen."
    if not accuracy:
        return f"Measured on {count(held_out)} held-out items."
    margin = max(chance_margin(accuracy[d], held_out) for d in depths)
    return (
        f"Measured on {count(held_out)} held-out items, which training never saw. Differences of less than "
        f"{100 * margin:.1f} points may be chance; train with several seeds before relying on a small one."
    )


def _tiles(
    data: ReportData, accuracy: dict[int, float], baselines: dict[str, Figures], depths: list[int]
) -> list[Tile]:
    key = next(iter(baselines), None)
    against, baseline = ("λ = 0" if key == "lambda_0" else "RQ-KMeans"), baselines.get(key or "", {})
    tiles = []
    for d in depths:
        other = number(baseline, "prefix_accuracy", str(d))
        change, tone = "", "plain"
        if other is not None:
            sign = _sign(accuracy[d] - other, chance_margin(other, data.catalogue.held_out))
            change, tone = f"{points(accuracy[d] - other)} points vs {against}", _TONES[sign]
        label = f"Right {depth_name(data.catalogue, d)}"
        tiles.append(Tile(label, percent(accuracy[d]), change, tone, accuracy[d], _ceiling(data.metrics, d)))
    error = number(data.metrics, "reconstruction")
    if error is not None:
        relative = _relative(data.metrics, baseline)
        change, tone = "", "plain"
        if relative is not None:
            change = f"{points(relative)}% vs {against}"
            tone = _TONES[-_sign(relative, SMALL_COST)]
        tiles.append(Tile("Content lost", percent(error), change, tone))
    collisions = number(data.metrics, "collision_rate")
    if collisions is not None:
        other = number(baseline, "collision_rate")
        change = "" if other is None else f"{points(collisions - other)} points vs {against}"
        tiles.append(Tile("Share a full code", percent(collisions), change, "plain"))
    return tiles


_TONES: dict[int, Tone] = {1: "good", 0: "plain", -1: "poor"}

"""The verdict on a comparison: is the tree worth it here, with which method, and at what cost?"""

from __future__ import annotations

import math
from dataclasses import dataclass

from leafcode.evaluation import Estimate
from leafcode.report.compare_data import OURS, CompareData, Setting
from leafcode.report.compare_words import content_lost, dial_text, fewer_errors, full_name, interval
from leafcode.report.figures import listing, percent, plural, points
from leafcode.report.tiles import Tile, Tone
from leafcode.report.verdict import Verdict

_BETTER = "the better of the methods without the tree"


@dataclass(frozen=True)
class Standing:
    """Where a setting stands against the better baseline."""

    setting: Setting
    reduction: Estimate
    ratio: Estimate

    @property
    def proven(self) -> bool:
        """Whether the interval of the gain lies above 0; one seed proves nothing."""
        return self.reduction.low > 0

    @property
    def summary(self) -> str:
        """Gain and cost in words."""
        gain = f"{fewer_errors(self.reduction.mean)} ({interval(self.reduction)})"
        return f"{gain} and {content_lost(self.ratio.mean)}"


def judge_comparison(data: CompareData) -> Verdict:
    """The verdict, from the figures alone.

    A setting is worth it if the interval of its error reduction lies above 0 and its mean reconstruction
    error keeps to the limit; both against whichever of the methods without the tree is better, seed by
    seed. Of those the one with the largest reduction is named, and every other method that does as well:
    whose paired difference to it has an interval that includes 0.

    Example:
        >>> from leafcode.report.data import CatalogueSummary
        >>> def runs(accuracy):
        ...     figures = ({"reconstruction": 0.2, "prefix_accuracy": {"1": a}} for a in accuracy)
        ...     return dict(enumerate(figures))
        >>> settings = [
        ...     Setting("rq_kmeans", "RQ-KMeans", False, None, runs([0.70, 0.71])),
        ...     Setting("tree", "leafcode", True, None, runs([0.80, 0.81])),
        ... ]
        >>> catalogue = CatalogueSummary(9000, 9000, 1800, 90, 1)
        >>> judge_comparison(CompareData("Shop", catalogue, [0, 1], "items", (64,), settings, 1.05)).label
        'Worth it'
    """
    standings = [
        Standing(setting, reduction, ratio)
        for setting in data.settings
        if setting.uses_tree
        and not math.isnan((reduction := data.reduction(setting)).mean)
        and not math.isnan((ratio := data.ratio(setting)).mean)
    ]
    if not standings:
        headline = "No method with the tree has a figure to set against one without it."
        return Verdict("plain", "Not compared", headline, _notes(data), [])
    worth = [one for one in standings if one.proven and one.ratio.mean <= data.limit]
    if worth:
        winner = _largest(worth)
        headline = f"The tree is worth it here: {full_name(winner.setting)} gives {winner.summary}."
        return _verdict(data, "good", "Worth it", headline, winner, worth)
    # Other weights than the default may have been trained with one seed only, which proves nothing.
    most = max(len(one.setting.runs) for one in standings)
    standings = [one for one in standings if len(one.setting.runs) == most]
    best = _largest([one for one in standings if one.ratio.mean <= data.limit] or standings)
    if all(math.isnan(one.reduction.low) for one in standings):
        headline = (
            f"One seed cannot tell a gain from chance. In it, {full_name(best.setting)} gives "
            f"{fewer_errors(best.reduction.mean)} and {content_lost(best.ratio.mean)}."
        )
        return _verdict(data, "plain", "One seed only", headline, best, [])
    return _verdict(data, "poor", "Not worth it here", *_why_not(data, standings, best), [])


def _why_not(data: CompareData, standings: list[Standing], best: Standing) -> tuple[str, Standing]:
    """A headline, and the setting that it speaks of."""
    gains = [one for one in standings if one.proven]
    if gains:
        dear = _largest(gains)
        limit = f"the limit is {percent(data.limit - 1)}"
        name = full_name(dear.setting)
        return f"The tree helps here, but at too high a price: {name} gives {dear.summary}; {limit}.", dear
    if best.reduction.mean <= 0:
        why = f"even the best, {full_name(best.setting)}, gives {best.summary}"
    else:
        gain, cost = fewer_errors(best.reduction.mean), content_lost(best.ratio.mean)
        why = (
            f"the best, {full_name(best.setting)}, gives {gain} and {cost}, but the interval of that gain, "
            f"{interval(best.reduction)}, includes 0"
        )
    return f"No method with the tree is clearly better than those without it: {why}.", best


def _verdict(
    data: CompareData, tone: Tone, label: str, headline: str, standing: Standing, worth: list[Standing]
) -> Verdict:
    sentences = [
        ("Gain", _gain(data, standing)),
        ("Price", _price(data, standing)),
        ("λ", _weight(standing)),
        ("Rivals", _rivals(data, standing, worth)),
        ("leafcode", _ours(data, standing)),
        ("IDs", _collisions(data, standing)),
    ]
    points_made = [(term, text) for term, text in sentences if text] + _notes(data)
    return Verdict(tone, label, headline, points_made, _tiles(standing))


def _largest(standings: list[Standing]) -> Standing:
    return max(standings, key=lambda one: one.reduction.mean)


def _gain(data: CompareData, standing: Standing) -> str:
    parts = []
    for depth in data.depths:
        reduction = data.reduction(standing.setting, depth=depth)
        if not math.isnan(reduction.mean):
            parts.append(f"{percent(reduction.mean)} ({interval(reduction)}) at depth {depth}")
    text = f"Wrong categories, fewer by {listing(parts)}, against {_BETTER} at each depth."
    against = [
        f"{percent(reduction.mean)} ({interval(reduction)}) against {baseline.title}"
        for baseline in data.baselines
        if not math.isnan((reduction := data.reduction(standing.setting, [baseline])).mean)
    ]
    return f"{text} Over all depths: {listing(against)}."


def _price(data: CompareData, standing: Standing) -> str:
    parts = []
    for baseline in data.baselines:
        ratio = data.ratio(standing.setting, [baseline])
        if not math.isnan(ratio.mean):
            parts.append(f"{content_lost(ratio.mean)} than by {baseline.title}")
    text = f"{listing(parts)}.".replace("as much content lost than by", "as much content lost as by")
    low, high = standing.ratio.low - 1, standing.ratio.high - 1
    if not math.isnan(low):
        text += f" Against the better of them in each seed: {percent(low)} to {percent(high)} more."
    if standing.ratio.mean <= data.limit < standing.ratio.high:
        text += f" The interval reaches beyond the limit of {percent(data.limit - 1)}."
    return text[0].upper() + text[1:]


def _weight(standing: Standing) -> str:
    """Which lambda, if the setting is leafcode's."""
    dial = standing.setting.dial
    if standing.setting.method != OURS or dial is None:
        return ""
    value = dial[1]
    if standing.setting.strength is not None:
        given = f"{standing.setting.strength:g}"
        return f"λ = {given}: leafcode fit … --contrast-weight {given}."
    found = [
        run["settings"][name] for run in standing.setting.runs.values() for name in [*run["settings"]][:1]
    ]
    spread = f", from {min(found):.3g} to {max(found):.3g} over the seeds" if min(found) < max(found) else ""
    return f"λ = {value.mean:.3g}{spread}, as leafcode fit finds it with these settings."


def _rivals(data: CompareData, standing: Standing, worth: list[Standing]) -> str:
    """Methods that do as well as the one named, each with its best setting."""
    others = {one.setting.method: one for one in sorted(worth, key=lambda one: one.reduction.mean)}
    others.pop(standing.setting.method, None)
    if not worth:
        return ""
    as_good, behind = [], []
    for other in sorted(others.values(), key=lambda one: -one.reduction.mean):
        lead = data.reduction(standing.setting, [other.setting])
        told = f"{full_name(other.setting)} with {other.summary}"
        if not lead.low > 0:  # a single seed that both have can tell nothing, and gives a NaN
            seconds = other.setting.estimate("seconds").mean
            ours = standing.setting.estimate("seconds").mean
            told += f", in {seconds:.0f} s of training instead of {ours:.0f}" if seconds < ours / 2 else ""
            as_good.append(told)
        else:
            behind.append(told)
    text = ""
    if as_good:
        text = f"As good, as far as these seeds can tell: {'; '.join(as_good)}."
    if behind:
        text += f" Worth it too, but behind: {'; '.join(behind)}."
    return text.strip() or "No other method is worth it by the same rule."


def _ours(data: CompareData, standing: Standing) -> str:
    """How leafcode's default stands, if the verdict speaks of something else."""
    for setting in data.defaults:
        if setting.method == OURS and setting is not standing.setting:
            mine = Standing(setting, data.reduction(setting), data.ratio(setting))
            if not math.isnan(mine.reduction.mean):
                return f"At its default ({dial_text(setting)}) it gives {mine.summary}."
    return ""


def _collisions(data: CompareData, standing: Standing) -> str:
    ours = standing.setting.estimate("collision_rate").mean
    if math.isnan(ours):
        return ""
    others = [
        f"{percent(rate)} with {baseline.title}"
        for baseline in data.baselines
        if not math.isnan(rate := baseline.estimate("collision_rate").mean)
    ]
    return f"{percent(ours)} of items share their full code with another; {listing(others)}."


def _notes(data: CompareData) -> list[tuple[str, str]]:
    """How sure this is."""
    held_out = "whole categories" if data.split == "leaves" else "items"
    text = (
        f"{plural(len(data.seeds), 'seed')}, each with other {held_out} held out. Brackets and ± are 95% "
        "intervals over the seeds (Student’s t), paired by seed; more seeds make them narrower. "
    )
    if data.split == "leaves":
        text += (
            "No item of a category that was held out was trained on, so at its own depth every method is "
            "wrong, and averages over depths are lower for it. "
        )
    tried = sum(setting.uses_tree for setting in data.settings)
    if tried > 1:
        text += f"The best of {tried} settings was chosen on the items of its figures, which flatters it."
    return [("Certainty", text.strip())]


def _tiles(standing: Standing) -> list[Tile]:
    reduction, ratio = standing.reduction, standing.ratio
    setting = standing.setting
    tiles = [
        Tile(
            "Wrong categories",
            f"{points(-reduction.mean)}%",
            interval(reduction) + " fewer" if reduction.low == reduction.low else "one seed",
            "good" if standing.proven else "plain",
            note=f"against {_BETTER}",
        ),
        Tile("Content lost", f"{points(ratio.mean - 1)}%", "", note=f"against {_BETTER}"),
    ]
    if not math.isnan(rate := setting.estimate("collision_rate").mean):
        tiles.append(Tile("Share a full code", percent(rate), note="items; a suffix keeps their IDs unique"))
    if not math.isnan(seconds := setting.estimate("seconds").mean):
        tiles.append(Tile("Training", f"{seconds:.0f} s", note=full_name(setting)))
    return tiles

"""What leafcode is to reach on a catalogue, and whether it does."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from leafcode.evaluation import Estimate, mean_interval
from leafcode.report.compare_data import OURS, Setting
from leafcode.report.figures import UNDEFINED, by_index, decimal, number
from result_files import Catalogue

RATIO = 1.02
MEAN_REDUCTION = 0.20
REDUCTION = 0.10
CEILING_SHARE = 0.90
SWEEP_SHARE = 0.95

UNKNOWN = Estimate(math.nan, math.nan, math.nan, 0)


@dataclass(frozen=True)
class Check:
    """Whether a target holds.

    Attributes:
        gap: By how much the figure falls short; 0 or less if it holds, NaN if it is not known.
        told: The gap in words.
    """

    gap: float
    told: str = ""

    @property
    def holds(self) -> bool | None:
        """None if it is not known."""
        # Means of rounded shares may miss a target by a bit of the last place.
        return None if math.isnan(self.gap) else self.gap <= 1e-12

    def __str__(self) -> str:
        if self.holds is None:
            return UNDEFINED
        return "holds" if self.holds else f"falls short by {self.told}"


def points_short(gap: float, where: str = "") -> Check:
    """A check of shares, whose gap is told in percentage points."""
    return Check(gap, f"{100 * gap:.1f} points{where}")


def ratio(catalogue: Catalogue) -> Estimate:
    """Reconstruction error of leafcode, as a multiple of the better baseline's."""
    return catalogue.data.ratio(catalogue.ours) if catalogue.ours and catalogue.judged else UNKNOWN


def reduction(catalogue: Catalogue, depth: int | None = None) -> Estimate:
    """By how much fewer wrong categories leafcode has than the better baseline."""
    if not (catalogue.ours and catalogue.judged):
        return UNKNOWN
    return catalogue.data.reduction(catalogue.ours, depth=depth)


def difference(one: Setting | None, other: Setting | None, *keys: str) -> Estimate:
    """Mean over the seeds that both have of how much larger a figure is with the first setting."""
    if one is None or other is None:
        return UNKNOWN
    pairs = [
        (number(run, *keys), number(other.runs[seed], *keys))
        for seed, run in one.runs.items()
        if seed in other.runs
    ]
    return mean_interval([a - b for a, b in pairs if a is not None and b is not None])


def ceiling_shares(catalogue: Catalogue) -> dict[int, Estimate]:
    """By depth, the accuracy of leafcode as a share of the ceiling with the same seed."""
    shares: dict[int, list[float]] = {}
    for seed, ceilings in catalogue.ceilings.items():
        run = catalogue.ours.runs.get(seed, {}) if catalogue.ours else {}
        for depth, accuracy in by_index(run, "prefix_accuracy").items():
            if accuracy is not None and ceilings.get(depth):
                shares.setdefault(depth, []).append(accuracy / ceilings[depth])
    return {depth: mean_interval(values) for depth, values in shares.items()}


def better_on_both(catalogue: Catalogue, one: Setting, other: Setting) -> bool:
    """Whether a setting costs no more content than another, gets no more categories wrong, and differs.

    Both by the mean over the seeds that both have, paired by seed.
    """
    cost, gain = catalogue.data.ratio(one, [other]).mean, catalogue.data.reduction(one, [other]).mean
    return cost <= 1 and gain >= 0 and (cost < 1 or gain > 0)


def dominating(catalogue: Catalogue, setting: Setting, *, fronts: bool = False) -> list[Setting]:
    """Other methods that are better on both axes.

    Args:
        catalogue: The figures.
        setting: Of these.
        fronts: Look at all weights of the tree, not just at the defaults.
    """
    others = catalogue.data.settings if fronts else catalogue.data.defaults
    return [
        other
        for other in others
        if other.method != setting.method and better_on_both(catalogue, other, setting)
    ]


@dataclass(frozen=True)
class Sweep:
    """auto beside the best of the weights that were tried.

    Attributes:
        auto: leafcode with the weight that it found.
        best: The setting of the largest gain among those, auto aside, that cost no more content than the
            target allows or than auto does; None if there is none.
        share: Gain of auto as a share of the gain of the best, by their means; NaN without a gain.
    """

    auto: Setting
    best: Setting | None
    share: float


def sweep(catalogue: Catalogue) -> Sweep | None:
    """Auto against the sweep over λ, with the seeds that all have; None if there was no sweep."""
    tried = [one for one in catalogue.data.settings if one.method == OURS and one.strength is not None]
    if catalogue.ours is None or not catalogue.judged or not tried:
        return None
    auto, *tried = with_common_seeds([catalogue.ours, *tried])
    limit = max(RATIO, catalogue.data.ratio(auto).mean)
    within = [one for one in tried if catalogue.data.ratio(one).mean <= limit]
    if not within:
        return Sweep(auto, None, math.nan)
    best = max(within, key=lambda one: catalogue.data.reduction(one).mean)
    gain = catalogue.data.reduction(best).mean
    return Sweep(auto, best, catalogue.data.reduction(auto).mean / gain if gain > 0 else math.nan)


def with_common_seeds(settings: Sequence[Setting]) -> list[Setting]:
    """The settings with the runs of those seeds alone that every one of them has."""
    seeds = set.intersection(*(set(one.runs) for one in settings))
    return [
        dataclasses.replace(one, runs={seed: run for seed, run in one.runs.items() if seed in seeds})
        for one in settings
    ]


def check_ratio(catalogue: Catalogue) -> Check:
    gap = ratio(catalogue).mean - RATIO
    return Check(gap, decimal(gap))


def check_mean_reduction(catalogue: Catalogue) -> Check:
    return points_short(MEAN_REDUCTION - reduction(catalogue).mean)


def check_reductions(catalogue: Catalogue) -> Check:
    gaps = {depth: REDUCTION - reduction(catalogue, depth).mean for depth in catalogue.data.depths}
    return _worst(gaps)


def check_ceiling(catalogue: Catalogue) -> Check:
    return _worst({d: CEILING_SHARE - share.mean for d, share in ceiling_shares(catalogue).items()})


def check_collisions(catalogue: Catalogue) -> Check:
    return points_short(difference(catalogue.ours, catalogue.setting("rq_kmeans"), "collision_rate").mean)


def check_dominated(catalogue: Catalogue) -> Check:
    if catalogue.ours is None or not catalogue.judged:
        return Check(math.nan)
    rivals = [one for one in dominating(catalogue, catalogue.ours, fronts=True) if one.uses_tree]
    names = dict.fromkeys(one.title for one in rivals)
    return Check(len(names), f"{len(names)}: {', '.join(names)}")


def check_sweep(catalogue: Catalogue) -> Check:
    found = sweep(catalogue)
    return points_short(math.nan if found is None else SWEEP_SHARE - found.share)


def check_unseen(catalogue: Catalogue) -> Check:
    return points_short(-difference(catalogue.ours, catalogue.setting("without_tree"), "hp_at_10").mean)


def _worst(gaps: dict[int, float]) -> Check:
    known = {depth: gap for depth, gap in gaps.items() if not np.isnan(gap)}
    if not known:
        return Check(math.nan)
    depth = max(known, key=lambda d: known[d])
    return points_short(known[depth], f" at depth {depth}")


@dataclass(frozen=True)
class Target:
    """A target.

    Attributes:
        text: What it asks for.
        table: Key of the table with its figures.
        split: Of which it is told.
        check: Judges a catalogue.
    """

    text: str
    table: str
    split: str
    check: Callable[[Catalogue], Check]


TARGETS = (
    Target("Content error at most 1.02 × the better baseline’s", "gain", "items", check_ratio),
    Target("Wrong categories over all depths: at least 20% fewer", "gain", "items", check_mean_reduction),
    Target("Wrong categories at every depth: at least 10% fewer", "depths", "items", check_reductions),
    Target("At every depth at least 90% of the better ceiling", "ceilings", "items", check_ceiling),
    Target("No more collisions than RQ-KMeans", "collisions", "items", check_collisions),
    Target("No other method with the tree is better on both axes", "methods", "items", check_dominated),
    Target("`auto` reaches 95% of the best gain of a sweep at no higher cost", "sweep", "items", check_sweep),
    Target(
        "Relatedness of neighbours in categories never seen: not below λ = 0",
        "unseen",
        "leaves",
        check_unseen,
    ),
)

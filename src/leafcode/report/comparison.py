"""The figures of a run beside those of its baselines, and which differences mean something."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from leafcode.report.data import CatalogueSummary, ReportData
from leafcode.report.figures import Figures, by_index, number, section

Outcome = Literal["ahead", "level", "behind", "mixed"]

LEAST_DIFFERENCE = 0.01
"""Difference of two shares below which they count as equal, however many items were held out."""

LAMBDA_0 = "λ\u00a0=\u00a00"
BASELINES = {"lambda_0": f"codes trained without the tree ({LAMBDA_0})", "rq_kmeans": "RQ-KMeans"}
"""Baselines by key, the one that a verdict compares with first, and what a sentence calls them."""
SHORT_NAMES = {"lambda_0": LAMBDA_0, "rq_kmeans": "RQ-KMeans"}


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
        >>> round(chance_margin(0.72, 1417), 3), chance_margin(0.72, 0)
        (0.033, 0.01)
    """
    if items == 0:
        return LEAST_DIFFERENCE
    return max(LEAST_DIFFERENCE, 1.96 * math.sqrt(2 * share * (1 - share) / items))


def sign(difference: float, margin: float) -> Literal[-1, 0, 1]:
    """Which way a difference points, 0 if it is within the margin.

    Example:
        >>> sign(0.05, 0.02), sign(-0.05, 0.02), sign(0.01, 0.02)
        (1, -1, 0)
    """
    if abs(difference) < margin:
        return 0
    return 1 if difference > 0 else -1


@dataclass(frozen=True)
class Comparison:
    """What a verdict is built from.

    Attributes:
        catalogue: The catalogue in numbers.
        metrics: All figures of the run.
        accuracy: Right categories by depth (`prefix_accuracy`), where defined.
        baselines: Figures of the baselines that there are, in the order of `BASELINES`.
        depths: Depths that sentences speak of: the first two and the last; a ragged tree has many.
    """

    catalogue: CatalogueSummary
    metrics: Figures
    accuracy: dict[int, float]
    baselines: dict[str, Figures]
    depths: list[int]

    @classmethod
    def of(cls, data: ReportData) -> Comparison:
        """The comparison in a report's figures."""
        metrics = data.metrics
        accuracy = {
            d: share for d, share in by_index(metrics, "prefix_accuracy").items() if share is not None
        }
        baselines = {key: section(metrics, "baseline", key) for key in BASELINES}
        if data.settings.contrast_weight == 0:
            # The run is its own lambda = 0: a baseline of that name differs by chance only.
            baselines["lambda_0"] = {}
        found = {key: figures for key, figures in baselines.items() if figures}
        depths = sorted({*list(accuracy)[:2], *list(accuracy)[-1:]})
        return cls(data.catalogue, metrics, accuracy, found, depths)

    def depth_name(self, depth: int) -> str:
        """What a category at a depth is called in a sentence."""
        return depth_name(self.catalogue, depth)

    def gain(self, key: str, depth: int) -> float | None:
        """Right categories at a depth beyond a baseline's; None where either is undefined."""
        other = number(self.baselines.get(key, {}), "prefix_accuracy", str(depth))
        return None if other is None or depth not in self.accuracy else self.accuracy[depth] - other

    def gain_sign(self, key: str, depth: int) -> int:
        """Which way the gain points, 0 where chance may explain it or where it is undefined."""
        gain = self.gain(key, depth)
        if gain is None:
            return 0
        return sign(gain, chance_margin(self.accuracy[depth] - gain, self.catalogue.held_out))

    def outcomes(self) -> dict[str, Outcome]:
        """Where the run stands over all depths against each baseline that compares."""
        outcomes: dict[str, Outcome] = {}
        for key in self.baselines:
            signs = {self.gain_sign(key, d) for d in self.accuracy if self.gain(key, d) is not None}
            if {1, -1} <= signs:
                outcomes[key] = "mixed"
            elif signs:
                outcomes[key] = "ahead" if 1 in signs else "behind" if -1 in signs else "level"
        return outcomes

    def cost(self, key: str) -> float | None:
        """Reconstruction error beyond a baseline's, as a share of it; None where undefined."""
        error = number(self.metrics, "reconstruction")
        other = number(self.baselines.get(key, {}), "reconstruction")
        return None if error is None or not other else error / other - 1

    def ceiling(self, depth: int) -> float | None:
        """Right categories at a depth that the embedding allows: the better of k-NN and probe."""
        limits = [number(self.metrics, "ceiling", kind, str(depth)) for kind in ("knn", "probe")]
        return max((limit for limit in limits if limit is not None), default=None)


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

"""What the page of a tuning shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from leafcode.report.data import CatalogueSummary


@dataclass(frozen=True)
class TunedPoint:
    """A setting and what training with it came to on some items.

    Attributes:
        name: ``trial 7``, ``λ = 0``, ``auto``.
        parameters: What was searched, by name; the first is lambda.
        ratio: Reconstruction error as a multiple of that without the tree on the same items.
        error: Share of items whose code names the wrong category, averaged over the depths.
        reduction: By how much `error` is lower than without the tree, as a share of it; NaN where that is 0.
        collision_rate: Share of items whose full code another one has too.
        accuracy: Prefix accuracy at each depth from the top; NaN where undefined.

    Example:
        >>> TunedPoint("trial 7", {"λ": 1.3}, 1.01, 0.24, 0.1, 0.2, (0.8, 0.72)).weight
        1.3
    """

    name: str
    parameters: Mapping[str, float]
    ratio: float
    error: float
    reduction: float
    collision_rate: float
    accuracy: tuple[float, ...]

    @property
    def weight(self) -> float:
        """Lambda."""
        return next(iter(self.parameters.values()))


@dataclass(frozen=True)
class TuneData:
    """Everything that the page of a tuning shows.

    Attributes:
        title: The catalogue, for people.
        catalogue: Counts; `held_out` is the number of items that no trial saw.
        limit: How many times the reconstruction error of lambda = 0 the recommended setting may have.
        without_tree: Lambda = 0 on the items that trials are measured on.
        auto: What ``--contrast-weight auto`` reached on them.
        trials: The complete trials.
        front: Those that no other trial beats in both objectives, by rising ratio.
        recommended: The one to take, one of `front`; None if there is none.
        command: Command line that trains with the recommended setting; empty if there is none.
        checks: Settings trained again on everything but the held-out items and measured on those, lambda = 0
            first; none if nothing was held out.
        pruned: Number of trials that were stopped before their codes were trained.
        failed: Why trials failed, one text for each.
        settings: Further settings to list.
    """

    title: str
    catalogue: CatalogueSummary
    limit: float
    without_tree: TunedPoint
    auto: TunedPoint
    trials: Sequence[TunedPoint]
    front: Sequence[TunedPoint]
    recommended: TunedPoint | None = None
    command: str = ""
    checks: Sequence[TunedPoint] = ()
    pruned: int = 0
    failed: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    def checked(self, point: TunedPoint | None) -> TunedPoint | None:
        """The same setting on the held-out items; None if it was not measured there."""
        return next((one for one in self.checks if point is not None and one.name == point.name), None)

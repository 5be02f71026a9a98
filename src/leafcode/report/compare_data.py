"""What the page of a comparison is made of: the figures of every method and seed, and what they amount to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.evaluation import (
    Estimate,
    error_reduction,
    mean_error_reduction,
    mean_interval,
    reconstruction_ratio,
)
from leafcode.report.data import CatalogueSummary
from leafcode.report.figures import Figures, by_index, number, section

OURS = "tree"
"""The method that a comparison is about."""
BASELINES = ("rq_kmeans", "without_tree")
"""Methods without the tree. Gains and costs are told against whichever of them is better, seed by seed."""

_SYMBOLS = {"lambda": "λ"}


@dataclass(frozen=True)
class Setting:
    """A method with one weight of the tree, trained with several seeds.

    Attributes:
        method: Key of the method.
        title: What people call it.
        uses_tree: Whether it learns from categories.
        strength: Weight of the tree on the method's own scale; None for the method's default.
        runs: By seed: the figures of metrics.json, ``seconds`` of training, and ``settings``, what the method
            chose or was given, its weight of the tree first.
    """

    method: str
    title: str
    uses_tree: bool
    strength: float | None
    runs: Mapping[int, Figures]

    def estimate(self, *keys: str) -> Estimate:
        """Mean and interval over the seeds of the figure under a chain of keys.

        Example:
            >>> Setting("a", "A", True, None, {0: {"hp_at_10": 0.5}, 1: {}}).estimate("hp_at_10").mean
            0.5
        """
        return mean_interval([_value(run, *keys) for run in self.runs.values()])

    @property
    def dial(self) -> tuple[str, Estimate] | None:
        """Name and value of the method's weight of the tree; None for a method that reports none.

        Example:
            >>> run = {"settings": {"lambda": 1.5}}
            >>> Setting("tree", "leafcode", True, None, {0: run, 1: run}).dial[0]
            'λ'
        """
        names = [name for run in self.runs.values() for name in section(run, "settings")]
        if not self.uses_tree or not names:
            return None
        return _SYMBOLS.get(names[0], names[0]), self.estimate("settings", names[0])

    @property
    def depths(self) -> set[int]:
        """Depths of the tree with an accuracy in any run."""
        return {
            depth
            for run in self.runs.values()
            for depth, share in by_index(run, "prefix_accuracy").items()
            if share is not None
        }


@dataclass(frozen=True)
class CompareData:
    """Everything that the page shows.

    Attributes:
        title: Name of the catalogue.
        catalogue: The catalogue in numbers; its held-out items are the mean over the seeds.
        seeds: Seeds of split and training.
        split: What was held out: ``"items"`` or ``"leaves"``, that is, whole categories.
        level_sizes: Number of codes of each level, coarse to fine.
        settings: Every method in the order of tables, its default first.
        limit: Reconstruction error, as a multiple of the better baseline's, up to which a gain is worth it.
        failures: What went wrong, a sentence each.
        more: Other settings to list, by name.
    """

    title: str
    catalogue: CatalogueSummary
    seeds: Sequence[int]
    split: str
    level_sizes: Sequence[int]
    settings: Sequence[Setting]
    limit: float
    failures: Sequence[str] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def baselines(self) -> list[Setting]:
        """The methods of `BASELINES`."""
        return [setting for setting in self.settings if setting.method in BASELINES]

    @property
    def defaults(self) -> list[Setting]:
        """Every method at its default."""
        return [setting for setting in self.settings if setting.strength is None]

    @property
    def depths(self) -> list[int]:
        """Depths of the tree that were measured, from the top."""
        return sorted({depth for setting in self.settings for depth in setting.depths})

    def ratio(self, setting: Setting, rivals: Sequence[Setting] | None = None) -> Estimate:
        """Reconstruction error as a multiple of the best rival's, seed by seed.

        Args:
            setting: Whose.
            rivals: Compared with; None for the baselines. Seeds that one of them lacks take no part.
        """
        values = []
        for ours, others in _paired(setting, self.baselines if rivals is None else rivals):
            best = np.min([_value(run, "reconstruction") for run in others])
            values.append(float(reconstruction_ratio(_value(ours, "reconstruction"), best)))
        return mean_interval(values)

    def reduction(
        self, setting: Setting, rivals: Sequence[Setting] | None = None, depth: int | None = None
    ) -> Estimate:
        """By how much the share of wrong categories is lower than the best rival's, seed by seed.

        Args:
            setting: Whose.
            rivals: Compared with, the best of them at just this figure; None for the baselines.
            depth: At one depth; None for the mean over all depths.
        """
        values = []
        for ours, others in _paired(setting, self.baselines if rivals is None else rivals):
            accuracies = [_accuracy(run, self.depths) for run in (ours, *others)]
            if depth is not None:
                accuracies = [accuracy[[self.depths.index(depth)]] for accuracy in accuracies]
                values.append(np.min([error_reduction(accuracies[0], b)[0] for b in accuracies[1:]]))
            else:
                values.append(np.min([mean_error_reduction(accuracies[0], b) for b in accuracies[1:]]))
        return mean_interval(values)


def _paired(setting: Setting, rivals: Sequence[Setting]) -> list[tuple[Figures, list[Figures]]]:
    """The runs of a setting and of its rivals with each seed that all of them have."""
    seeds = [seed for seed in setting.runs if all(seed in rival.runs for rival in rivals)]
    return [(setting.runs[seed], [rival.runs[seed] for rival in rivals]) for seed in seeds if rivals]


def _accuracy(run: Figures, depths: Sequence[int]) -> npt.NDArray[np.float64]:
    return np.array([_value(run, "prefix_accuracy", str(depth)) for depth in depths])


def _value(run: Figures, *keys: str) -> float:
    value = number(run, *keys)
    return float("nan") if value is None else value

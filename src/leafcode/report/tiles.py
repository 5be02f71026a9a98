"""The figures in large type beneath the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from leafcode.report.comparison import SHORT_NAMES, Comparison, sign
from leafcode.report.figures import number, percent, points

Tone = Literal["good", "fair", "poor", "plain"]

SMALL_COST = 0.02
"""Relative difference in reconstruction error up to which content counts as kept equally well."""

_TONES: dict[int, Tone] = {1: "good", 0: "plain", -1: "poor"}


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
        note: What else there is to say, in a few words.
    """

    label: str
    value: str
    change: str = ""
    tone: Tone = "plain"
    share: float | None = None
    ceiling: float | None = None
    note: str = ""


def tiles_of(comparison: Comparison) -> list[Tile]:
    """The figures that matter most, each beside the first baseline that there is."""
    key = next(iter(comparison.baselines), "")
    against = SHORT_NAMES.get(key, "")
    tiles = []
    for depth in comparison.depths:
        share, gain, limit = (
            comparison.accuracy[depth],
            comparison.gain(key, depth),
            comparison.ceiling(depth),
        )
        tiles.append(
            Tile(
                label=f"Right {comparison.depth_name(depth)}",
                value=percent(share),
                change="" if gain is None else f"{points(gain)} points vs {against}",
                tone=_TONES[comparison.gain_sign(key, depth)],
                share=share,
                ceiling=limit,
                note="" if limit is None else f"the embedding allows {percent(limit)}",
            )
        )
    error = number(comparison.metrics, "reconstruction")
    if error is not None:
        cost, change = comparison.cost(key), ""
        if cost is not None:
            change = f"{percent(abs(cost))} {'more' if cost > 0 else 'less'} than {against}"
        tone = _TONES[-sign(cost or 0.0, SMALL_COST)]
        tiles.append(Tile("Content lost", percent(error), change, tone, note="the lower, the better"))
    collisions = number(comparison.metrics, "collision_rate")
    if collisions is not None:
        other = number(comparison.baselines.get(key, {}), "collision_rate")
        change = "" if other is None else f"{points(collisions - other)} points vs {against}"
        note = "items; a suffix keeps their IDs unique"
        tiles.append(Tile("Share a full code", percent(collisions), change, note=note))
    return tiles

"""The cells of a comparison: one method, with one weight of the tree, trained with one seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from leafcode.methods import Method


@dataclass(frozen=True)
class Cell:
    """One training.

    Attributes:
        method: Key of the method.
        strength: Weight of the tree on the method's own scale; None for the method's default.
        seed: Decides what is held out, and everything random in training.

    Example:
        >>> Cell("tree", 0.5, 2).key, str(Cell("tree", None, 0))
        ('tree.0.5.seed2', 'tree, seed 0')
    """

    method: str
    strength: float | None
    seed: int

    @property
    def key(self) -> str:
        """Name of its file, without the suffix."""
        strength = "default" if self.strength is None else repr(float(self.strength))
        return f"{self.method}.{strength}.seed{self.seed}"

    def __str__(self) -> str:
        strength = "" if self.strength is None else f" at {self.strength:g}"
        return f"{self.method}{strength}, seed {self.seed}"


def plan_cells(methods: Mapping[str, Method], seeds: Sequence[int], *, front_seeds: int) -> list[Cell]:
    """All cells, in an order in which a comparison that is stopped early says most.

    All of the first seed come first, then the next; within a seed the defaults of all methods, then the
    other strengths; and within these the methods as they stand, the quick ones first.

    Args:
        methods: By name.
        seeds: Of training and split.
        front_seeds: With so many of the seeds, the first ones, also train every method with each of its
            strengths other than the default: how a front runs shows with one, how sure a default is takes
            several.

    Example:
        >>> from leafcode.methods import METHODS
        >>> cells = plan_cells({"rq_kmeans": METHODS["rq_kmeans"]}, [0, 1], front_seeds=1)
        >>> [cell.key for cell in cells]
        ['rq_kmeans.default.seed0', 'rq_kmeans.default.seed1']
    """
    settings: list[tuple[str, float | None]] = [(name, None) for name in methods]
    settings += [
        (name, strength)
        for name, method in methods.items()
        for strength in method.strengths
        if strength != method.default
    ]
    return [
        Cell(name, strength, seed)
        for seed in seeds
        for name, strength in settings
        if strength is None or seed in seeds[:front_seeds]
    ]

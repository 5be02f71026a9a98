"""Small comparisons that the tests of the comparison's page share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leafcode.report.compare_data import CompareData, Setting
from leafcode.report.data import CatalogueSummary

SUMMARY = CatalogueSummary(items=6000, labelled=5900, held_out=1200, categories=40, depth=2)
TITLES = {"rq_kmeans": "RQ-KMeans", "without_tree": "λ = 0", "lda": "LDA", "tree": "leafcode"}


def run(top: float, leaf: float, error: float = 0.2, **more: Any) -> dict[str, Any]:
    """The figures of one cell."""
    return {
        "reconstruction": error,
        "prefix_accuracy": {"1": top, "2": leaf},
        "hp_at_10": 0.6,
        "collision_rate": 0.2,
        "ami": {"1": {"1": 0.4, "2": 0.3}, "2": {"1": 0.2, "2": None}},
        "seconds": 10.0,
        "settings": {},
    } | more


def setting(method: str, runs: Sequence[dict[str, Any]], strength: float | None = None) -> Setting:
    """A setting with seeds from 0."""
    uses_tree = method not in ("rq_kmeans", "without_tree")
    return Setting(method, TITLES[method], uses_tree, strength, dict(enumerate(runs)))


def shifted(method: str, by: float, error: float, seeds: int = 3, strength: float | None = None, **more: Any):
    """A setting whose accuracies lie `by` above those of RQ-KMeans in `baselines`, with a little noise."""
    noise = [0.0, 0.004, -0.004, 0.002, -0.002][:seeds]
    return setting(method, [run(0.7 + by + n, 0.5 + by + n, error, **more) for n in noise], strength)


def baselines(seeds: int = 3) -> list[Setting]:
    """RQ-KMeans, which is better at the tree, and lambda = 0, which is better at content."""
    return [shifted("rq_kmeans", 0.0, 0.21, seeds), shifted("without_tree", -0.02, 0.2, seeds)]


def comparison(*settings: Setting, seeds: int = 3, **changes: Any) -> CompareData:
    """A comparison of the baselines and some settings."""
    arguments: dict[str, Any] = {
        "title": "Corner shop",
        "catalogue": SUMMARY,
        "seeds": list(range(seeds)),
        "split": "items",
        "level_sizes": (16, 8),
        "settings": [*baselines(seeds), *settings],
        "limit": 1.05,
        **changes,
    }
    return CompareData(**arguments)

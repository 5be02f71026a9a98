"""Small report data that the tests of the report share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from leafcode.report import (
    CatalogueSummary,
    CodedItems,
    Neighbor,
    NeighborExample,
    ReportData,
    ReportSettings,
)

HOSTILE = """<script>alert('x')</script> "quoted" & </script> <!-- \u2028 Käse 奶酪 🧀"""

CATALOGUE = CatalogueSummary(items=6000, labelled=5900, held_out=1200, categories=40, depth=2)
SETTINGS = ReportSettings(level_sizes=(8, 8), contrast_weight=0.1, level_weights=(1.0, 0.25), seed=3)


def figures(first: float = 0.72, second: float = 0.55, error: float = 0.2) -> dict[str, Any]:
    """One set of codes' figures, as metrics.json has them."""
    return {
        "reconstruction": error,
        "prefix_accuracy": {"1": first, "2": second},
        "hp_at_10": 0.6,
        "precision_at_10": {"1": 0.62, "2": None},
        "similarity_depth_spearman": 0.7,
        "shared_prefix_at_0.9": {"1": 0.98, "2": 0.31},
        "ami": {"1": {"1": 0.4, "2": 0.3}, "2": {"1": 0.2, "2": float("nan")}},
        "utilization": {"1": 1.0, "2": 0.75},
        "perplexity": {"1": 7.1, "2": 5.0},
        "collision_rate": 0.25,
    }


def coded_items(n: int = 60, seed: int = 0) -> CodedItems:
    """Items with two levels of eight codes, a tenth of them without a category."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 8, (n, 2))
    paths = [f"Dept {row[0] % 3} > Aisle {row.sum() % 5}" if i % 10 else None for i, row in enumerate(codes)]
    return CodedItems(
        codes, np.arange(n), [f"item {i}" for i in range(n)], paths, [f"sku{i}" for i in range(n)]
    )


def full_report(**changes: Any) -> ReportData:
    """A report with everything in it; `changes` replace attributes."""
    data = ReportData(
        title="Corner shop",
        catalogue=CATALOGUE,
        settings=SETTINGS,
        metrics={
            **figures(),
            "baseline": {"lambda_0": figures(0.66, 0.49, 0.199), "rq_kmeans": figures(0.65, 0.5, 0.198)},
            "ceiling": {"knn": {"1": 0.8, "2": 0.69}, "probe": {"1": 0.78, "2": 0.7}},
        },
        items=coded_items(),
        history=[
            {"phase": "warmup", "step": 100, "contrast": 2.0, "validation": 2.0},
            {"phase": "warmup", "step": 200, "contrast": 1.5, "validation": 1.5},
            {"phase": "train", "step": 0, "reconstruction": 0.3, "validation": 0.5, "perplexity": [6.0, 5.0]},
            {
                "phase": "train",
                "step": 100,
                "reconstruction": 0.2,
                "validation": 0.4,
                "perplexity": [7.0, 5.5],
            },
        ],
        neighbors=[
            NeighborExample(
                "oat milk",
                "Dairy > Milk",
                "3_1_0",
                [
                    Neighbor("rice milk", "Dairy > Milk", "3_1_1", 2, 0.97),
                    Neighbor("oats", None, "3_4_0", 1, None),
                ],
            )
        ],
        warnings=["Level 2 is little used."],
    )
    return replace(data, **changes)

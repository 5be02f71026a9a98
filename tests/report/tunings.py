"""Tunings made up for the tests of their page and their verdict."""

from leafcode.report import CatalogueSummary
from leafcode.report.tune_data import TuneData, TunedPoint

CATALOGUE = CatalogueSummary(items=900, labelled=800, held_out=180, categories=9, depth=2)


def point(name, ratio, error, weight=1.0):
    """A setting with these objectives, beside an error of 0.4 without the tree."""
    parameters = {"λ": weight, "share of code 2": 0.25, "temperature": 0.1}
    return TunedPoint(name, parameters, ratio, error, 1 - error / 0.4, 0.2, (1 - error, float("nan")))


WITHOUT_TREE = TunedPoint("λ = 0", {"λ": 0.0}, 1.0, 0.4, 0.0, 0.1, (0.6, float("nan")))
AUTO = point("auto", 1.03, 0.31, 0.7)
TRIALS = [
    point("trial 0", 1.01, 0.3, 1.3),
    point("trial 1", 1.05, 0.2, 4.0),
    point("trial 2", 1.06, 0.25, 5.0),
]


def tuning(**changes):
    """A tuning whose first trial is recommended and was confirmed on the held-out items."""
    fields = {
        "title": "Shop",
        "catalogue": CATALOGUE,
        "limit": 1.02,
        "without_tree": WITHOUT_TREE,
        "auto": AUTO,
        "trials": TRIALS,
        "front": TRIALS[:2],
        "recommended": TRIALS[0],
        "command": "leafcode fit shop.csv --contrast-weight 1.3",
        "checks": [WITHOUT_TREE, point("auto", 1.04, 0.33, 0.8), point("trial 0", 1.015, 0.32, 1.3)],
        "pruned": 2,
        "settings": {"Seed": "0"},
    }
    return TuneData(**{**fields, **changes})

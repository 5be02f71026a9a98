"""docs/scale.md, from the points in benchmarks/results/scale.json.

Usage:
    python benchmarks/scale_page.py
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from figures import about_machine
from leafcode.files import write_text
from leafcode.report.figures import MINUS, UNDEFINED
from options import RESULTS
from result_tables import markdown
from scale_cost import COSTS, Formula, Point, fit, quantity
from scale_plan import CATEGORIES, CORES, GPU_TEXTS, SAMPLE, Row, breaks, plan

PAGE = Path(__file__).parents[1] / "docs" / "scale.md"

_INTRO = """# Scale

What every step costs as a formula, and from there what a billion items take. This page is generated:
`make scale` measures everything anew, which takes a quarter of an hour, 16 GiB of memory and 15 GB of disk.

n is the number of items, C that of the finest categories. Coefficients are fitted to measured points by least
squares of relative errors, none below zero. *Error* is the largest at these points; *unseen* is a point that
took no part in the fit, and by how much its prediction is off. Vectors are float16 of 384 dimensions,
memory-mapped, at random around 1,000 directions; the model is the default one, with 1024 × 256 × 64 codes."""

_GROUPS = {
    "items": (
        "What grows with the items",
        """Times of one process on all cores. Encoding first finds the places of all categories, then compares
each item with every one of them, about 4 · C · 128 operations for the default `tree_dim`; it does the same
for every item, so the largest size is left out. Measures grow little, because those that compare items take
16,384 held-out and 131,072 training items of any larger number; smaller catalogues, of which they take fewer,
are left out. Embedding is a rate: ten short words a text, by the packaged model.""",
    ),
    "training": (
        "Training, which does not",
        """A step sees its batch, in the first phase beside all categories; k-means sees a sample of 65,536
items. Between the first phase and the second, all items that will be drawn get their places in the tree: with
the default steps 577,536 at most. Batches are made while the step before is taken.""",
    ),
    "bytes": (
        "Bytes",
        """Memory is the peak of a process, without the pages of memory-mapped vectors, which the system takes
back when it needs them; ids of 12 characters, no texts, 1,000 categories
([what further ones take](catalog.md#big-catalogues)). `encode` takes parts of 100,000 items with vectors in
a column, and includes the registry. Texts, where they are read, come on top with their length.""",
    ),
}

_PLAN = f"""The formulas at {CATEGORIES:,} categories, with two things that were not measured: that a core
does its share of what all cores did together, and that nobody waits for the network. A machine has {CORES}
cores. The rate of a GPU is an assumption, {GPU_TEXTS:,} texts a second, which
[sentence-transformers](https://www.sbert.net/docs/sentence_transformer/pretrained_models.html) gives for a
model of this size on a V100; put in your own. [Ray workers](clusters.md) embed and encode, part by part; one
machine trains, on a sample of {SAMPLE:,} items at most; the process of the command gives the suffixes, alone.
Hours without further words are those of the machine above."""

_BREAKS = """Workers hold one part each, so nothing of theirs grows with the catalogue. The registry does:
items of equal codes are numbered in the order of the ids of all items, so one process holds ids, codes and
suffixes of all of them. Ids, paths and texts may be longer than 2 GiB in all; those of one part may not. The
limits of memory are for a machine of 64 GiB, with ids of 12 characters and without texts."""


def read_points(kept: Mapping[str, Any]) -> list[Point]:
    """The points of a result file."""
    return [Point(**one) for one in kept["points"]]


def formulas_of(points: Iterable[Point]) -> dict[str, Formula]:
    """A formula for each cost that has points enough."""
    known = list(points)
    found = {name: fit(cost, [one for one in known if one.cost == name]) for name, cost in COSTS.items()}
    return {name: formula for name, formula in found.items() if formula is not None}


def costs_table(formulas: Mapping[str, Formula], group: str) -> list[Row]:
    """Formulas with their errors."""
    rows = []
    for formula in formulas.values():
        if formula.cost.group != group:
            continue
        unseen = [one for one in formula.points if one.unseen]
        rows.append(
            {
                "step": formula.cost.title,
                "cost": str(formula),
                "points": str(len(formula.points) - len(unseen)),
                "error": f"{formula.worst:.0%}",
                "unseen": "; ".join(f"{_size(formula, one)}: {_signed(formula.off(one))}" for one in unseen)
                or UNDEFINED,
            }
        )
    return rows


def points_table(formulas: Mapping[str, Formula]) -> list[Row]:
    """Every point beside its formula."""
    return [
        {
            "step": formula.cost.title,
            "n": f"{one.items:,}",
            "C": f"{one.categories:,}" if one.categories else UNDEFINED,
            "measured": quantity(one.value, formula.cost.unit),
            "formula": quantity(formula(one.items, one.categories), formula.cost.unit),
            "off": _signed(formula.off(one)),
            "": "unseen" if one.unseen else "",
        }
        for formula in formulas.values()
        for one in formula.points
    ]


def page(kept: Mapping[str, Any]) -> str:
    """docs/scale.md, from what the result file holds."""
    points = read_points(kept)
    formulas = formulas_of(points)
    sizes = [one.items for one in points if one.cost == "read"]
    measured = "Not measured yet: what the tables leave open is to come."
    if sizes:
        measured = f"Measured: {min(sizes):,} to {max(sizes):,} items, {about_machine(kept['machine'])}."
    parts = [_INTRO, measured]
    for group, (title, words) in _GROUPS.items():
        parts += [f"## {title}", words, markdown(costs_table(formulas, group))]
    parts += ["## The plan for a billion items", _PLAN, markdown(plan(formulas, kept["machine"]["cores"]))]
    parts += ["## What breaks first", markdown(breaks(formulas, kept["sizes"])), _BREAKS]
    parts += ["## All points", markdown(points_table(formulas))]
    return "\n\n".join(parts) + "\n"


def _size(formula: Formula, point: Point) -> str:
    """What of a point its formula depends on."""
    terms = " ".join(formula.cost.terms)
    values = [("n", point.items), ("C", point.categories)]
    return ", ".join(f"{name} = {value:,}" for name, value in values if name in terms)


def _signed(share: float) -> str:
    return f"{round(100 * share):+d}%".replace("-", MINUS)


def main() -> None:
    """Write the page."""
    write_text(PAGE, page(json.loads((RESULTS / "scale.json").read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()

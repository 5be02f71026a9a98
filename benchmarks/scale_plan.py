"""What a billion items take, worked out from the formulas, and what breaks first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from leafcode.report.figures import UNDEFINED
from leafcode.training import TrainingConfig
from leafcode.training.code_objective import LATENT_SAMPLE
from scale_cost import Formula, quantity

Row = dict[str, str]

DIM = 384
CATEGORIES = 10_000
SAMPLE = 10_000_000
"""Items to train on."""
PART = 100_000
"""Items in a file."""
CORES = 16
"""Of a machine."""
RAM = 64 * 2**30
"""Of a machine, bytes."""
GPU_TEXTS = 14_200
"""Texts a second on a GPU: an assumption, see the page."""
NUMBERS = 2**31
"""Of items, in int32."""

Formulas = Mapping[str, Formula]


def plan(formulas: Formulas, cores: int, sizes: Sequence[int] = (10**7, 10**8, 10**9)) -> list[Row]:
    """Machines, hours and bytes by number of items, from formulas measured on so many cores."""
    columns = {f"{items:,} items": _column(formulas, cores, items) for items in sizes}
    names = next(iter(columns.values()))
    return [{"what": what} | {size: column[what] for size, column in columns.items()} for what in names]


def breaks(formulas: Formulas, levels: Sequence[int]) -> list[Row]:
    """What breaks at how many items, the first one first."""
    codes, ram = math.prod(levels), f"{RAM / 2**30:g} GiB"
    sized = " × ".join(map(str, levels))
    limits = [
        (
            codes,
            f"as many items as codes of {sized}",
            "suffixes tell items apart where codes should: one more level",
        ),
        (
            _most(formulas, "fit memory"),
            f"`fit` on all items, in {ram}",
            f"train on a sample; {SAMPLE:,} are plenty",
        ),
        (
            _most(formulas, "encode memory"),
            f"the registry of all items in one process, in {ram}",
            "more memory on that one machine; workers need none of it",
        ),
        (NUMBERS, "numbers of items, int32", "a registry for each part of the catalogue"),
    ]
    return [
        {"from": UNDEFINED if math.isnan(items) else f"{items:,.0f} items", "what breaks": what, "then": then}
        for items, what, then in sorted(limits, key=lambda limit: (math.isnan(limit[0]), limit[0]))
    ]


def _column(formulas: Formulas, cores: int, items: int) -> Row:
    def cost(name: str, count: int = items) -> float:
        return formulas[name](count, CATEGORIES) if name in formulas else math.nan

    trained, settings = min(items, SAMPLE), TrainingConfig()
    embed, encode = (cores * cost(name) for name in ("embed", "encode"))
    steps = (("tree", settings.tree_steps), ("content", settings.content_steps), ("codes", settings.steps))
    drawn = LATENT_SAMPLE + settings.batch_size * (settings.content_steps + settings.steps)
    training = sum(count * cost(f"{phase} step") for phase, count in steps)
    training += cost("places", min(trained, drawn)) + cost("k-means") + cost("turn")
    # Items are split twice: held-out ones first, then those that training is validated on.
    around = ("read", "digest", "split", "split", "sampler", "first batch", "encode", "assign", "write")
    return {
        "vectors, float16, on disk": quantity(2 * DIM * items, "B"),
        "codes of the parts, on disk": quantity(cost("codes file"), "B"),
        "ids.parquet, without texts": quantity(cost("ids file"), "B"),
        f"parts of {PART:,} items": f"{math.ceil(items / PART):,}",
        "`embed`, hours of a core": _hours(embed),
        "`embed`, machines for a day": _machines(embed),
        "or hours of one GPU (assumed)": _hours(items / GPU_TEXTS),
        f"`fit` on {SAMPLE:,} at most, steps, places and k-means, hours": _hours(training),
        "`fit`, what grows with the items, hours": _hours(sum(cost(name, trained) for name in around)),
        "`fit`, measures, hours": _hours(cost("measures", trained)),
        "`fit`, memory": quantity(cost("fit memory", trained), "B"),
        "`fit`, pages of vectors beside it": quantity(2 * DIM * trained, "B"),
        "`encode`, hours of a core": _hours(encode),
        "`encode`, machines for a day": _machines(encode),
        # The parts of IDs hold about as much as ids.parquet, and are written by the same process.
        "registry and IDs, hours of one process": _hours(cost("assign") + 2 * cost("write")),
        "registry, memory of that process": quantity(cost("encode memory"), "B"),
    }


def _most(formulas: Formulas, memory: str) -> float:
    """How many items fit into the memory of a machine."""
    if memory not in formulas:
        return math.nan
    fixed, each = formulas[memory].coefficients
    return (RAM - fixed) / each if each else math.nan


def _hours(seconds: float) -> str:
    hours = seconds / 3600
    return UNDEFINED if math.isnan(hours) else f"{hours:,.0f}" if hours >= 10 else f"{hours:.2g}"


def _machines(core_seconds: float) -> str:
    return UNDEFINED if math.isnan(core_seconds) else f"{math.ceil(core_seconds / (CORES * 86_400)):,}"

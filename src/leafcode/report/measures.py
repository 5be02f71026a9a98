"""The measures: what each is called, what it says in one sentence, and the table of all figures."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from leafcode.report.figures import Figures, decimal, number, percent, section

Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Measure:
    """A measure of metrics.json.

    Attributes:
        pattern: Regular expression of its key; a group in it is a parameter, such as the k of hp_at_k.
        name: What it is called; ``{}`` takes the parameter.
        meaning: What it says, in one sentence.
        better: Which way is up.
        form: Writes a value.
        index: What each of its keys counts, outermost first.
    """

    pattern: str
    name: str
    meaning: str
    better: Better
    form: Callable[[float | None], str]
    index: tuple[Literal["depth", "level"], ...] = ()


MEASURES = (
    Measure(
        "prefix_accuracy",
        "Right category from the code",
        "How often an item's category at this depth is right when it is predicted from its code alone, by "
        "the training items that share the longest prefix with it.",
        "higher",
        percent,
        ("depth",),
    ),
    Measure(
        r"hp_at_(\d+)",
        "Relatedness of {} neighbours",
        "How closely the first {} neighbours by code are related to an item in the tree, against the best "
        "{} that there are (hierarchical precision).",
        "higher",
        percent,
    ),
    Measure(
        r"precision_at_(\d+)",
        "Same category among {} neighbours",
        "Share of the first {} neighbours by code that have the item's category at this depth.",
        "higher",
        percent,
        ("depth",),
    ),
    Measure(
        "ami",
        "Agreement of codes and categories",
        "How far the codes up to a level and the categories at a depth split the items alike: 0 is what "
        "chance gives, 1 is the same split (adjusted mutual information).",
        "higher",
        decimal,
        ("level", "depth"),
    ),
    Measure(
        "reconstruction",
        "Content lost",
        "What the codes lose of an item's content: 1 − cosine of its embedding and of what its codes "
        "decode to (reconstruction error).",
        "lower",
        decimal,
    ),
    Measure(
        "similarity_depth_spearman",
        "Longer prefix, more alike",
        "Whether items that share more leading codes are more alike in content: 1 is always, 0 is no "
        "connection (Spearman correlation).",
        "higher",
        decimal,
    ),
    Measure(
        r"shared_prefix_at_(0\.\d+)",
        "Near-duplicates stay together",
        "Of the pairs with almost the same content (cosine of {} or more), the share that has the same "
        "codes up to this level.",
        "higher",
        percent,
        ("level",),
    ),
    Measure(
        "utilization",
        "Codes in use",
        "Share of the level's codes that at least one item has.",
        "higher",
        percent,
        ("level",),
    ),
    Measure(
        "perplexity",
        "Codes in effective use",
        "How many equally frequent codes would be as varied as the level's codes are; at most the size of "
        "its codebook (perplexity).",
        "higher",
        lambda value: decimal(value, 1),
        ("level",),
    ),
    Measure(
        "collision_rate",
        "Items that share a full code",
        "Share of items whose full code some other item has too; the last number of the Semantic ID tells "
        "them apart.",
        "lower",
        percent,
    ),
)

COLUMNS = (("This run", ()), ("λ = 0", ("baseline", "lambda_0")), ("RQ-KMeans", ("baseline", "rq_kmeans")))
"""Columns of the table of figures and where their figures stand."""


@dataclass(frozen=True)
class Row:
    """A row of the table: its label, a cell for each column, which of them are best, and the ceiling."""

    label: str
    cells: list[str]
    best: list[int]
    ceiling: str


@dataclass(frozen=True)
class Block:
    """The rows of one measure under its name and meaning."""

    key: str
    name: str
    meaning: str
    better: Better | None
    rows: list[Row]


def find_key(figures: Figures, pattern: str) -> tuple[str, str] | None:
    """The first key that a measure's pattern matches in full, and the parameter in it.

    Example:
        >>> find_key({"reconstruction": 0.2, "hp_at_10": 0.5}, r"hp_at_([0-9]+)")
        ('hp_at_10', '10')
    """
    for key in figures:
        match = re.fullmatch(pattern, key)
        if match:
            return key, match.group(1) if match.groups() else ""
    return None


def measure_index(key: str) -> tuple[Literal["depth", "level"], ...]:
    """What the keys beneath a measure count, outermost first.

    Example:
        >>> measure_index("ami"), measure_index("hp_at_10"), measure_index("unheard of")
        (('level', 'depth'), (), ())
    """
    return next((measure.index for measure in MEASURES if re.fullmatch(measure.pattern, key)), ())


def columns_of(figures: Figures) -> list[tuple[str, Figures]]:
    """The columns that have figures: this run, then the baselines that there are.

    Example:
        >>> [name for name, _ in columns_of({"baseline": {"rq_kmeans": {"reconstruction": 0.2}}})]
        ['This run', 'RQ-KMeans']
    """
    found = [(name, section(figures, *keys)) for name, keys in COLUMNS]
    return [(name, part) for name, part in found if part or name == "This run"]


def figure_table(figures: Figures) -> list[Block]:
    """All figures, a block a measure, unknown ones in a block of their own at the end.

    Example:
        >>> baseline = {"lambda_0": {"reconstruction": 0.2}}
        >>> block = figure_table({"reconstruction": 0.21, "baseline": baseline})[0]
        >>> block.name, block.rows
        ('Content lost', [Row(label='', cells=['0.210', '0.200'], best=[1], ceiling='')])
    """
    columns = columns_of(figures)
    blocks = []
    known = {"baseline", "ceiling"}
    for measure in MEASURES:
        found = find_key(figures, measure.pattern)
        if found is None:
            continue
        key, parameter = found
        known.add(key)
        rows = [
            _row(measure, figures, columns, key, index) for index in _indices(figures[key], measure.index)
        ]
        if rows:
            name, meaning = measure.name.replace("{}", parameter), measure.meaning.replace("{}", parameter)
            blocks.append(Block(key, name, meaning, measure.better, rows))
    others = [
        Row(".".join((key, *index)), [decimal(number(part, key, *index)) for _, part in columns], [], "")
        for key in figures
        if key not in known
        for index in _paths(figures[key])
    ]
    if others:
        blocks.append(
            Block("", "Other figures", "Figures that this report has no explanation for.", None, others)
        )
    return blocks


def _indices(value: object, index: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The index keys under a measure, in numeric order; none if it is undefined as a whole."""
    paths = [path for path in _paths(value) if len(path) == len(index) and all(map(str.isdecimal, path))]
    return sorted(paths, key=lambda path: [int(part) for part in path])


def _paths(value: object) -> list[tuple[str, ...]]:
    if isinstance(value, Mapping):
        return [(key, *rest) for key, part in value.items() for rest in _paths(part)]
    return [()]


def _row(
    measure: Measure, figures: Figures, columns: list[tuple[str, Figures]], key: str, index: tuple[str, ...]
) -> Row:
    values = [number(part, key, *index) for _, part in columns]
    ceiling = ""
    if measure.pattern == "prefix_accuracy":
        limits = [number(figures, "ceiling", kind, *index) for kind in ("knn", "probe")]
        ceiling = measure.form(max((limit for limit in limits if limit is not None), default=None))
    label = ", ".join(f"{name} {part}" for name, part in zip(measure.index, index, strict=True))
    cells = [measure.form(value) for value in values]
    return Row(label, cells, _best(values, cells, measure.better), ceiling)


def _best(values: list[float | None], cells: list[str], better: Better) -> list[int]:
    """The columns that read like the best value; none if there is nothing to choose between."""
    known = [(value, column) for column, value in enumerate(values) if value is not None]
    if len({cells[column] for _, column in known}) < 2:
        return []
    best = cells[(max if better == "higher" else min)(known)[1]]
    return [column for _, column in known if cells[column] == best]

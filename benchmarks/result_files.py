"""The committed result files, read back as the figures of comparisons."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from catalogues import CEILING
from leafcode.methods import METHODS
from leafcode.pipeline.cells import Cell
from leafcode.pipeline.compare import COST_LIMIT
from leafcode.pipeline.compare_results import settings_of
from leafcode.report.compare_data import BASELINES, OURS, CompareData, Setting
from leafcode.report.data import CatalogueSummary
from leafcode.serving.storage import read_table

TITLES = {
    "icd10cm": "ICD-10-CM, diagnoses",
    "naics_2017": "NAICS, business activities",
    "instacart": "Instacart, groceries",
    "bigbasket": "BigBasket, supermarket products",
    "usda_foods": "USDA, foods",
    "amazon_beauty": "Amazon Beauty, products",
    "onet_tools_unspsc": "O*NET, tools in UNSPSC",
    "gutenberg_books": "Gutenberg, book titles",
}
"""What people call the catalogues, in the order of tables; others follow by their folder."""

_SETTINGS = "settings."


@dataclass(frozen=True)
class Catalogue:
    """The figures of one catalogue.

    Attributes:
        name: Its folder.
        title: What people call it.
        data: Every method, weight and seed.
        ceilings: What the embedding itself allows: by seed, then by depth, the better of k-NN and probe.
    """

    name: str
    title: str
    data: CompareData
    ceilings: Mapping[int, Mapping[int, float]]

    def setting(self, method: str) -> Setting | None:
        """A method at its default; None if it has no figures."""
        return next((one for one in self.data.defaults if one.method == method), None)

    @property
    def ours(self) -> Setting | None:
        """Leafcode at its default."""
        return self.setting(OURS)

    @property
    def judged(self) -> bool:
        """Whether leafcode and both methods without the tree have figures."""
        return all(self.setting(method) is not None for method in (OURS, *BASELINES))


@dataclass(frozen=True)
class Split:
    """The figures of one way to hold out items.

    Attributes:
        about: What about.json says.
        catalogues: In the order of tables.
    """

    about: Mapping[str, Any]
    catalogues: list[Catalogue]


def read_split(results: Path, split: str) -> Split:
    """The figures that catalogues.py left for a split; none if it left nothing."""
    folder = results / split
    if not (folder / "about.json").exists():
        return Split({}, [])
    about: dict[str, Any] = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    order = list(TITLES)
    files = sorted(
        folder.glob("*.parquet"),
        key=lambda file: (order.index(file.stem) if file.stem in order else len(order), file.stem),
    )
    return Split(about, [catalogue(file.stem, read_table(file), about) for file in files])


def catalogue(name: str, table: pa.Table, about: Mapping[str, Any]) -> Catalogue:
    """The figures of one catalogue from its rows.

    Args:
        name: Its folder.
        table: With the columns of `leafcode.pipeline.compare_results.RESULTS_SCHEMA`.
        about: What about.json says.
    """
    records = records_of(table)
    known = about["catalogues"][name]
    title = TITLES.get(name, name)
    data = CompareData(
        title=title,
        catalogue=CatalogueSummary(
            **{key: known[key] for key in ("items", "labelled", "held_out", "categories", "depth")}
        ),
        seeds=sorted({cell.seed for cell in records}),
        split=about["defaults"]["split"],
        level_sizes=about["defaults"]["sizes"],
        settings=settings_of(records, METHODS),
        limit=COST_LIMIT,
    )
    return Catalogue(name, title, data, ceilings_of(table))


def records_of(table: pa.Table) -> dict[Cell, dict[str, Any]]:
    """What the files of the cells said: the inverse of `leafcode.pipeline.compare_results.results_table`."""
    records: dict[Cell, dict[str, Any]] = {}
    for row in table.to_pylist():
        if row["method"] == CEILING:
            continue
        cell = Cell(row["method"], row["strength"], row["seed"])
        record = records.setdefault(cell, {"seconds": None, "settings": {}, "metrics": {}})
        measure, place = row["measure"], [row[key] for key in ("level", "depth") if row[key] is not None]
        if measure == "seconds":
            record["seconds"] = row["value"]
        elif measure.startswith(_SETTINGS):
            record["settings"][measure.removeprefix(_SETTINGS)] = row["value"]
        else:
            part, keys = record["metrics"], [measure, *map(str, place)]
            for key in keys[:-1]:
                part = part.setdefault(key, {})
            part[keys[-1]] = row["value"]
    return records


def ceilings_of(table: pa.Table) -> dict[int, dict[int, float]]:
    """By seed and depth, the better of what k-NN and the linear probe reach on the embedding itself."""
    found: dict[int, dict[int, float]] = {}
    for row in table.to_pylist():
        if row["method"] == CEILING and row["value"] is not None:
            depths = found.setdefault(row["seed"], {})
            depths[row["depth"]] = max(row["value"], depths.get(row["depth"], 0.0))
    return found

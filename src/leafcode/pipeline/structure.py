"""A check of a taxonomy put together: figures, findings and the outlook for training, for page and file."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError
from leafcode.pipeline.outlook import Outlook, training_outlook
from leafcode.report.figures import count
from leafcode.report.structure_data import DepthRow, FindingGroup, FitRow, PairRow, StructureData
from leafcode.report.structure_page import write_structure
from leafcode.sampling.pair_counts import PairCounts
from leafcode.serving.storage import write_json, write_table
from leafcode.taxonomy import Taxonomy
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.structure import (
    ItemSpread,
    StructureFinding,
    StructureReport,
    check_structure,
    items_per_node,
    structure_findings_table,
)
from leafcode.training.config import TrainingConfig

PAGE, FIGURES, FINDINGS = "structure.html", "structure.json", "structure.parquet"
"""Names of the files that `StructureCheck.write` writes."""


@dataclasses.dataclass(frozen=True, eq=False)
class StructureCheck:
    """The check of a taxonomy.

    Attributes:
        report: Figures and findings.
        outlook: What training has to expect; None if there is no tree.
        data: What the page and the terminal show.
    """

    report: StructureReport
    outlook: Outlook | None
    data: StructureData

    def to_json(self) -> dict[str, Any]:
        """All figures and findings as a JSON object; null stands for an undefined figure."""
        report = self.report
        figures = {
            "title": self.data.title,
            "tree": report.shape and dataclasses.asdict(report.shape),
            "items": report.spread and dataclasses.asdict(report.spread),
            "fit": [row._asdict() for row in report.fit],
            "training": self.outlook and dataclasses.asdict(self.outlook),
            "findings": [found.to_json() for found in report.findings],
        }
        return {name: _plain(value) for name, value in figures.items()}

    def write(self, folder: Path) -> None:
        """Write page, figures and findings into a folder, which is made if missing.

        Raises:
            InputError: A file cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(str(folder), f"a folder that cannot be made ({error})", "a folder") from error
        write_table(folder / FINDINGS, structure_findings_table(self.report.findings))
        write_json(folder / FIGURES, self.to_json())
        write_structure(folder / PAGE, self.data)


def check_taxonomy(
    categories: CategoryGraph | Taxonomy,
    nodes: npt.NDArray[np.integer[Any]] | None = None,
    embeddings: npt.NDArray[np.floating[Any]] | None = None,
    *,
    title: str = "taxonomy",
    batch_size: int = TrainingConfig.contrast_batch_size,
) -> StructureCheck:
    """Check a taxonomy and say what training has to expect of it.

    Args:
        categories: What a reader returned, or a tree.
        nodes: Integers (n,): node of each item in the tree, -1 for unlabelled items.
        embeddings: Floats (n, D), rows of `nodes`, finite and not zero.
        title: What the page is called.
        batch_size: Items in the batches whose pairs are counted.

    Raises:
        InputError: See `check_structure`.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["A > x", "A > x", "A > y", "B"] * 4)
        >>> found = check_taxonomy(tree, nodes)
        >>> [(row.relation, round(row.uniform)) for row in found.data.pairs][:2]
        [('same category', 40), ('siblings', 32)]
    """
    report = check_structure(categories, nodes, embeddings)
    outlook = None
    if report.tree is not None and report.shape is not None:
        outlook = training_outlook(report.tree, report.shape, report.spread, nodes, batch_size)
    return StructureCheck(report, outlook, _data(report, outlook, nodes, title))


def _data(
    report: StructureReport,
    outlook: Outlook | None,
    nodes: npt.NDArray[np.integer[Any]] | None,
    title: str,
) -> StructureData:
    findings = _groups(report.findings)
    if report.shape is None or report.tree is None or outlook is None:
        return StructureData(title, [], findings=findings)
    shape, spread = report.shape, report.spread
    facts = [
        (count(shape.nodes), "categories"),
        (count(shape.leaves), "leaves"),
        (count(shape.roots), "root" if shape.roots == 1 else "roots"),
        (count(shape.depth), "level" if shape.depth == 1 else "levels"),
        (_share(shape.balance), "balance over leaves"),
    ]
    sizes: list[tuple[str, int]] = []
    if spread is not None and nodes is not None:
        facts += [
            (count(spread.items), "items"),
            *(
                [(count(spread.items - spread.labelled), "unlabelled")]
                if spread.items > spread.labelled
                else []
            ),
            (count(spread.categories), _in_use(spread)),
            (_share(spread.balance), "balance over items"),
        ]
        sizes = _sizes(items_per_node(report.tree, nodes))
    items = [None] * shape.depth if spread is None else spread.by_depth
    rows = zip(shape.nodes_by_depth, shape.leaves_by_depth, items, strict=True)
    return StructureData(
        title=title,
        facts=facts,
        depths=[DepthRow(depth, *row) for depth, row in enumerate(rows, start=1)],
        sizes=sizes,
        batch_size=outlook.batch_size,
        pairs=_pairs(outlook),
        fit=[FitRow(*row) for row in report.fit],
        points=outlook.points,
        findings=findings,
    )


def _groups(findings: Sequence[StructureFinding]) -> list[FindingGroup]:
    """Findings of one kind and severity together, in the order in which they come."""
    messages: dict[tuple[Any, str], list[str]] = {}
    for found in findings:
        messages.setdefault((found.kind, found.severity), []).append(found.message)
    return [
        FindingGroup(kind.name, severity, texts, kind.consequence, kind.advice)
        for (kind, severity), texts in messages.items()
    ]


def _pairs(outlook: Outlook) -> list[PairRow]:
    uniform, other = outlook.uniform, outlook.hierarchical
    if uniform is None:
        return []
    depths = range(len(uniform.by_depth) - 1, 0, -1)
    names = ["same category", "siblings", *(f"two categories that meet at depth {d}" for d in depths)]
    names += ["no common ancestor", "left open"]

    def figures(pairs: PairCounts) -> list[float]:
        met = [pairs.by_depth[depth] for depth in depths]
        return [pairs.same, pairs.siblings, *met, pairs.by_depth[0], pairs.left_open]

    others = [None] * len(names) if other is None else figures(other)
    return [PairRow(*row) for row in zip(names, figures(uniform), others, strict=True)]


def _sizes(filed: npt.NDArray[np.int64]) -> list[tuple[str, int]]:
    """How many categories hold 1, 2 to 3, 4 to 7, … items."""
    used = filed[filed > 0]
    counts = np.bincount(np.log2(used).astype(np.int64)) if len(used) else np.zeros(0, np.int64)
    names = ["1 item", *(f"{count(2**p)} to {count(2 ** (p + 1) - 1)}" for p in range(1, len(counts)))]
    return list(zip(names, counts.tolist(), strict=False))


def _in_use(spread: ItemSpread) -> str:
    if not spread.categories:
        return "categories in use"
    return f"categories in use, as diverse as {count(round(spread.effective))} of equal size"


def _share(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}"


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """NaN becomes null."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and np.isnan(value) else value

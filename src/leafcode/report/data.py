"""What a report is made of: plain figures, arrays and texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError
from leafcode.report.figures import Figures, check_figures


@dataclass(frozen=True)
class CatalogueSummary:
    """The catalogue in numbers.

    Attributes:
        items: Items in the catalogue.
        labelled: Items with a category.
        held_out: Items that training never saw and that every measure is taken on.
        categories: Nodes of the category tree, inner ones included.
        depth: Depth of the tree, 1 = top categories only; 0 without a tree.
        depth_names: What a category is called at each depth from the top, in the singular, such as
            ``("department", "aisle")``. Depths beyond are called by their number.

    Raises:
        InputError: A negative number, or more labelled or held-out items than items.

    Example:
        >>> CatalogueSummary(items=7083, labelled=7083, held_out=1417, categories=181, depth=2).depth
        2
    """

    items: int
    labelled: int
    held_out: int
    categories: int
    depth: int
    depth_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("items", "labelled", "held_out", "categories", "depth"):
            if getattr(self, name) < 0:
                raise InputError(f"catalogue summary: {name}", str(getattr(self, name)), "at least 0")
        for name in ("labelled", "held_out"):
            if getattr(self, name) > self.items:
                raise InputError(
                    f"catalogue summary: {name}", str(getattr(self, name)), f"at most {self.items}, all items"
                )


@dataclass(frozen=True)
class ReportSettings:
    """How the codes came to be.

    Attributes:
        level_sizes: Number of codes of each level, coarse to fine; the levels that `CodedItems` has.
        contrast_weight: Lambda as used; None where there is no such thing (RQ-KMeans).
        level_weights: Share of lambda that each level gets, coarse to fine.
        embedding_model: Name of the model behind the embeddings, if known.
        seed: Seed of training, if known.
        more: Further settings to list, name to value.

    Raises:
        InputError: No level, or a level without codes.
    """

    level_sizes: tuple[int, ...]
    contrast_weight: float | None = None
    level_weights: tuple[float, ...] = ()
    embedding_model: str | None = None
    seed: int | None = None
    more: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.level_sizes or min(self.level_sizes) < 1:
            raise InputError("settings: level_sizes", str(self.level_sizes), "one size of 1 or more a level")


@dataclass(frozen=True)
class CodedItems:
    """The items behind the code tree; row i of everything is the same item.

    Attributes:
        codes: (n, L) non-negative integers, coarse to fine.
        suffixes: (n,) integers, the last number of each Semantic ID, which makes it unique.
        texts: n texts; None where an item has none.
        paths: n category paths, joined by `separator`; None where an item has no category.
        ids: n item ids, or None to leave them out of the report.
        separator: Between the categories of a path.

    Raises:
        InputError: Lengths differ, or codes or suffixes are no integers of the right shape.

    Example:
        >>> CodedItems(np.array([[3, 1]]), np.array([0]), ["oat milk"], ["Dairy > Milk"]).codes.shape
        (1, 2)
    """

    codes: npt.NDArray[np.integer[Any]]
    suffixes: npt.NDArray[np.integer[Any]]
    texts: Sequence[str | None]
    paths: Sequence[str | None]
    ids: Sequence[str] | None = None
    separator: str = " > "

    def __post_init__(self) -> None:
        codes, suffixes = self.codes, self.suffixes
        if codes.ndim != 2 or codes.shape[1] == 0 or codes.dtype.kind not in "iu":
            raise InputError(
                "report: codes", f"shape {codes.shape}, {codes.dtype}", "an (n, L) integer array"
            )
        if codes.size and codes.min() < 0:
            raise InputError("report: codes", f"a code {codes.min()}", "codes of 0 or more")
        if suffixes.shape != codes.shape[:1] or suffixes.dtype.kind not in "iu":
            raise InputError(
                "report: suffixes",
                f"shape {suffixes.shape}, {suffixes.dtype}",
                f"{len(codes)} integers, one per row of codes",
            )
        for name in ("texts", "paths", "ids"):
            column = getattr(self, name)
            if column is not None and len(column) != len(codes):
                raise InputError(
                    f"report: {name}", f"{len(column)} entries", f"{len(codes)}, one per row of codes"
                )


@dataclass(frozen=True)
class Neighbor:
    """An item near a query by code.

    Attributes:
        text: Its text.
        path: Its category path, or None.
        semantic_id: Its Semantic ID, parts joined by ``_``.
        shared_prefix: Number of leading codes it shares with the query.
        cosine: Cosine of the quantised vectors; None or NaN where undefined.
    """

    text: str
    path: str | None
    semantic_id: str
    shared_prefix: int
    cosine: float | None


@dataclass(frozen=True)
class NeighborExample:
    """A query item and its neighbours by code, best first.

    Attributes:
        text: The query's text.
        path: Its category path, or None.
        semantic_id: Its Semantic ID.
        neighbors: The neighbours.
    """

    text: str
    path: str | None
    semantic_id: str
    neighbors: Sequence[Neighbor]


@dataclass(frozen=True)
class ReportData:
    """Everything that `render_report` shows. What is missing is left out of the report.

    Attributes:
        title: Heading, such as the name of the catalogue.
        catalogue: The catalogue in numbers.
        settings: How the codes came to be.
        metrics: Measures in the shape of metrics.json, with the optional keys ``baseline`` (of
            ``rq_kmeans`` and ``lambda_0``) and ``ceiling`` (of ``knn`` and ``probe``). None and NaN mean
            undefined and are shown as a dash.
        items: Items for the code tree, if it shall be in the report.
        history: Entries of the training history, in order, each with ``step``, ``phase`` and any of
            ``reconstruction``, ``quantization``, ``contrast``, ``validation`` and ``perplexity`` (one
            number a level).
        neighbors: Examples of neighbours by code.
        warnings: What the reader has to know, a sentence each.

    Raises:
        InputError: A figure is no number, or the items have other levels than the settings.
    """

    title: str
    catalogue: CatalogueSummary
    settings: ReportSettings
    metrics: Figures
    items: CodedItems | None = None
    history: Sequence[Mapping[str, Any]] = ()
    neighbors: Sequence[NeighborExample] = ()
    warnings: Sequence[str] = ()

    def __post_init__(self) -> None:
        check_figures(self.metrics, "metrics")
        levels = len(self.settings.level_sizes)
        if self.items is not None and self.items.codes.shape[1] != levels:
            raise InputError(
                "report: codes", f"{self.items.codes.shape[1]} levels", f"{levels}, as in level_sizes"
            )
        for index, entry in enumerate(self.history):
            if not isinstance(entry.get("step"), int | float):
                raise InputError(
                    f"history: entry {index}", f"step={entry.get('step')!r}", "a number of steps"
                )

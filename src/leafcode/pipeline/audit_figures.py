"""The figures of an audit that its page, its file and the terminal show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.audit import KINDS, PROBABLE, CategoryFinding, Kind, LabelAudit
from leafcode.catalog import Catalog
from leafcode.pipeline.audit_table import common_depth, suggestions
from leafcode.report.audit_data import (
    AuditData,
    CategoryRow,
    DepthRow,
    Finding,
    KindRow,
    MoveRow,
    ProbabilityRow,
    Side,
    SimilarItem,
    TreeFinding,
)
from leafcode.taxonomy import Taxonomy, lca_depth

LISTED = 200
"""Findings that the page lists."""
LISTED_FROM = 0.1
"""Probability from which it does."""

_ROWS = 20
_SIMILAR = 3
_BOUNDS = (1.0, 0.9, 0.7, PROBABLE, 0.3, LISTED_FROM)

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def audit_figures(
    title: str,
    catalog: Catalog,
    taxonomy: Taxonomy,
    audit: LabelAudit,
    *,
    categories: Sequence[CategoryFinding] = (),
    settings: Mapping[str, object] | None = None,
) -> AuditData:
    """Sum up an audit.

    All expected numbers are sums of probabilities.

    Args:
        title: Name of the catalogue.
        catalog: What was audited.
        taxonomy: Its tree.
        audit: The findings.
        categories: Findings about categories.
        settings: What was set, by name.
    """
    own = catalog.nodes[audit.items].astype(np.int64)
    suggested, probability = suggestions(audit, catalog.nodes), audit.probability
    summed = np.cumsum(probability[audit.order])
    expected = float(summed[-1])
    used = np.unique(own)
    return AuditData(
        title=title,
        items=len(catalog),
        labelled=len(own),
        categories=len(used),
        depth=taxonomy.max_depth,
        expected=expected,
        probable=int((probability >= PROBABLE).sum()),
        half=int(np.searchsorted(summed, expected / 2)) + 1 if expected > 0 else 0,
        kinds=_kinds(audit),
        depths=_depths(taxonomy, used, own, audit),
        probabilities=_probabilities(probability),
        moves=_moves(taxonomy, own, suggested, probability),
        doubtful=_doubtful(taxonomy, own, probability),
        findings=_findings(catalog, taxonomy, audit, own, suggested),
        tree=[_tree_finding(catalog, taxonomy, found) for found in categories],
        settings=settings or {},
    )


def _kinds(audit: LabelAudit) -> list[KindRow]:
    counts = np.bincount(audit.kind, minlength=len(KINDS)).tolist()
    sums = np.bincount(audit.kind, audit.probability, len(KINDS)).tolist()
    rows = [
        KindRow(str(kind), findings, expected)
        for kind, findings, expected in zip(KINDS, counts, sums, strict=True)
        if findings and kind != Kind.NONE
    ]
    return sorted(rows, key=lambda row: -row.expected / row.findings)


def _depths(taxonomy: Taxonomy, used: IntArray, own: IntArray, audit: LabelAudit) -> list[DepthRow]:
    """Of the depths at which any two categories in use part."""
    # In depth-first order, where any two categories meet, two that stand side by side do.
    parting = np.unique(common_depth(taxonomy, used[1:], used[:-1]))
    met = common_depth(taxonomy, own, audit.suggested)
    sums = np.bincount(met, audit.probability, taxonomy.max_depth + 1)
    return [DepthRow(int(depth), float(sums[depth])) for depth in parting]


def _probabilities(probability: FloatArray) -> list[ProbabilityRow]:
    rows = []
    for high, low in pairwise(_BOUNDS):
        within = probability[(probability >= low) & ((probability < high) | (high == 1))]
        rows.append(ProbabilityRow(low, high, len(within), float(within.sum())))
    return rows


def _moves(taxonomy: Taxonomy, own: IntArray, suggested: IntArray, probability: FloatArray) -> list[MoveRow]:
    known = np.flatnonzero(suggested >= 0)
    count = len(taxonomy)
    pairs, place = np.unique(own[known] * count + suggested[known], return_inverse=True)
    expected = np.bincount(place, probability[known], len(pairs))
    items = np.bincount(place[probability[known] >= PROBABLE], minlength=len(pairs))
    rows = []
    for pair in _largest(expected):
        given, other = divmod(int(pairs[pair]), count)
        common = int(lca_depth(taxonomy, given, other))
        paths = taxonomy.path(given), taxonomy.path(other)
        rows.append(MoveRow(*paths, common, int(items[pair]), float(expected[pair])))
    return rows


def _doubtful(taxonomy: Taxonomy, own: IntArray, probability: FloatArray) -> list[CategoryRow]:
    expected, items = np.bincount(own, probability), np.bincount(own)
    return [
        CategoryRow(taxonomy.path(node), int(items[node]), float(expected[node]))
        for node in _largest(expected)
    ]


def _largest(expected: npt.NDArray[Any]) -> list[int]:
    """Places of the largest values, those below 1 left out."""
    order: list[int] = np.argsort(-expected, kind="stable")[:_ROWS].tolist()
    return [place for place in order if expected[place] >= 1]


def _findings(
    catalog: Catalog, taxonomy: Taxonomy, audit: LabelAudit, own: IntArray, suggested: IntArray
) -> list[Finding]:
    rows = audit.order[:LISTED]
    rows = rows[audit.probability[rows] >= LISTED_FROM]
    common = common_depth(taxonomy, own[rows], suggested[rows])
    found = []
    for row, met in zip(rows.tolist(), common.tolist(), strict=True):
        item, near = int(audit.items[row]), audit.neighbors
        similar = zip(near.items[row, :_SIMILAR].tolist(), near.similarities[row].tolist(), strict=False)
        found.append(
            Finding(
                id=str(catalog.ids[item]),
                text=None if catalog.texts is None else catalog.texts[item],
                probability=float(audit.probability[row]),
                kind=str(KINDS[audit.kind[row]]),
                given=taxonomy.path(int(own[row])),
                suggested=taxonomy.path(int(suggested[row])) if suggested[row] >= 0 else None,
                common=met,
                evidence=[
                    SimilarItem(_text(catalog, other), taxonomy.path(int(catalog.nodes[other])), cosine)
                    for other, cosine in similar
                ],
            )
        )
    return found


def _tree_finding(catalog: Catalog, taxonomy: Taxonomy, found: CategoryFinding) -> TreeFinding:
    nodes = (found.node, found.other if found.other >= 0 else found.node)
    first, second = (
        Side(taxonomy.path(node), items, share, [_text(catalog, item) for item in examples.tolist()])
        for node, items, share, examples in zip(nodes, found.items, found.share, found.examples, strict=True)
    )
    return TreeFinding(str(found.kind), found.score, int(lca_depth(taxonomy, *nodes)), first, second)


def _text(catalog: Catalog, item: int) -> str:
    return str(catalog.ids[item]) if catalog.texts is None else catalog.texts[item]

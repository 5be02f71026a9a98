"""Findings about categories: those that overlap, those that could be one, and those that are two."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tqdm import tqdm

from leafcode.audit.category_groups import LEAST_ITEMS, two_groups
from leafcode.audit.category_pairs import category_pairs
from leafcode.audit.labels import LabelAudit
from leafcode.audit.neighbors import unit_vectors
from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy

IntArray = npt.NDArray[np.int64]

_OVERLAP = 0.1
"""Share of the items of both categories that look like the other's, at the least."""
_MERGE = 0.6
"""A kappa of at most 0.4 is no more than fair agreement (Landis and Koch, Biometrics 1977)."""
_SPLIT = 0.5
"""As far apart as two normal distributions at four standard deviations: hardly anything lies between."""
_EXAMPLES = 3


class CategoryKind(StrEnum):
    """Kinds of findings about categories, the value as it stands in files."""

    OVERLAP = "overlap"
    """Items of either look like items of the other."""
    MERGE = "merge"
    """Two siblings that cannot be told apart by content."""
    SPLIT = "split"
    """The items fall into two groups."""


class CategoryFinding(NamedTuple):
    """A finding about a category, or about a pair of them.

    Attributes:
        kind: What is found.
        node: The category; of a pair, the one whose items look more like the other's.
        other: The other category, -1 of a split.
        score: In [0, 1], in bounds that hold with 95% for pairs. Of an overlap, what both shares exceed; of a
            merge, 1 - kappa of telling the two apart; of a split, see `two_groups`.
        items: Items of the category, and of the other one.
        share: Share of the items of `node` that look like those of `other`, and the other way round; of a
            split, of the items that are in the first group and in the second.
        examples: Positions of a few items in the catalogue: of either category those that look most like the
            other's, or the most typical ones of either group.
    """

    kind: CategoryKind
    node: int
    other: int
    score: float
    items: tuple[int, int]
    share: tuple[float, float]
    examples: tuple[IntArray, IntArray]


def audit_categories(
    audit: LabelAudit,
    embeddings: npt.NDArray[np.floating[Any]],
    nodes: npt.NDArray[np.integer[Any]],
    taxonomy: Taxonomy,
    *,
    seed: int = 0,
    progress: bool = False,
) -> list[CategoryFinding]:
    """Find categories that overlap, siblings that could be one, and categories that are two.

    Overlaps and merges come from how the audit sees the items of each category; a pair that could be merged
    is not named as an overlap too. Splits are sought in the embeddings of each category of 20 items or more.
    None of them is an error: to tell butter from margarine, or men's from women's, the tree may have a reason
    that texts do not show.

    Args:
        audit: What `audit_labels` found.
        embeddings: Floats (n, E), those that were audited.
        nodes: (n,) category of each item, -1 for an unlabelled one.
        taxonomy: The tree.
        seed: Of the halves that a split is found on and held to.
        progress: Show a progress bar on standard error.

    Returns:
        Merges, then overlaps, then splits, the highest score first.

    Raises:
        InputError: The lengths are not those of what was audited.
    """
    nodes = np.asarray(nodes)
    if nodes.shape != (len(embeddings),) or not np.array_equal(np.flatnonzero(nodes >= 0), audit.items):
        found = f"{len(embeddings)} vectors, nodes of shape {nodes.shape} with {(nodes >= 0).sum()} labelled"
        raise InputError("nodes", found, f"those of the {len(audit.items)} items that were audited")
    labelled = _Labelled.of(audit, nodes, len(taxonomy))
    unit = unit_vectors(embeddings, labelled.items)
    return [*_pairs(audit, labelled, taxonomy), *_splits(unit, labelled, seed, progress)]


def findings_table(findings: Sequence[CategoryFinding], taxonomy: Taxonomy, ids: Sequence[str]) -> pa.Table:
    """Findings as a table, a row each, in their order.

    Columns: `kind`, `path` and `other_path` (keys of nodes, the latter null of a split), `score`, `items` and
    `other_items`, `share` and `other_share`, `examples` and `other_examples` (lists of ids); of a split, the
    latter of each pair is the second group.

    Args:
        findings: From `audit_categories`.
        taxonomy: The tree.
        ids: The id of each item of the catalogue.
    """

    def examples(side: int) -> pa.Array:
        lists = [[ids[item] for item in f.examples[side].tolist()] for f in findings]
        return pa.array(lists, pa.list_(pa.string()))

    return pa.table(
        {
            "kind": pa.array([f.kind.value for f in findings], pa.string()),
            "path": pa.array([taxonomy.keys[f.node] for f in findings], pa.string()),
            "other_path": pa.array(
                [taxonomy.keys[f.other] if f.other >= 0 else None for f in findings], pa.string()
            ),
            "score": pa.array([f.score for f in findings], pa.float32()),
            "items": pa.array([f.items[0] for f in findings], pa.int64()),
            "other_items": pa.array([f.items[1] for f in findings], pa.int64()),
            "share": pa.array([f.share[0] for f in findings], pa.float32()),
            "other_share": pa.array([f.share[1] for f in findings], pa.float32()),
            "examples": examples(0),
            "other_examples": examples(1),
        }
    )


class _Labelled(NamedTuple):
    """The labelled items, sorted by category."""

    items: IntArray
    """Positions in the catalogue, in the order of categories."""
    start: IntArray
    """Of each node, the first of its items; one more at the end."""
    near: npt.NDArray[np.integer[Any]]
    """Categories of the neighbours of each, in that order."""
    labels: npt.NDArray[np.integer[Any]]

    @classmethod
    def of(cls, audit: LabelAudit, nodes: npt.NDArray[np.integer[Any]], count: int) -> _Labelled:
        labels = nodes[audit.items]
        order = np.argsort(labels, kind="stable")
        start = np.searchsorted(labels[order], np.arange(count + 1))
        return cls(audit.items[order], start, nodes[audit.neighbors.items[order]], labels[order])

    def members(self, node: int) -> slice:
        return slice(int(self.start[node]), int(self.start[node + 1]))

    def nearest_to(self, other: int, node: int) -> IntArray:
        """The items of a node with the most neighbours in another one."""
        here = self.members(node)
        votes = (self.near[here] == other).sum(1)
        return self.items[here][np.argsort(-votes, kind="stable")[:_EXAMPLES]]


def _pairs(audit: LabelAudit, labelled: _Labelled, taxonomy: Taxonomy) -> list[CategoryFinding]:
    pairs = category_pairs(audit.confusion, labelled.labels, taxonomy)
    merge = pairs.likeness >= _MERGE
    overlap = (pairs.overlap >= _OVERLAP) & ~merge
    sizes = np.diff(labelled.start)
    findings = []
    for kind, chosen, score in (
        (CategoryKind.MERGE, merge, pairs.likeness),
        (CategoryKind.OVERLAP, overlap, pairs.overlap),
    ):
        places = np.flatnonzero(chosen)
        for place in places[np.argsort(-score[places], kind="stable")].tolist():
            a, b = int(pairs.a[place]), int(pairs.b[place])
            share = (float(pairs.share[place, 0]), float(pairs.share[place, 1]))
            items = (int(sizes[a]), int(sizes[b]))
            examples = (labelled.nearest_to(b, a), labelled.nearest_to(a, b))
            findings.append(CategoryFinding(kind, a, b, float(score[place]), items, share, examples))
    return findings


def _splits(
    unit: npt.NDArray[np.float32], labelled: _Labelled, seed: int, progress: bool
) -> list[CategoryFinding]:
    """Splits; `unit` has the vectors of the labelled items, in their order."""
    findings = []
    large = np.flatnonzero(np.diff(labelled.start) >= LEAST_ITEMS).tolist()
    for node in tqdm(large, "splits", unit="category", disable=not progress):
        here = labelled.members(node)
        items = labelled.items[here]
        groups = two_groups(unit[here], np.random.default_rng([seed, node]))
        if groups.score >= _SPLIT:
            second = int(groups.second.sum())
            sizes = (len(items) - second, second)
            share = (sizes[0] / len(items), sizes[1] / len(items))
            examples = (items[groups.typical[0][:_EXAMPLES]], items[groups.typical[1][:_EXAMPLES]])
            findings.append(
                CategoryFinding(CategoryKind.SPLIT, node, -1, groups.score, sizes, share, examples)
            )
    return sorted(findings, key=lambda finding: -finding.score)

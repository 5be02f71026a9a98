"""The audit of a catalogue's labels: how probably each item is filed wrongly, how, and where it belongs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from tqdm import tqdm

from leafcode.audit.candidates import Candidates, find_candidates
from leafcode.audit.config import AuditConfig
from leafcode.audit.duplicates import EQUAL, add_filed_apart
from leafcode.audit.evidence import NAMES, Evidence
from leafcode.audit.kinds import name_kinds
from leafcode.audit.label_model import fit_label_model
from leafcode.audit.label_noise import categories_by_common_depth
from leafcode.audit.neighbors import Neighbors, nearest_neighbors, unit_vectors
from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy

FloatArray = npt.NDArray[np.float64]

_BLOCK = 1 << 14
_UNLIKE = 0.01
"""Share of the items of all categories that are as unlike their own as an item without a fitting place."""
_ALMOST_EQUAL = 0.1
"""Distance below which two items are almost equal, on the catalogue's own scale."""


@dataclass(frozen=True, eq=False)
class LabelAudit:
    """What `audit_labels` found, an entry for each labelled item.

    Attributes:
        items: int64 (m,), position of each labelled item in the catalogue.
        probability: float64 (m,), that the item is filed wrongly.
        kind: int8 (m,), positions in `KINDS`.
        suggested: int32 (m,), the node where the item belongs if it is filed wrongly.
        neighbors: Positions (in the catalogue) and cosines of the items that speak for and against it.
        rates: float64 (D + 1,), expected share of items that are filed right, then of those moved at each
            depth of the common ancestor; they sum to 1.
        confusion: Sparse (nodes, nodes): at [a, b] how many of the items of a look like items of b.
    """

    items: npt.NDArray[np.int64]
    probability: FloatArray
    kind: npt.NDArray[np.int8]
    suggested: npt.NDArray[np.int32]
    neighbors: Neighbors
    rates: FloatArray
    confusion: sp.csr_array

    @property
    def order(self) -> npt.NDArray[np.int64]:
        """int64 (m,), positions in the arrays, the most doubtful first; of equals, the first."""
        return np.argsort(-self.probability, kind="stable")


def audit_labels(
    embeddings: npt.NDArray[np.floating[Any]],
    nodes: npt.NDArray[np.integer[Any]],
    taxonomy: Taxonomy,
    config: AuditConfig | None = None,
    *,
    neighbors: Neighbors | None = None,
    progress: bool = False,
) -> LabelAudit:
    """Find the items that are filed wrongly, from what they are like and how others like them are filed.

    For every item the categories of its nearest neighbours, its own and a few strangers are weighed by
    evidence in which the item does not speak for itself (`Evidence`). How much each kind of evidence counts,
    how often items are filed wrongly, and how far from their place, is found from the catalogue
    (`LabelModel`): no labels known to be wrong are needed, and no rate is assumed. The second pass counts
    doubtful neighbours less.

    Time grows as n · log n beyond `AuditConfig.exact` items, memory as n; nothing is held for all items and
    all categories.

    Args:
        embeddings: Floats (n, E), finite, none zero.
        nodes: (n,) category of each item, -1 for an unlabelled one, which takes no part.
        taxonomy: The tree.
        config: Settings.
        neighbors: The nearest of the *labelled* items, by position among them, if they are at hand; they do
            not depend on the categories.
        progress: Show progress bars on standard error.

    Returns:
        The findings; the same input and seed give the same, beyond `AuditConfig.exact` items on one thread.

    Raises:
        InputError: Lengths differ, a vector is zero or not finite, a node is not in the tree, there are fewer
            than 3 items or 2 categories, or an item is its own neighbour.
    """
    config = config or AuditConfig()
    nodes = np.asarray(nodes)
    if nodes.shape != (len(embeddings),):
        raise InputError("nodes", f"shape {nodes.shape}", f"one node for each of {len(embeddings)} items")
    items = np.flatnonzero(nodes >= 0)
    labels = nodes[items].astype(np.int64)
    categories = np.unique(labels)
    if len(items) < 3 or len(categories) < 2:
        found = f"{len(items)} labelled items in {len(categories)} categories"
        raise InputError("catalogue", found, "at least 3 items in 2 categories")
    if not (labels < len(taxonomy)).all():
        bad = int(items[labels.argmax()])
        raise InputError(
            f"nodes: row {bad + 1}", f"node {nodes[bad]}", f"a node in [0, {len(taxonomy)}), or -1"
        )
    unit = unit_vectors(embeddings, items)
    k = min(config.neighbors, len(items) - 1)
    near = neighbors or nearest_neighbors(unit, k, exact=config.exact, progress=progress)
    if near.items.shape != (len(items), k):
        raise InputError("neighbors", f"shape {near.items.shape}", f"({len(items)}, {k})")
    if bool((near.items == np.arange(len(items))[:, None]).any()):
        raise InputError("neighbors", "an item that is its own neighbour", "other items only")
    folds = np.random.default_rng(config.seed).permutation(len(items)) % config.folds
    catalogue = _Labelled(unit, labels, categories, taxonomy, near, folds, config)
    audit = _judge(catalogue, None, "audit", progress)
    for number in range(2, config.passes + 1):
        audit = _judge(catalogue, 1 - audit.probability, f"audit, pass {number}", progress)
    return dataclasses.replace(audit, items=items, neighbors=Neighbors(items[near.items], near.similarities))


@dataclass(frozen=True, eq=False)
class _Labelled:
    """The labelled items, and what stays the same from pass to pass."""

    unit: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    categories: npt.NDArray[np.int64]
    taxonomy: Taxonomy
    near: Neighbors
    folds: npt.NDArray[np.int64]
    config: AuditConfig

    def candidates(self, items: npt.NDArray[np.int64]) -> Candidates:
        return find_candidates(
            self.labels[items],
            self.labels[self.near.items[items]],
            self.categories,
            self.taxonomy,
            self.config.strangers,
            np.random.default_rng([self.config.seed, int(items[0])]),
        )


def _judge(catalogue: _Labelled, trust: FloatArray | None, title: str, progress: bool) -> LabelAudit:
    """One pass: evidence, the model that weighs it, and its verdict on every item."""
    taxonomy, labels, near, config = catalogue.taxonomy, catalogue.labels, catalogue.near, catalogue.config
    n = len(labels)
    evidence = Evidence(catalogue.unit, labels, taxonomy, near, catalogue.folds, trust)
    relatives = categories_by_common_depth(taxonomy, catalogue.categories)
    sample = np.sort(np.random.default_rng(config.seed).permutation(n)[: config.sample])
    candidates = catalogue.candidates(sample)
    features = evidence.features(sample, candidates)
    model = fit_label_model(features, candidates, relatives)
    likeness = NAMES.index("likeness to its mean")
    usual = np.quantile(features[candidates.own, likeness], _UNLIKE)

    probability, suggested, kind = np.empty(n), np.empty(n, np.int32), np.empty(n, np.int8)
    confusion = sp.csr_array((len(taxonomy), len(taxonomy)))
    moved = np.zeros(taxonomy.max_depth)
    for first in tqdm(range(0, n, _BLOCK), title, unit="block", disable=not progress):
        items = np.arange(first, min(first + _BLOCK, n))
        candidates = catalogue.candidates(items)
        features = evidence.features(items, candidates)
        places = model.probabilities(features, candidates)
        equal = near.similarities[items] >= 1 - EQUAL
        moves = model.moves(places, candidates, relatives)
        moves = add_filed_apart(moves, places, candidates, equal, config.filed_apart)
        # One category each: a stranger's share is that of all it stands for.
        elsewhere = np.where(candidates.is_own, -1.0, moves / np.exp(candidates.log_count))
        probability[items] = np.minimum(candidates.sums(moves), 1)  # a sum may be a rounding above
        away = ~candidates.is_own
        moved += np.bincount(candidates.common_depth[away], moves[away], len(moved))
        suggested[items] = candidates.node[candidates.best(elsewhere)]
        other = labels[near.items[items]] != labels[items, None]
        alike = near.similarities[items] >= 1 - _ALMOST_EQUAL * evidence.scale
        kind[items] = name_kinds(
            labels[items],
            candidates,
            places,
            moves,
            taxonomy,
            unlike=np.maximum.reduceat(features[:, likeness], candidates.start) < usual,
            duplicate=(other & alike).any(axis=1),
        )
        # Without the strangers, which stand for others.
        known = candidates.log_count == 0
        pairs = (labels[items][candidates.row[known]], candidates.node[known])
        confusion += sp.csr_array((places[known], pairs), shape=confusion.shape)
    rates = np.append(1 - probability.mean(), moved / n)
    return LabelAudit(np.arange(n), probability, kind, suggested, near, rates, confusion)

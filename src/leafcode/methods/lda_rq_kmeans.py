"""RQ-KMeans whose first code also sees a linear discriminant of the categories."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import Tensor

from leafcode.errors import TrainingError
from leafcode.methods.kmeans_codes import quantizer_codes, unit_vectors
from leafcode.methods.method import Method, Task, TrainedMethod
from leafcode.methods.network import need_taxonomy
from leafcode.quantizers import ResidualQuantizer
from leafcode.taxonomy import Taxonomy

_COMPONENTS = 128
_ITEMS_PER_CATEGORY = 4
_SHRINKAGE = 0.01
"""Share of the identity in the covariances: fewer items than dimensions leave them singular."""


class LDARQKMeans(Method):
    """K-means in ``[x ; sqrt(a) · g(x)]`` for code 1, and RQ-KMeans on what is left of x from code 2 on.

    x is the embedding at unit length, g a linear discriminant analysis (Fisher 1936) of the categories at
    their most telling depth, see `discriminant_labels`. The codewords are means of x, so the discriminant has
    a say in which items belong together and costs content nowhere else. The strength is a.

    No network, a few seconds, and hard to beat.
    """

    name = "lda_rq_kmeans"
    title = "LDA + RQ-KMeans"
    uses_tree = True
    strengths = (1.0, 2.0, 4.0)
    default = 1.0

    def train(self, task: Task, strength: float | None = None) -> TrainedMethod:
        """Fit the discriminant, then the codebooks."""
        weight = self.default if strength is None else strength
        taxonomy = need_taxonomy(task, self.title)
        unit = unit_vectors(task.embeddings, torch.float64)
        depth, labels = discriminant_labels(task.nodes, taxonomy)
        discriminant = Discriminant.fit(unit.numpy(), labels)
        points = discriminant.extend(unit).float()

        dim, levels = task.shape.embedding_dim, len(task.shape.sizes)
        metric = torch.ones(levels, points.shape[1])
        metric[0, dim:], metric[1:, dim:] = weight, 0.0
        quantizer = ResidualQuantizer(points.shape[1], task.shape.sizes, metric=metric).to(task.device)
        quantizer.fit(points.to(task.device), torch.Generator().manual_seed(task.training.seed))
        found = {"a": weight, "depth": float(depth), "components": float(points.shape[1] - dim)}
        return TrainedMethod(partial(quantizer_codes, quantizer, extend=discriminant.extend), found)


class Discriminant(NamedTuple):
    """A linear map g of unit vectors, with mean 0 and mean square length 1 on the items it was fitted on."""

    center: Tensor
    """float64 (E,)"""
    axes: Tensor
    """float64 (E, G)"""

    @classmethod
    def fit(cls, unit: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> Discriminant:
        """Fit on unit vectors (n, E) with labels (n,), -1 for items to leave out.

        Raises:
            TrainingError: Fewer than two categories of at least two items, or no spread within them.
        """
        categories, index, counts = np.unique(labels, return_inverse=True, return_counts=True)
        # A single item says nothing of how far a category spreads.
        known = (labels >= 0) & (counts[index] >= 2)
        if np.count_nonzero((categories >= 0) & (counts >= 2)) < 2:
            raise TrainingError("Linear discriminant analysis takes two categories of two items at least.")
        analysis = LinearDiscriminantAnalysis(solver="eigen", shrinkage=_SHRINKAGE)
        try:
            axes = analysis.fit(unit[known], labels[known]).scalings_
        except np.linalg.LinAlgError as error:
            raise TrainingError(
                "Linear discriminant analysis found no spread within categories: their items are identical."
            ) from error
        axes = axes[:, : min(_COMPONENTS, len(analysis.classes_) - 1)]
        center = unit[known].mean(0)
        length = np.sqrt(np.square((unit[known] - center) @ axes).sum(1).mean())
        return cls(torch.from_numpy(center), torch.from_numpy(axes / length))

    def extend(self, unit: Tensor) -> Tensor:
        """Unit vectors (B, E) in float64 with g behind them (B, E + G)."""
        return torch.cat([unit, (unit - self.center) @ self.axes], dim=1)


def discriminant_labels(
    nodes: npt.NDArray[np.integer[Any]], taxonomy: Taxonomy
) -> tuple[int, npt.NDArray[np.int64]]:
    """The depth at which categories are told apart, and the category of each item there.

    The tree is cut at a depth: what lies beneath counts as the category at the cut, and leaves above it stay
    as they are. It is the deepest depth at which the categories of the cut have at least 4 labelled items on
    average; depth 1 if there is none. Items filed on an inner node above the cut are left out, for they may
    belong to any category beneath.

    Args:
        nodes: (n,) node of each item, -1 for unlabelled items.
        taxonomy: The tree.

    Returns:
        The depth, and int64 (n,) nodes, -1 for items that are left out.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["A > x"] * 4 + ["A > y"] * 2 + ["B > z", "B > u", "B", None])
        >>> depth, labels = discriminant_labels(nodes, tree)
        >>> depth, [tree.keys[node] if node >= 0 else None for node in labels]
        (1, ['A', 'A', 'A', 'A', 'A', 'A', 'B', 'B', 'B', None])
    """
    for depth in range(taxonomy.max_depth, 0, -1):
        at_depth = taxonomy.ancestors[:, depth - 1]
        cut = np.where(at_depth >= 0, at_depth, np.where(taxonomy.is_leaf, np.arange(len(taxonomy)), -1))
        labels = np.where(nodes >= 0, cut[nodes], -1).astype(np.int64)
        known = labels[labels >= 0]
        if depth == 1 or len(known) >= _ITEMS_PER_CATEGORY * len(np.unique(known)) > 0:
            break
    return depth, labels

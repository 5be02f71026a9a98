"""Prototypes of categories that stay where an encoder's own items put them before it is trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from leafcode.errors import InputError
from leafcode.integrations._labels import rows_of
from leafcode.losses import prototype_contrastive_loss
from leafcode.taxonomy import Grades, Taxonomy, ancestor_rows, find_categories


class CategoryPrototypes(nn.Module):
    """`prototype_contrastive_loss` against fixed prototypes: the means of the finest categories' items.

    A batch holds texts of a few dozen categories, and a loss on its pairs tells no others apart. Here every
    text is drawn to the place that its category had before training, and driven from those of all other
    categories. Places that stay keep what the encoder knew, and there is nothing of the loss to save.

    Args:
        taxonomy: The category tree.
        nodes: (n,) node of each item, -1 for unlabelled items.
        embeddings: Floats (n, D) of the items, by the encoder as it is before training.
        grades: Weight of each depth, as two items of a category have it that meet there; see
            `Grades.along_paths`. `Grades.by_depth` of the tree's depth if left out.
        temperature: Positive divisor of the cosines.

    Attributes:
        vectors: float32 (C, D), the prototypes, of unit length, in the order of the tree.

    Raises:
        InputError: Shapes do not fit, an embedding is not finite, a node is none of the tree's, or fewer than
            two categories have items.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["A > x", "A > x", "A > y", "B"])
        >>> embeddings = np.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]])
        >>> prototypes = CategoryPrototypes(tree, nodes, embeddings)
        >>> prototypes.vectors.shape
        torch.Size([3, 2])
        >>> round(prototypes(torch.tensor([[1.0, 0.0]]), torch.tensor([nodes[0]])).item(), 4)
        0.0202
    """

    vectors: Tensor
    spans: Tensor
    weights: Tensor

    def __init__(
        self,
        taxonomy: Taxonomy,
        nodes: npt.NDArray[np.integer[Any]],
        embeddings: npt.NDArray[np.floating[Any]],
        grades: Grades | None = None,
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        nodes = np.asarray(nodes)
        if embeddings.ndim != 2 or nodes.shape != embeddings.shape[:1]:
            found = f"shapes {nodes.shape} and {embeddings.shape}"
            raise InputError("nodes and embeddings", found, "(n,) and (n, D)")
        if not np.isfinite(embeddings).all():
            raise InputError("embeddings", "a NaN or an infinity", "finite numbers")
        # One more row than there are nodes: the last, which -1 finds, is that of unlabelled items.
        every = np.append(np.arange(len(taxonomy)), -1)
        rows_of(torch.from_numpy(nodes), torch.from_numpy(every))
        categories = find_categories(nodes, taxonomy, every)
        if len(categories.nodes) < 2:
            told = f"{len(categories.nodes)} categories with items"
            raise InputError("nodes", told, "at least two")
        own = np.isin(
            nodes, categories.nodes
        )  # an item on an inner node may belong to any category beneath it
        sums = np.zeros((len(categories.nodes), embeddings.shape[1]))
        np.add.at(sums, np.searchsorted(categories.nodes, nodes[own]), embeddings[own])
        grades = Grades.by_depth(taxonomy.max_depth) if grades is None else grades
        weights = grades.along_paths(ancestor_rows(taxonomy, every))[:, categories.depths - 1]
        self.temperature = temperature
        buffers = (
            ("vectors", F.normalize(torch.from_numpy(sums), dim=1).float()),
            ("spans", torch.from_numpy(categories.item_spans)),
            ("weights", torch.from_numpy(weights)),
        )
        for name, value in buffers:
            self.register_buffer(name, value, persistent=False)

    def count(self, labels: Tensor) -> Tensor:
        """Number of labels (B,) that the loss is a mean over: of those with a category; int64 scalar."""
        rows = rows_of(labels, self.spans)
        filled = self.spans[rows, :, 0] < self.spans[rows, :, 1]
        return (filled & (self.weights[rows] > 0)).any(1).sum()

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Loss of embeddings (B, D) with node ids (B,), -1 for unlabelled; a scalar.

        Raises:
            InputError: Shapes do not fit, or a label is no node id.
        """
        rows = rows_of(labels, self.spans)
        spans, weights = self.spans[rows], self.weights[rows]
        return prototype_contrastive_loss(
            embeddings, self.vectors, spans, weights=weights, temperature=self.temperature
        )

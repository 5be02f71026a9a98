"""Graded contrast on the encoder's output or on the codes, jointly with reconstruction and quantisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from leafcode.errors import InputError
from leafcode.losses import GradedContrastiveLoss
from leafcode.quantizers import RQVAE, RQVAEOutput
from leafcode.taxonomy import Grades, Taxonomy, TreeRelevance
from leafcode.training.code_term import CodeTerm, LongArray, cumulative_sums
from leafcode.training.config import TrainingConfig
from leafcode.training.tree_batches import TreeBatches

Place = Literal["encoder", "sums", "both"]
Batches = Literal["uniform", "literal", "two_streams"]


class ContrastTerm(CodeTerm):
    """The contrastive term as the literature has it: its gradient trains the encoder, the codes, or both.

    With `Grades` of the same leaf only, on the encoder and uniform batches, this is supervised contrastive
    learning (Khosla et al. 2020). With graded pairs and ``"literal"`` batches it is the recipe that Instacart
    published (2026), save that parents are drawn by their number of items: see `HierarchicalBatchSampler`.

    Args:
        nodes: (n,) node of each item, -1 for unlabelled items, which take no part.
        taxonomy: The tree.
        config: Settings of the hierarchical batches.
        weight: Factor before the loss.
        grades: Which pairs are alike, and how much; None for by depth.
        temperature: Of the loss.
        place: ``"encoder"`` for the content part of the latents, ``"sums"`` for the sum of the codewords up
            to each level, with a gradient to them and straight through to the encoder, ``"both"`` for the
            sum of the two losses.
        level_weights: Of the levels in ``"sums"``, which are averaged; None for equal ones.
        batches: ``"uniform"`` for those of reconstruction, ``"literal"`` for hierarchical ones that carry
            every loss, ``"two_streams"`` for hierarchical ones that carry this term alone.

    Raises:
        InputError: A place or kind of batches of another name.
    """

    nodes: Tensor
    ancestors: Tensor

    def __init__(
        self,
        nodes: npt.NDArray[np.integer[Any]],
        taxonomy: Taxonomy,
        config: TrainingConfig,
        *,
        weight: float,
        grades: Grades | None = None,
        temperature: float = 0.1,
        place: Place = "encoder",
        level_weights: Sequence[float] | None = None,
        batches: Batches = "uniform",
    ) -> None:
        super().__init__(weight)
        for name, value, allowed in (("place", place, Place), ("batches", batches, Batches)):
            if value not in get_args(allowed):
                raise InputError(name, repr(value), " or ".join(map(repr, get_args(allowed))))
        self.grades = grades or Grades.by_depth(taxonomy.max_depth)
        self.temperature = temperature
        self.place, self.batches, self.level_weights = place, batches, level_weights
        self.replaces_uniform = batches == "literal"
        self._source, self._taxonomy, self._config = np.asarray(nodes), taxonomy, config
        self._hierarchical: TreeBatches | None = None
        self._contrast = GradedContrastiveLoss(self.grades.levels, temperature=self.temperature)
        self.register_buffer("nodes", torch.from_numpy(self._source.astype(np.int64)), persistent=False)
        self.register_buffer("ancestors", torch.from_numpy(np.array(taxonomy.ancestors)), persistent=False)

    def prepare(self, train: LongArray) -> None:
        """Set up the hierarchical batches of the items to train on."""
        if self.batches != "uniform":
            self._hierarchical = TreeBatches(self._source, self._taxonomy, self._config, train)

    def batch(self, step: int) -> LongArray | None:
        """A hierarchical batch, or None for the uniform one."""
        return None if self._hierarchical is None else self._hierarchical.batch(step)

    def loss(self, model: RQVAE, output: RQVAEOutput, items: LongArray) -> Tensor:
        """Contrastive loss of the content of latents, of codeword sums, or both."""
        relevance = self._relevance(items)
        dim = model.config.embedding_dim
        total = output.latents.new_zeros(())
        if self.place != "sums":
            total = total + self._contrast(output.latents[:, :dim], relevance).loss
        if self.place != "encoder":
            sums = cumulative_sums(output, dim)
            weights = self.level_weights or (1.0,) * sums.shape[1]
            if len(weights) != sums.shape[1]:
                raise InputError(
                    "level_weights", f"{len(weights)} weights", f"{sums.shape[1]}, one per level"
                )
            for level, weight in enumerate(weights):
                total = total + weight / sum(weights) * self._contrast(sums[:, level], relevance).loss
        return total

    def identity(self) -> dict[str, Any]:
        """Settings."""
        return super().identity() | {
            "grades": [self.grades.kind, *self.grades.table],
            "temperature": self.temperature,
            "place": self.place,
            "level_weights": None if self.level_weights is None else list(self.level_weights),
            "batches": self.batches,
        }

    def _relevance(self, items: LongArray) -> TreeRelevance:
        nodes = self.nodes[torch.from_numpy(items).to(self.nodes.device)]
        # An unlabelled item would take the last row.
        return TreeRelevance(self.grades, self.ancestors[nodes].masked_fill((nodes < 0)[:, None], -1))

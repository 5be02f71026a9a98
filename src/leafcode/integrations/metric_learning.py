"""Pairs from the tree for the losses of pytorch-metric-learning."""

from __future__ import annotations

import torch
from pytorch_metric_learning.miners import BaseMiner
from torch import Tensor

from leafcode.errors import InputError
from leafcode.integrations._labels import ancestor_table, ancestors_of
from leafcode.taxonomy import Grades, Taxonomy

IndicesTuple = tuple[Tensor, Tensor, Tensor, Tensor]
"""Anchors and their positives, anchors and their negatives: int64, each pair of tensors of one length."""


def pairs_from_relevance(
    relevance: Tensor, *, positive: float = 1.0, negative: float = 0.0, in_batch: bool = True
) -> IndicesTuple:
    """Positive and negative pairs of a relevance matrix, as the ``indices_tuple`` of pytorch-metric-learning.

    These losses know positives and negatives, no grades: a pair is positive where its relevance reaches
    ``positive``, negative where it is at most ``negative``, and takes part in nothing between them or where
    it is NaN.

    Args:
        relevance: (B, C), from `Grades.matrix` for example: row i holds the relevance of every item to anchor
            i, NaN for pairs to leave out.
        positive: Least relevance of a positive pair; lower by a rounding error reaches it too.
        negative: Greatest relevance of a negative pair, less than ``positive``.
        in_batch: Whether the columns are the anchors themselves, so that C = B and the diagonal is left out;
            false for a loss that is given ``ref_emb``.

    Returns:
        anchors (P,), positives (P,), anchors (N,), negatives (N,), in the order of the rows.

    Raises:
        InputError: The shape does not fit, or ``negative`` is not less than ``positive``.

    Example:
        >>> relevance = torch.tensor([[1.0, 1.0, 0.5, 0.0], [1.0, 1.0, 0.5, torch.nan]])
        >>> [part.tolist() for part in pairs_from_relevance(relevance, in_batch=False)]
        [[0, 0, 1, 1], [0, 1, 0, 1], [0], [3]]
        >>> [part.tolist() for part in pairs_from_relevance(relevance[:, :2], positive=0.5)]
        [[0, 1], [1, 0], [], []]
    """
    if relevance.ndim != 2 or (in_batch and relevance.shape[0] != relevance.shape[1]):
        expected = "(B, B)" if in_batch else "(B, C)"
        raise InputError("relevance", f"shape {tuple(relevance.shape)}", f"shape {expected}")
    if not negative < positive:
        raise InputError("negative", f"{negative}", f"less than positive = {positive}")
    slack = 2 * torch.finfo(torch.float32).eps
    is_positive, is_negative = relevance >= positive - slack, relevance <= negative + slack
    if in_batch:
        is_positive.fill_diagonal_(False)
        is_negative.fill_diagonal_(False)
    anchors, positives = torch.where(is_positive)
    others, negatives = torch.where(is_negative & ~is_positive)
    return anchors, positives, others, negatives


class TaxonomyMiner(BaseMiner):  # type: ignore[misc]  # the library has no types
    """Miner that takes positive and negative pairs from a category tree.

    It mines nothing hard or easy: it says which pairs are positive, which negative, and which the tree leaves
    open; see `pairs_from_relevance`. Labels are node ids, -1 for an unlabelled item. Pass its result as
    ``indices_tuple`` to a loss, without labels.

    Args:
        taxonomy: The category tree.
        grades: How much two categories count as alike; `Grades.default` if left out: 1, siblings 0.5, else 0.
        positive: Least relevance of a positive pair.
        negative: Greatest relevance of a negative pair.

    Raises:
        InputError: ``negative`` is not less than ``positive``; on a call, a label is no node id.

    References:
        Musgrave, Belongie and Lim, "PyTorch Metric Learning", 2020.

    Example:
        >>> from pytorch_metric_learning.losses import SupConLoss
        >>> tree, nodes = Taxonomy.from_paths(["A > x", "A > x", "A > y", "B > z"])
        >>> embeddings = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]])
        >>> miner = TaxonomyMiner(tree, positive=0.5)  # siblings are positives too
        >>> pairs = miner(embeddings, torch.from_numpy(nodes))
        >>> [part.tolist() for part in pairs][:2]
        [[0, 0, 1, 1, 2, 2], [1, 2, 0, 2, 0, 1]]
        >>> round(SupConLoss()(embeddings, indices_tuple=pairs).item(), 4)
        1.38
    """

    def __init__(
        self,
        taxonomy: Taxonomy,
        grades: Grades | None = None,
        *,
        positive: float = 1.0,
        negative: float = 0.0,
    ) -> None:
        super().__init__()
        if not negative < positive:
            raise InputError("negative", f"{negative}", f"less than positive = {positive}")
        self.grades = Grades.default() if grades is None else grades
        self.positive, self.negative = positive, negative
        self.register_buffer("ancestors", ancestor_table(taxonomy), persistent=False)

    def mine(self, embeddings: Tensor, labels: Tensor, ref_emb: Tensor, ref_labels: Tensor) -> IndicesTuple:
        """Pairs of the labels (B,) with the reference labels (C,), which are themselves without reference."""
        in_batch = ref_labels is labels
        rows = ancestors_of(labels, self.ancestors)
        others = rows if in_batch else ancestors_of(ref_labels, self.ancestors)
        relevance = self.grades.matrix(rows, others).to(embeddings.device)
        return pairs_from_relevance(
            relevance, positive=self.positive, negative=self.negative, in_batch=in_batch
        )

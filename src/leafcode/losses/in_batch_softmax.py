"""In-batch softmax of two-tower retrieval, whose negatives are no items like the positive."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from leafcode.errors import InputError
from leafcode.losses._checks import check_embeddings, check_matrix, check_temperature
from leafcode.losses._vectors import unit_rows

_SLACK = 1e-6  # by which a relevance may pass 1 through rounding


class InBatchSoftmaxOutput(NamedTuple):
    """What `in_batch_softmax_loss` returns.

    Attributes:
        loss: Scalar, float32 or float64: mean over the anchors; 0 if there is none. Carries the gradient.
        anchors: Scalar int64: number of queries with at least one negative. Where it is 0 the loss says
            nothing, so report it beside the loss.
        per_anchor: Shape (B,), detached: the loss of each query, NaN for queries without a negative.
    """

    loss: Tensor
    anchors: Tensor
    per_anchor: Tensor


def in_batch_softmax_loss(
    queries: Tensor,
    items: Tensor,
    *,
    relevance: Tensor | None = None,
    log_frequency: Tensor | None = None,
    temperature: float = 0.1,
) -> InBatchSoftmaxOutput:
    """Sampled softmax of each query's own item against the items of the other queries.

    Let s_ij be the cosine of query i and item j, divided by the temperature, and q_j the frequency with which
    item j is sampled. With r_ij the relevance of item j to item i, the one that query i should find::

        c_ij = s_ij - log q_j
        l_i  = -c_ii + log( exp(c_ii) + sum over j != i of (1 - r_ij) · exp(c_ij) )
        loss = mean of l_i over the queries that have a negative: an item j != i with r_ij < 1

    Without relevance every other item is a full negative, and this is the batch softmax with the correction
    for sampling bias of Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item
    Recommendations" (RecSys 2019, section 3): popular items are in many batches, and without log q they are
    pushed away too often. Relevance takes the false negatives out: an item of the same category (1) is no
    negative, a sibling (0.5) half of one, and so is a second copy of the query's own item (1).

    Similarities and sums are taken in float32 (float64 for float64 input), also under autocast. Non-finite
    embeddings give a NaN loss. Checking relevance and frequencies waits for the device.

    Args:
        queries: Floating point (B, D); need not be normalised.
        items: Floating point (B, D): row i is the item that query i should find.
        relevance: (B, B) in [0, 1] on the same device, between the items; see
            `leafcode.taxonomy.Grades.matrix`. NaN leaves an item out of a row. The diagonal has no influence.
            An unlabelled item is NaN throughout: ``relevance.nan_to_num(0.0)`` keeps it as a negative. None
            for no relevance between different rows.
        log_frequency: (B,) finite: logarithm of the frequency of each item, up to a constant, for example of
            its count in the training data. None if all items are sampled alike.
        temperature: Positive divisor of the cosines.

    Returns:
        The loss, the number of anchors and the loss of each anchor. Without a negative the loss is zero and
        so are its gradients.

    Raises:
        InputError: Shapes or dtypes do not fit, a relevance lies outside [0, 1], a frequency is not finite,
            or the temperature is not positive.

    Example:
        >>> queries = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> items = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
        >>> plain = in_batch_softmax_loss(queries, items, temperature=1.0)
        >>> [round(value, 4) for value in plain.per_anchor.tolist()]
        [0.7121, 0.9824, 1.202]
        >>> relevance = torch.tensor([[1, 0, 0], [0, 1, 0.5], [0, 0.5, 1]])  # the last two are siblings
        >>> graded = in_batch_softmax_loss(queries, items, relevance=relevance, temperature=1.0)
        >>> [round(value, 4) for value in graded.per_anchor.tolist()]
        [0.7121, 0.7227, 0.9796]
    """
    temperature = check_temperature(temperature)
    _check_batch(queries, items, relevance, log_frequency)
    with torch.autocast(queries.device.type, enabled=False):
        query_vectors = unit_rows(queries)
        logits = query_vectors @ unit_rows(items).to(query_vectors.dtype).T / temperature
        if log_frequency is not None:
            logits = logits - log_frequency.to(logits.dtype)
        log_weights = _log_weights(logits, relevance)
        is_anchor = (log_weights > -math.inf).sum(1) > 1
        per_anchor = torch.logsumexp(logits + log_weights, dim=1) - logits.diagonal()
        # A query without a negative has a loss of 0 anyway; a NaN must come through.
        anchors = is_anchor.sum()
        loss = per_anchor.sum() / anchors.clamp_min(1)
        nan = torch.full_like(per_anchor, math.nan)
        return InBatchSoftmaxOutput(loss, anchors, torch.where(is_anchor, per_anchor.detach(), nan))


class InBatchSoftmaxLoss(nn.Module):
    """`in_batch_softmax_loss` with its temperature fixed; has no parameters.

    Args:
        temperature: Positive divisor of the cosines.

    Raises:
        InputError: The temperature is not positive.

    Example:
        >>> criterion = InBatchSoftmaxLoss(temperature=0.2)
        >>> criterion
        InBatchSoftmaxLoss(temperature=0.2)
        >>> round(criterion(torch.eye(3), torch.eye(3)).loss.item(), 4)
        0.0134
    """

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__()
        self.temperature = check_temperature(temperature)

    def forward(
        self,
        queries: Tensor,
        items: Tensor,
        *,
        relevance: Tensor | None = None,
        log_frequency: Tensor | None = None,
    ) -> InBatchSoftmaxOutput:
        """Loss of one batch: queries and items (B, D), relevance (B, B); see `in_batch_softmax_loss`."""
        return in_batch_softmax_loss(
            queries, items, relevance=relevance, log_frequency=log_frequency, temperature=self.temperature
        )

    def extra_repr(self) -> str:
        """The temperature, for ``print(module)``."""
        return f"temperature={self.temperature}"


def _log_weights(logits: Tensor, relevance: Tensor | None) -> Tensor:
    """Logarithm of the weight (B, B) of each item in the sum of a query: 0 on the diagonal."""
    if relevance is None:
        return torch.zeros_like(logits)
    weights = (1 - relevance.to(logits.dtype)).clamp_min(0)
    return weights.nan_to_num(0.0).fill_diagonal_(1.0).log()


def _check_batch(
    queries: Tensor, items: Tensor, relevance: Tensor | None, log_frequency: Tensor | None
) -> None:
    check_embeddings("queries", queries)
    check_embeddings("items", items, *queries.shape)
    if relevance is not None:
        check_matrix(relevance, len(queries))
        outside = (relevance < 0) | (relevance > 1 + _SLACK)
        if outside.any():
            raise InputError("relevance", f"{relevance[outside][0].item():g}", "numbers in [0, 1], or NaN")
    if log_frequency is not None:
        if log_frequency.shape != (len(queries),) or log_frequency.is_complex():
            found = f"shape {tuple(log_frequency.shape)} of {log_frequency.dtype}"
            raise InputError("log_frequency", found, f"real numbers of shape ({len(queries)},)")
        if not log_frequency.isfinite().all():
            wrong = log_frequency[~log_frequency.isfinite()][0].item()
            raise InputError(
                "log_frequency", f"{wrong:g}", "finite numbers", "An item that occurs has a count."
            )

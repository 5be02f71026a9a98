"""Contrastive loss of items against learned prototypes of categories, at every depth of a tree."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from leafcode.errors import InputError


def prototype_contrastive_loss(
    embeddings: Tensor,
    prototypes: Tensor,
    spans: Tensor,
    *,
    weights: Tensor | None = None,
    item_weights: Tensor | None = None,
    temperature: float = 0.05,
) -> Tensor:
    """Contrast items with the prototypes of all categories, once for each depth of the tree.

    The categories stand in depth-first order, so that those beneath a node are a span of them. With p_c the
    prototype of category c, all vectors at unit length, and S_id the span beneath the ancestor of item i at
    depth d::

        P_i(c)  = exp(z_i · p_c / temperature) / sum over categories k of exp(z_i · p_k / temperature)
        L_i     = -sum over d of  w_id · log( sum over c in S_id of P_i(c) )  /  sum over d of w_id
        loss    = sum over i of  t_i · L_i  /  sum over i of t_i,  over the items with any weight w_id

    An item that takes a sibling for its own category errs at one depth, one that takes a stranger errs at
    all of them: the further apart two categories are, the harder they are driven apart. And where a loss on
    pairs of items sees only the categories of its batch, this one sees all. One depth is the normalised
    softmax of Zhai and Wu, "Classification is a Strong Baseline for Deep Metric Learning" (BMVC 2019,
    equation 3); the sums over subtrees are those of the hierarchical cross-entropy in Bertinetto et al.,
    "Making Better Mistakes" (CVPR 2020, section 3.1).

    An item with several categories has several spans at a depth, and the sum runs over all of them: each will
    do, and none of its own ever repels it. This is the likelihood of a set of labels of which any may be the
    right one (Jin and Ghahramani, "Learning with Multiple Labels", NIPS 2002).

    Args:
        embeddings: Floating point (B, D); need not be normalised.
        prototypes: Floating point (C, D); need not be normalised.
        spans: int64 (B, depths, 2): first category beneath the item's ancestor at each depth and the one
            after the last, in [0, C]; -1 where the item has none and takes no part. Or (B, depths, P, 2) for
            up to P ancestors at a depth, whose spans do not overlap.
        weights: (B, depths) weights w_id >= 0, such as grades; None for ones. Without a span they are 0.
        item_weights: (B,) weights t_i >= 0, such as trust in the items' categories; None for ones.
        temperature: Positive divisor of the cosines.

    Returns:
        Scalar, float32 or float64; 0 with zero gradients for a batch without any span or item weight.

    Raises:
        InputError: Shapes do not fit, or the temperature is not positive.

    Example:
        >>> spans = torch.tensor([[[0, 2], [0, 1]], [[0, 2], [1, 2]], [[2, 3], [2, 3]]])
        >>> loss = prototype_contrastive_loss(torch.eye(3), torch.eye(3), spans, temperature=1.0)
        >>> round(loss.item(), 4)  # e of e + 2, and at depth 1 for two of three e + 1 of e + 2
        0.447
    """
    if not 0 < temperature < math.inf:
        raise InputError("temperature", str(temperature), "a positive number")
    if prototypes.ndim != 2 or embeddings.shape[1:] != prototypes.shape[1:]:
        raise InputError("prototypes", f"shape {tuple(prototypes.shape)}", f"(C, {embeddings.shape[-1]})")
    if spans.ndim not in (3, 4) or (spans.shape[0], spans.shape[-1]) != (len(embeddings), 2):
        expected = f"({len(embeddings)}, depths, 2) or ({len(embeddings)}, depths, P, 2)"
        raise InputError("spans", f"shape {tuple(spans.shape)}", expected)
    if weights is not None and weights.shape != spans.shape[:2]:
        raise InputError("weights", f"shape {tuple(weights.shape)}", str(tuple(spans.shape[:2])))
    if item_weights is not None and item_weights.shape != spans.shape[:1]:
        raise InputError("item_weights", f"shape {tuple(item_weights.shape)}", f"({len(spans)},)")
    with torch.autocast(embeddings.device.type, enabled=False):
        unit = F.normalize(embeddings.to(torch.promote_types(embeddings.dtype, torch.float32)), dim=1)
        cosines = unit @ F.normalize(prototypes.to(unit.dtype), dim=1).T
        log_probability = F.log_softmax(cosines / temperature, dim=1)
        first, last = (spans if spans.ndim == 4 else spans[:, :, None]).unbind(-1)
        inside = _log_sums(log_probability, first, last - first)
        share = (last > first).any(2).to(unit.dtype)
        if weights is not None:
            share = share * weights
        total = share.sum(1)
        per_item = -(inside * share).sum(1) / torch.where(total > 0, total, 1)
        counts = (total > 0).to(unit.dtype)
        if item_weights is not None:
            counts = counts * item_weights
        among = counts.sum()
        return (per_item * counts).sum() / torch.where(among > 0, among, 1)


def _log_sums(logs: Tensor, first: Tensor, lengths: Tensor) -> Tensor:
    """Logarithm of the sum of exp(logs) (B, C) over P spans of columns each, (B, depths); 0 for empty ones.

    The terms of all spans are laid end to end. Differences of running sums would do with less, but where an
    item is sure of another place, they are rounding errors, and their logarithm has a gradient of any size.
    """
    count = lengths.flatten()
    span = torch.repeat_interleave(torch.arange(len(count), device=logs.device), count)
    # Position in the row: that in the layout, counted from where the span starts there.
    shift = first.flatten() - (count.cumsum(0) - count)
    column = torch.arange(len(span), device=logs.device) + shift[span]
    of, terms_of = span // lengths.shape[2], lengths.sum(2).flatten()
    # Not logs[row, column], the gradient of which is summed by several threads in any order.
    terms = logs.flatten().index_select(0, of // lengths.shape[1] * logs.shape[1] + column)
    nothing = logs.new_zeros(len(terms_of))
    highest = nothing.scatter_reduce(0, of, terms.detach(), "amax", include_self=False)
    sums = nothing.index_add(0, of, (terms - highest[of]).exp())
    return (torch.where(terms_of > 0, sums, 1).log() + highest).view(lengths.shape[:2])

"""Contrastive loss of items against learned prototypes of categories, at every depth of a tree."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from leafcode.errors import InputError
from leafcode.losses._span_softmax import span_softmax_loss


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

    The gradient is found in closed form on the way. It can be taken once: there is no second derivative.

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
        spans = spans if spans.ndim == 4 else spans[:, :, None]
        share = (
            (spans[..., 1] > spans[..., 0]).any(2).to(torch.promote_types(embeddings.dtype, torch.float32))
        )
        if weights is not None:
            share = share * weights
        total = share.sum(1, keepdim=True)
        among = (total > 0).to(share.dtype)
        if item_weights is not None:
            among = among * item_weights[:, None]
        count = among.sum()
        # What each item and depth contributes to the loss.
        factors = share / torch.where(total > 0, total, 1) * (among / torch.where(count > 0, count, 1))
        return span_softmax_loss(embeddings, prototypes, spans, factors, temperature)

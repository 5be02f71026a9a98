"""Softmax over prototypes, summed over spans of them, with its gradient in closed form.

With e_ic the exponential of the similarity of item i and prototype c, f_id the factor of an item and depth,
S_id its span, and E_i(S) the sum of e_ic over a set S of prototypes, all of them without one::

    L          = sum over i, d of  f_id · ( log E_i  -  log E_i(S_id) )
    dL / ds_ic = e_ic · ( sum over d of f_id / E_i  -  sum over the d with c in S_id of f_id / E_i(S_id) )

The ends of all spans of a batch cut the prototypes into *segments*, so that a span is a run of whole ones.
There are few of them, for the items of a batch share categories, and within one the bracket is one number per
item. So all there is to do for every prototype is a product, an exponential and a sum by segment; then a
factor by segment, and the two products of the gradient. Similarities come in bits, see `bits_per_cosine`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from leafcode.losses._vectors import bits_per_cosine, through_units, units_and_lengths
from leafcode.products import linear


def span_softmax_loss(
    embeddings: Tensor, prototypes: Tensor, spans: Tensor, factors: Tensor, temperature: float
) -> Tensor:
    """The loss, a scalar; its gradient can be taken once. To be called where autocast is off.

    Args:
        embeddings: Floating point (B, D).
        prototypes: Floating point (C, D).
        spans: int64 (B, depths, P, 2): first category of each of up to P spans, and the one after its last;
            equal numbers where there is none.
        factors: (B, depths), >= 0; 0 where there is no span.
        temperature: Divisor of the cosines.
    """
    factors = factors.to(torch.promote_types(embeddings.dtype, torch.float32))
    needed = torch.is_grad_enabled() and any(part.requires_grad for part in (embeddings, prototypes, factors))
    arguments = (embeddings, prototypes, spans, factors, temperature, needed)
    loss: Tensor = _SpanSoftmax.apply(*arguments)  # type: ignore[no-untyped-call]
    return loss


class _SpanSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 (torch has no public type for it)
        embeddings: Tensor,
        prototypes: Tensor,
        spans: Tensor,
        factors: Tensor,
        temperature: float,
        needed: bool,
    ) -> Tensor:
        z, length_z = units_and_lengths(embeddings)
        p, length_p = (part.to(z.dtype) for part in units_and_lengths(prototypes))
        segments = _Segments.of(spans, len(p))
        # By prototype, for then those of a segment are whole rows.
        powers, scaled = z.new_empty(len(p), len(z)), z * bits_per_cosine(temperature)
        chunks = _chunks(powers)
        for rows in chunks:
            powers[rows] = linear(p[rows], scaled)
        # Each segment has its peak, or the sum of a span would vanish where an item is sure of another place.
        by_segment = segments.of_prototype[:, None].expand_as(powers)
        peaks = z.new_full((segments.number, len(z)), -math.inf).scatter_reduce_(
            0, by_segment, powers, "amax"
        )
        sums = torch.zeros_like(peaks)
        for rows in chunks:
            segment = segments.of_prototype[rows]
            sums.index_add_(0, segment, powers[rows].sub_(peaks.index_select(0, segment)).exp2_())
        logs = sums.log2_().add_(peaks)
        inside, everything = segments.log_sums(logs, factors.shape), _log_sum(logs)
        costs = (everything[:, None] - inside) * math.log(2)
        loss = (factors * costs).sum()
        if not needed:
            return loss
        slopes = (peaks - everything).exp2_().mul_(factors.sum(1))
        slopes -= segments.spread(peaks, inside, factors)
        slopes /= temperature
        to_z, to_p = torch.zeros_like(z), torch.empty_like(p)
        for rows in chunks:
            slope = powers[rows].mul_(slopes.index_select(0, segments.of_prototype[rows]))
            to_p[rows] = linear(slope, z.T)
            to_z += linear(slope.T, p[rows].T)
        ctx.save_for_backward(
            through_units(to_z, z, length_z).to(embeddings.dtype),
            through_units(to_p, p, length_p).to(prototypes.dtype),
            costs,
        )
        return loss

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        if torch.is_grad_enabled():  # with create_graph=True
            raise NotImplementedError("The prototype contrastive loss has no second derivative.")
        to_embeddings, to_prototypes, to_factors = (
            whole * gradient.to(whole.dtype) for whole in ctx.saved_tensors
        )
        return to_embeddings, to_prototypes, None, to_factors, None, None


class _Segments(NamedTuple):
    """The segments, and the terms of the spans of all items and depths: one for each segment in a span."""

    of_prototype: Tensor
    """int64 (C,), ascending: segment of each prototype."""
    number: int
    """S, the number of segments."""
    owner: Tensor
    """int64 (terms,), ascending: place in (B, depths) of the item and depth that a term belongs to."""
    place: Tensor
    """int64 (terms,): place in (S, B) of the segment and the item."""

    @classmethod
    def of(cls, spans: Tensor, prototypes: int) -> _Segments:
        ends = torch.unique(torch.cat([spans.flatten().clamp_min(0), spans.new_tensor([0, prototypes])]))
        segments = torch.searchsorted(ends, spans.clamp_min(0))
        of_prototype = torch.bucketize(torch.arange(prototypes, device=spans.device), ends, right=True) - 1
        items, depths, paths, _ = spans.shape
        first, last = segments.flatten(0, 2).unbind(1)
        span = torch.repeat_interleave(torch.arange(len(first), device=spans.device), last - first)
        # Place in the run of segments of all spans end to end, counted from where the span starts there.
        before = (last - first).cumsum(0) - (last - first)
        segment = torch.arange(len(span), device=spans.device) + (first - before).index_select(0, span)
        owner = span.div(paths, rounding_mode="floor")
        item = owner.div(depths, rounding_mode="floor")
        return cls(of_prototype, len(ends) - 1, owner, segment * items + item)

    def log_sums(self, logs: Tensor, shape: torch.Size) -> Tensor:
        """Logarithm (B, depths) of the sum of 2 ** logs (S, B) over the spans; 0 without a span."""
        terms = logs.flatten().index_select(0, self.place)
        nothing = logs.new_zeros(shape.numel())
        highest = nothing.scatter_reduce(0, self.owner, terms, "amax", include_self=False)
        sums = nothing.index_add_(0, self.owner, (terms - highest.index_select(0, self.owner)).exp2_())
        return (sums.masked_fill_(sums == 0, 1).log2_() + highest).view(shape)

    def spread(self, peaks: Tensor, inside: Tensor, factors: Tensor) -> Tensor:
        """Sum (S, B) of factor · 2 ** (peak - inside) over the spans that hold a segment."""
        power = peaks.flatten().index_select(0, self.place) - inside.flatten().index_select(0, self.owner)
        terms = power.exp2_().mul_(factors.flatten().index_select(0, self.owner))
        return peaks.new_zeros(peaks.numel()).index_add_(0, self.place, terms).view_as(peaks)


def _chunks(powers: Tensor) -> list[slice]:
    """Slices of prototypes, whose rows of powers (C, B) fit the caches of a CPU."""
    size = max(1, (2**19 if powers.device.type == "cpu" else 2**25) // max(1, powers.shape[1]))
    return [slice(start, start + size) for start in range(0, len(powers), size)]


def _log_sum(logs: Tensor) -> Tensor:
    """Logarithm (B,) of the sum of 2 ** logs (S, B)."""
    highest = logs.amax(0)
    return (logs - highest).exp2_().sum(0).log2_().add_(highest)

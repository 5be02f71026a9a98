"""Keeping codebooks alive while they are trained: counting use, reviving dead codes, noticing collapse."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_DRAWS_PER_CODE = 16
"""Items drawn per code before a code that none of them chose counts as dead."""

_LOW_PERPLEXITY = 0.1
_LOWEST_PERPLEXITY = 1.5


class CodeUsage:
    """Which codes of each level were chosen since the last `reset`.

    Args:
        sizes: Number of codes of each level.
        device: Where the counts are kept.

    Example:
        >>> usage = CodeUsage((2, 3), torch.device("cpu"))
        >>> for _ in range(16):
        ...     usage.count(torch.tensor([[0, 0], [0, 2], [0, 2]]))
        >>> [dead.tolist() for dead in usage.dead()]
        [[1], [1]]
    """

    def __init__(self, sizes: Sequence[int], device: torch.device) -> None:
        self._counts = [torch.zeros(size, dtype=torch.int64, device=device) for size in sizes]

    def count(self, codes: Tensor) -> None:
        """Add the codes (B, L) of a batch."""
        for level, counts in enumerate(self._counts):
            counts += torch.bincount(codes[:, level], minlength=len(counts))

    def dead(self) -> list[Tensor]:
        """Codes of each level that nothing chose; none where too little was drawn to tell."""
        empty = torch.empty(0, dtype=torch.int64)
        return [
            torch.nonzero(counts == 0).flatten() if counts.sum() >= _DRAWS_PER_CODE * len(counts) else empty
            for counts in self._counts
        ]

    def reset(self) -> None:
        """Begin to count anew."""
        for counts in self._counts:
            counts.zero_()


def perplexity(codes: Tensor) -> float:
    """Exponential of the entropy of code frequencies: the number of codes in effective use.

    Args:
        codes: int64 (N,) of one level.

    Example:
        >>> perplexity(torch.tensor([0, 0, 3, 3]))
        2.0
    """
    shares = torch.bincount(codes).double() / len(codes)
    shares = shares[shares > 0]
    return float(torch.exp(-(shares * shares.log()).sum()))


def collapse_warnings(perplexities: Sequence[float], sizes: Sequence[int], items: int) -> list[str]:
    """A warning for each level that uses a small part of its codes.

    Args:
        perplexities: Of each level, on a sample.
        sizes: Number of codes of each level.
        items: Size of the sample, which bounds the perplexity too.

    Example:
        >>> collapse_warnings([90.0, 2.0], [100, 100], items=1000)
        ['Level 2 has collapsed: it uses about 2 of its 100 codes. Train with a lower --learning-rate or \
--contrast-weight, or give the level fewer codes.']
    """
    return [
        f"Level {level} has collapsed: it uses about {used:.0f} of its {size} codes. Train with a lower "
        "--learning-rate or --contrast-weight, or give the level fewer codes."
        for level, (used, size) in enumerate(zip(perplexities, sizes, strict=True), start=1)
        if used < max(_LOWEST_PERPLEXITY, _LOW_PERPLEXITY * min(size, items))
    ]

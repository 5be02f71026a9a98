"""Hierarchy by ranges that contain one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

_Key = TypeVar("_Key", bound=tuple[object, ...])


def innermost(starts: Sequence[_Key], ends: Sequence[_Key]) -> list[int]:
    """For every range the range right around it.

    That is, of all ranges that contain it, the one that starts last, and of those the one that ends first.
    Of equal ranges, an earlier one contains a later one.

    Args:
        starts: First place in each range.
        ends: Last place in each range, included.

    Returns:
        Index of the range around each range, -1 where there is none.

    Example:
        >>> innermost([(1,), (2,), (3,), (9,)], [(8,), (5,), (3,), (9,)])
        [-1, 0, 1, -1]
    """
    by_end = sorted(range(len(starts)), key=lambda i: ends[i], reverse=True)  # stable, reversed or not
    around = [-1] * len(starts)
    still_open: list[int] = []
    for each in sorted(by_end, key=lambda i: starts[i]):
        still_open = [i for i in still_open if ends[i] >= starts[each]]
        around[each] = next((i for i in reversed(still_open) if ends[i] >= ends[each]), -1)
        still_open.append(each)
    return around

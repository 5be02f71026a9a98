"""Where to write a name in a scatter chart: beside a point of its own, and over nothing else.

Names are placed one after the other, each at the first of a few places around its points that covers least
of what is there already. That is the usual greedy heuristic; the best placement of all names at once is
NP-hard (Marks and Shieber 1991).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_CHARACTER, _HEIGHT = 7.8, 14.0
"""Width of an average character and height of a line, in units of the chart."""

_DISTANCES = (4.0, 14.0, 28.0, 44.0)
_DIRECTIONS = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1))
_FAR = 20.0
"""From this distance on, a line leads from the point to its name."""


class Box(NamedTuple):
    """A rectangle, given by its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float

    def overlap(self, other: Box) -> float:
        """The area that two boxes share.

        Example:
            >>> Box(0, 0, 4, 4).overlap(Box(3, 2, 4, 4)), Box(0, 0, 1, 1).overlap(Box(5, 0, 1, 1))
            (2, 0.0)
        """
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return width * height if width > 0 and height > 0 else 0.0


class PlacedLabel(NamedTuple):
    """A name with its place.

    Attributes:
        x: Of its start, middle or end, as `anchor` says.
        y: Of its base line.
        anchor: ``"start"``, ``"middle"`` or ``"end"``.
        box: The ground that it takes.
        leader: Ends (x1, y1, x2, y2) of a line from the point to the name; None where they are close.
    """

    x: float
    y: float
    anchor: str
    box: Box
    leader: tuple[float, float, float, float] | None


def place_label(
    text: str,
    points: Sequence[tuple[float, float]],
    radius: float,
    taken: Sequence[tuple[Box, float]],
    inside: Box,
) -> PlacedLabel:
    """The place near one of the points at which a name covers least.

    Args:
        text: The name, in one line.
        points: At least one; the last is tried first, since it is where a reader of a front looks.
        radius: Of the points.
        taken: Boxes that are to stay visible, each with the cost of a unit of area covered.
        inside: Where the name has to stay.

    Returns:
        The cheapest place; of equal ones the nearest, then that of the later point.

    Example:
        >>> place_label("ours", [(50.0, 50.0)], 5.0, [], Box(0, 0, 200, 100)).anchor
        'start'
        >>> place_label("ours", [(198.0, 50.0)], 5.0, [], Box(0, 0, 200, 100)).anchor
        'end'
    """
    width = _CHARACTER * len(text)
    best: tuple[float, PlacedLabel] | None = None
    for distance in _DISTANCES:
        for x, y in reversed(points):
            for right, down in _DIRECTIONS:
                label = _label(x, y, right, down, radius + distance, width, distance >= _FAR)
                cost = sum(price * label.box.overlap(box) for box, price in taken)
                cost += 8.0 * (label.box.width * label.box.height - label.box.overlap(inside))
                cost += distance / 4  # a little, so that a name strays only for a reason
                if best is None or cost < best[0] - 1e-9:
                    best = cost, label
    if best is None:
        raise ValueError("no point to write the name beside")
    return best[1]


def _label(x: float, y: float, right: int, down: int, reach: float, width: float, far: bool) -> PlacedLabel:
    if right and down:  # as far as in the other directions
        reach *= 0.75
    near_x, near_y = x + right * reach, y + down * reach
    left = near_x - width * {1: 0.0, 0: 0.5, -1: 1.0}[right]
    top = near_y - _HEIGHT * {1: 0.0, 0: 0.5, -1: 1.0}[down]
    leader = (x, y, near_x - right, near_y - down) if far else None
    anchor = {1: "start", 0: "middle", -1: "end"}[right]
    return PlacedLabel(near_x, top + _HEIGHT - 3.5, anchor, Box(left, top, width, _HEIGHT), leader)

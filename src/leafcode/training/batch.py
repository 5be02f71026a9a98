"""Batches as a step gets them: positions of items, and their input rows on the device of training."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from leafcode.training.world import current_world

LongArray = npt.NDArray[np.int64]


class Batch(NamedTuple):
    """What a step works on.

    Attributes:
        items: (B,) positions of its items, those of all processes.
        inputs: (b, E or E + H) float32, the input rows of this process's share of them.
        extra: A batch that a further term has of its own.
    """

    items: LongArray
    inputs: Tensor
    extra: Batch | None = None


class Inputs:
    """The input rows of all items, of which those that are asked for are copied to the device of training.

    Args:
        rows: (n, E), or (n, E + H) with engagement, possibly memory-mapped.
        device: Of training.
    """

    def __init__(self, rows: npt.NDArray[np.floating[Any]], device: torch.device) -> None:
        self.rows, self.device, self.world = rows, device, current_world()

    def __len__(self) -> int:
        """Number of items, n."""
        return len(self.rows)

    def take(self, items: LongArray) -> Tensor:
        """Rows (B, E or E + H) float32 of items (B,)."""
        return torch.from_numpy(np.asarray(self.rows[items], np.float32)).to(self.device)

    def batch(self, items: LongArray, extra: Batch | None = None) -> Batch:
        """A batch of items (B,), of which each process has its share."""
        return Batch(items, self.take(items[self.world.share(len(items)).rows]), extra)

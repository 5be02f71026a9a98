"""A layer that starts linear and learns what the line cannot say."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class ResidualBlock(nn.Module):
    """``x W + MLP(x)`` with the last layer of the MLP at zero, so that it starts as its linear part.

    The linear part is the identity and not trained where input and output have the same dimension, and
    a trained projection elsewhere.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.skip = nn.Identity() if inputs == outputs else nn.Linear(inputs, outputs)
        self.drop = nn.Dropout(dropout)
        self.inner = nn.Linear(inputs, hidden)
        self.outer = nn.Linear(hidden, outputs)
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs) to (B, outputs)."""
        x = self.drop(x)
        skipped: Tensor = self.skip(x)
        update: Tensor = self.outer(self.drop(F.gelu(self.inner(x))))
        return skipped + update

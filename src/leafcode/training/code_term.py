"""A further term of the objective that trains encoder and codebooks, such as a supervised loss on the codes.

Training with the tree needs none: its contrastive term has a phase of its own. This is the place for methods
that teach the codes themselves, jointly with reconstruction and quantisation.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from leafcode.quantizers import RQVAE, RQVAEOutput

LongArray = npt.NDArray[np.int64]


class CodeTerm(nn.Module, ABC):
    """A loss on the output of the model, added to ``|x - x_hat|^2 + L_rq`` wherever codes are trained.

    Its parameters are trained along with the model and are part of the checkpoint; its buffers move to the
    device of training. It also takes part in the choice of the best checkpoint, or that choice would undo it,
    and returns to it with the model.

    Args:
        weight: Factor before the loss.

    Attributes:
        replaces_uniform: With batches of its own: take the whole objective on them, instead of the term alone
            on them and the rest on uniform ones.
    """

    replaces_uniform: bool = False

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def prepare(self, train: LongArray) -> None:
        """Called once, before training, with the positions of the items to train on.

        The others are kept aside to choose the best checkpoint.
        """

    def batch(self, step: int) -> LongArray | None:
        """Positions of the items for a step; None for the uniform batch.

        A function of the step alone, without random numbers that others draw too: another thread asks for
        batches ahead of their steps, and for some more than once.
        """
        return None

    @abstractmethod
    def loss(self, model: RQVAE, output: RQVAEOutput, items: LongArray) -> Tensor:
        """The loss, a scalar, before it is weighted.

        Args:
            model: The model that is trained.
            output: What it made of the items.
            items: (B,) positions in the embeddings that the trainer was given.
        """

    def identity(self) -> dict[str, Any]:
        """What a checkpoint must agree with, as JSON: settings, but no data."""
        return {"term": type(self).__name__, "weight": self.weight}


def cumulative_sums(output: RQVAEOutput, dim: int) -> Tensor:
    """Content of the codewords, summed up to each level, straight through to the latents (B, L, dim).

    What an item is known by to someone who reads only the first code, the first two, and so on. The gradient
    of every sum reaches its codewords and, unchanged, the content part of the latents.

    Args:
        output: Of the model, for B items.
        dim: E, the dimension of the content part.
    """
    content = output.latents[:, :dim]
    sums = output.quantizer.codewords[..., :dim].cumsum(1)
    return sums + (content - content.detach())[:, None]

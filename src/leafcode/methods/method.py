"""What every way to make codes has in common: what it is given, and what it gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from leafcode.codes import EncodedItems
from leafcode.quantizers import RQVAEConfig
from leafcode.taxonomy import Taxonomy
from leafcode.training import TrainingConfig


@dataclass(frozen=True, eq=False)
class Task:
    """What every method trains on, so that methods differ in nothing else.

    Attributes:
        embeddings: Floats (n, E) of the training items, possibly memory-mapped.
        nodes: Integers (n,): node of each item in `taxonomy`, -1 for unlabelled items.
        taxonomy: The category tree, or None if no item has a category.
        shape: Code budget, and the network of the methods that train one.
        training: Settings of the methods that train a network; the seed is that of every method.
        device: Torch device to train and encode on.
        progress: Show progress bars on standard error.
        trust: float32 (n,) in [0, 1], how far the category of each item is believed; None for 1. Only the
            method ``tree`` takes notice of it.
        places: Integers (n, P): all nodes of each item, first those of `nodes`, padded with -1; None where no
            item has more than one. Only the method ``tree`` takes notice of it.
    """

    embeddings: npt.NDArray[np.floating[Any]]
    nodes: npt.NDArray[np.integer[Any]]
    taxonomy: Taxonomy | None
    shape: RQVAEConfig
    training: TrainingConfig
    device: str = "cpu"
    progress: bool = False
    trust: npt.NDArray[np.float32] | None = None
    places: npt.NDArray[np.integer[Any]] | None = None


class TrainedMethod(NamedTuple):
    """What `Method.train` returns."""

    encode: Callable[[npt.NDArray[np.floating[Any]]], EncodedItems]
    """Codes, quantised vectors and reconstructions of items (m, E), whether trained on or not, without their
    categories. The codes of an item depend on nothing but its own row."""
    settings: dict[str, float]
    """What the method chose or was given, by name, such as ``{"lambda": 1.3}``; its strength first."""


class Method(ABC):
    """A way to make codes of a given budget, with or without the category tree.

    A method is a class with these attributes and `train`, and a line in `leafcode.methods.METHODS`.

    Attributes:
        name: Key in `METHODS` and in files, such as ``rq_kmeans``.
        title: For people, such as ``RQ-KMeans``.
        uses_tree: Whether it learns from categories.
        strengths: Weights of the tree, ascending, that together draw the method's front of gain against
            cost; empty for a method without such a dial.
        default: The strength that None stands for; None where it is found from the data.
    """

    name: str
    title: str
    uses_tree: bool
    strengths: tuple[float, ...] = ()
    default: float | None = None

    @abstractmethod
    def train(self, task: Task, strength: float | None = None) -> TrainedMethod:
        """Train on a task; the same task and strength give the same codes.

        Args:
            task: Training items and settings.
            strength: Weight of the tree, on the method's own scale; None for the method's default. A method
                without `strengths` takes no notice of it.

        Raises:
            InputError: Fewer training items than codes in a level.
            TrainingError: The method needs categories and the items have too few.
        """

"""What is known of the categories of the items that are trained on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy, find_categories


@dataclass(frozen=True, eq=False)
class Labels:
    """Categories of n items, how far they are believed, and the other ones of items with several.

    Attributes:
        nodes: Integers (n,), nodes in `taxonomy`, -1 for unlabelled items.
        taxonomy: The category tree, or None if no item has a category.
        trust: float32 (n,) in [0, 1], how far the category of each item is believed; None for 1.
        places: int64 (n, P), all nodes of each item, first that of `nodes`, padded with -1; None for one.
    """

    nodes: npt.NDArray[np.integer[Any]]
    taxonomy: Taxonomy | None
    trust: npt.NDArray[np.float32] | None = None
    places: npt.NDArray[np.int64] | None = None

    @classmethod
    def of(
        cls,
        items: int,
        nodes: npt.NDArray[np.integer[Any]],
        taxonomy: Taxonomy | None,
        trust: npt.NDArray[np.floating[Any]] | None = None,
        places: npt.NDArray[np.integer[Any]] | None = None,
    ) -> Labels:
        """Those of so many items, checked.

        Raises:
            InputError: Not one node for each item, or trust or places that do not fit them.

        Example:
            >>> Labels.of(2, np.array([0, -1]), None, trust=np.array([1.0, 2.0]))
            Traceback (most recent call last):
            leafcode.errors.InputError: trust: item 2: found 2.0; expected a number in [0, 1]
        """
        nodes = np.asarray(nodes)
        if nodes.shape != (items,):
            raise InputError("nodes", f"shape {nodes.shape}", f"one node for each of {items} items")
        if trust is not None:
            _check_trust(trust, items)
        if places is not None:
            _check_places(places, nodes)
        return cls(
            nodes,
            taxonomy,
            None if trust is None else np.ascontiguousarray(trust, np.float32),
            None if places is None else np.ascontiguousarray(places, np.int64),
        )

    def categories(self, items: npt.NDArray[np.int64]) -> tuple[int, int]:
        """How many of the items have a category, and how many different ones they have.

        A category and its only subcategory count as one, for they cannot be told apart.
        """
        labels = self.nodes[items]
        labels = labels[labels >= 0]
        if self.taxonomy is None:
            return 0, 0
        return len(labels), len(find_categories(labels, self.taxonomy, of=labels[:0]).spans)

    def digests(self) -> dict[str, str]:
        """Checksums of what beside the nodes makes another training."""
        return {
            name: hashlib.sha256(array.tobytes()).hexdigest()
            for name, array in (("trust", self.trust), ("places", self.places))
            if array is not None
        }


def _check_trust(trust: npt.NDArray[np.floating[Any]], items: int) -> None:
    if trust.shape != (items,):
        raise InputError("trust", f"shape {trust.shape}", f"a number for each of {items} items")
    wrong = np.flatnonzero(~((trust >= 0) & (trust <= 1)))
    if len(wrong):
        raise InputError(f"trust: item {wrong[0] + 1}", str(trust[wrong[0]]), "a number in [0, 1]")


def _check_places(places: npt.NDArray[np.integer[Any]], nodes: npt.NDArray[np.integer[Any]]) -> None:
    if places.ndim != 2 or not np.array_equal(places[:, :1], nodes[:, None]):
        found = f"shape {places.shape}" + (", or other first places" if places.ndim == 2 else "")
        expected = f"shape ({len(nodes)}, P), the first column that of `nodes`"
        raise InputError("places", found, expected)

"""What is known of the use of a catalogue's items, as the second input of the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.catalog import Catalog, Engagement
from leafcode.errors import InputError

_FEWEST = 3
"""Training items with history below which there is nothing to learn from."""


def engagement_vectors(
    catalog: Catalog, engagement: Engagement, train: npt.NDArray[np.int64], dim: int, seed: int
) -> npt.NDArray[np.float32]:
    """Unit vectors of the training items that have a history among themselves, zeros for all others.

    Items held out are measured as the new items that they stand for, so their history counts for nothing.

    Args:
        catalog: The items.
        engagement: Which of them go together.
        train: Positions of the training items.
        dim: H; fewer where there are fewer items with history.
        seed: Of the decomposition.

    Returns:
        float32 (n, H).

    Raises:
        InputError: Engagement of another number of items, or of too few training items.
    """
    if len(engagement) != len(catalog):
        raise InputError(
            "engagement", f"{len(engagement):,} items", f"the catalogue's {len(catalog):,} items"
        )
    among = engagement.among(train)
    known = np.count_nonzero(among.has_history)
    if known < _FEWEST:
        raise InputError(
            "engagement",
            f"{known} training items that go together with others, of {engagement!r}",
            f"at least {_FEWEST}",
            "Pairs that share a single basket do not count unless --min-support is 1.",
        )
    vectors = among.vectors(min(dim, int(known) - 1), seed)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def model_inputs(
    embeddings: npt.NDArray[np.floating[Any]], vectors: npt.NDArray[np.float32] | None
) -> npt.NDArray[np.floating[Any]]:
    """Input rows (n, E + H) of a model, from embeddings (n, E) and engagement vectors (n, H), if any."""
    return embeddings if vectors is None else np.concatenate([embeddings, vectors], axis=1)

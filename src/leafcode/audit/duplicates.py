"""Equal items that are filed apart: at least one of the places may be wrong."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from leafcode.audit.candidates import Candidates

FloatArray = npt.NDArray[np.float64]

EQUAL = 1e-5
"""Cosine distance below which two items are equal, up to rounding of float32."""


def add_filed_apart(
    moves: FloatArray,
    probabilities: FloatArray,
    candidates: Candidates,
    equal: npt.NDArray[np.bool_],
    error: float,
) -> FloatArray:
    """Moves with the chance that an item, of two equal ones in different categories, is the wrong one.

    The label model takes what is common in a catalogue for right, and equal items filed apart may be common.
    If only one of the places is right, the item's own is wrong with P(c) / (P(own) + P(c)), c the places of
    its equals. Whether a shop has a thing in one place only, no data can tell; it is an assumption.

    Args:
        moves: (P,) P(item belongs in c and was moved from there), see `LabelModel.moves`.
        probabilities: (P,) P(c | i).
        candidates: The pairs.
        equal: (b, k) which neighbours are equal to the item.
        error: Share of the items with an equal one elsewhere of which only one place is right, in [0, 1].

    Returns:
        (P,); for items without such an equal as they were.
    """
    places = np.bincount(candidates.by_neighbor.ravel(), equal.ravel(), len(moves)) > 0
    places[candidates.own] = False
    there = probabilities * places
    elsewhere = candidates.sums(there)
    wrong = error * there / (probabilities[candidates.own] + np.maximum(elsewhere, 1e-300))[candidates.row]
    return np.asarray(moves + (1 - candidates.sums(moves))[candidates.row] * wrong)

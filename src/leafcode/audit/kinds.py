"""What is wrong with the place of an item."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.audit.candidates import Candidates
from leafcode.taxonomy import Taxonomy

FloatArray = npt.NDArray[np.float64]

PROBABLE = 0.5
"""Probability from which a finding says that an item is filed wrongly."""
_EVEN = 1 / 3
_SURE = 0.6


class Kind(StrEnum):
    """Kinds of findings, the value as it stands in files."""

    NONE = "none"
    """Nothing speaks against the category."""
    WRONG_BRANCH = "wrong branch"
    """Belongs under another parent."""
    WRONG_SIBLING = "wrong sibling"
    """Belongs in a sibling of its category."""
    TOO_GENERAL = "too general"
    """Belongs in a category beneath its own."""
    BETWEEN_SIBLINGS = "between siblings"
    """Its category and a sibling suit it about equally."""
    NO_FITTING_PLACE = "no fitting place"
    """Is unlike the items of every category, or suits a parent better than any of its children."""
    DUPLICATE_ELSEWHERE = "duplicate elsewhere"
    """An item almost equal to it is filed in another category."""


KINDS = tuple(Kind)
"""All kinds; their positions are the codes that `name_kinds` gives."""


def name_kinds(
    own: npt.NDArray[np.integer[Any]],
    candidates: Candidates,
    probabilities: FloatArray,
    moves: FloatArray,
    taxonomy: Taxonomy,
    *,
    unlike: npt.NDArray[np.bool_],
    duplicate: npt.NDArray[np.bool_],
) -> npt.NDArray[np.int8]:
    """The kind of finding that each item of a block is.

    An item that is probably filed wrongly is named by where it belongs: the places that it may have come from
    are summed by their relation to its category, and the largest sum decides. Others are named, in this
    order, for a duplicate elsewhere, for being unlike everything, and for standing between siblings.

    Args:
        own: (b,) category of each item.
        candidates: Their candidates.
        probabilities: (P,) P(c | i), see `LabelModel.probabilities`.
        moves: (P,) P(belongs in c and was moved), see `LabelModel.moves`.
        taxonomy: The tree.
        unlike: (b,) whether an item is unlike the items of every category.
        duplicate: (b,) whether an item almost equal to it is in another category.

    Returns:
        int8 (b,), positions in `KINDS`.
    """
    node, given = candidates.node, own[candidates.row]
    sibling = (taxonomy.parents[node] == taxonomy.parents[given]) & ~candidates.is_own
    beneath = (node > given) & (node < taxonomy.end[given])
    above = (given > node) & (given < taxonomy.end[node])
    relations = (
        (Kind.WRONG_SIBLING, sibling),
        (Kind.TOO_GENERAL, beneath),
        (Kind.NO_FITTING_PLACE, above),
        (Kind.WRONG_BRANCH, ~(sibling | beneath | above | candidates.is_own)),
    )
    sums = np.stack([candidates.sums(moves * mask) for _, mask in relations], axis=1)
    code = {kind: place for place, kind in enumerate(KINDS)}
    moved = np.array([code[kind] for kind, _ in relations], np.int8)[sums.argmax(axis=1)]

    here = probabilities[candidates.own]
    single = probabilities / np.exp(candidates.log_count)  # a stranger stands for several
    nearest_sibling = np.maximum.reduceat(np.where(sibling, single, 0), candidates.start)
    both = here + nearest_sibling
    even = (both >= _SURE) & (np.minimum(here, nearest_sibling) >= _EVEN * both)
    quiet = np.select(
        [duplicate, unlike, even],
        [code[Kind.DUPLICATE_ELSEWHERE], code[Kind.NO_FITTING_PLACE], code[Kind.BETWEEN_SIBLINGS]],
        code[Kind.NONE],
    )
    return np.where(candidates.sums(moves) >= PROBABLE, moved, quiet).astype(np.int8)

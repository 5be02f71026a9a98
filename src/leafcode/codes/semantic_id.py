"""The text form of a Semantic ID: its codes and the number that tells apart items with equal codes."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leafcode.codes.checks import CODE_LIMIT, check_codes
from leafcode.errors import InputError

SEPARATOR = "_"
_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}")


class SemanticId(NamedTuple):
    """A Semantic ID of L levels."""

    codes: tuple[int, ...]
    """L codes, coarse to fine, each counted from 0 within its level."""
    suffix: int
    """Tells apart the items that share all codes; counted from 0."""


def semantic_id_text(codes: npt.ArrayLike, suffix: npt.ArrayLike) -> list[str]:
    """Semantic IDs as text: the codes, then the suffix, joined by underscores.

    Args:
        codes: Integers (n, L) in [0, 2^31).
        suffix: Integers (n,) in [0, 2^31).

    Returns:
        n texts.

    Raises:
        InputError: Arrays of other shapes or types, or a number out of range.

    Example:
        >>> semantic_id_text([[35, 7, 120], [35, 7, 120]], [0, 184])
        ['35_7_120_0', '35_7_120_184']
    """
    texts: list[str] = semantic_id_array(codes, suffix).to_pylist()
    return texts


def semantic_id_array(codes: npt.ArrayLike, suffix: npt.ArrayLike) -> pa.StringArray:
    """What `semantic_id_text` gives, as a PyArrow array."""
    checked = check_codes(codes)
    column = check_codes(np.asarray(suffix).reshape(-1, 1), "suffix", rows=len(checked))
    parts = [pc.cast(pa.array(part), pa.string()) for part in np.hstack([checked, column]).T]
    return pc.binary_join_element_wise(*parts, SEPARATOR)


def parse_semantic_id(text: str, levels: int, where: str = "Semantic ID") -> SemanticId:
    """Read back what `semantic_id_text` wrote.

    Args:
        text: For example ``"35_7_120_184"``.
        levels: L, the number of codes before the suffix.
        where: Place named in errors.

    Raises:
        InputError: Another number of parts, or a part that is no number in plain decimal digits.

    Example:
        >>> parse_semantic_id("35_7_120_184", levels=3)
        SemanticId(codes=(35, 7, 120), suffix=184)
    """
    parts = text.split(SEPARATOR)
    numbers = [int(part) for part in parts if _NUMBER.fullmatch(part)]
    if len(parts) != levels + 1 or len(numbers) != len(parts) or max(numbers) >= CODE_LIMIT:
        form = SEPARATOR.join(["35", "7", "120", "18", "4"][i % 5] for i in range(levels + 1))
        raise InputError(where, repr(text), f"{levels} codes and a suffix, such as '{form}'")
    return SemanticId(tuple(numbers[:-1]), numbers[-1])

"""How far items of one category agree, and what a loss makes of it: pair weights, or a finer ranking."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError
from leafcode.taxonomy._arrays import array_module

if TYPE_CHECKING:
    import torch

FloatMatrix = npt.NDArray[np.float32]
FloatInput = npt.NDArray[np.floating[Any]]


@overload
def content_agreement(embeddings: FloatInput, others: FloatInput | None = None) -> FloatMatrix: ...


@overload
def content_agreement(embeddings: torch.Tensor, others: torch.Tensor | None = None) -> torch.Tensor: ...


def content_agreement(embeddings: Any, others: Any = None) -> Any:
    """Agreement of every pair of items by content: the cosine of their embeddings, 0 where it is negative.

    Meant for embeddings of a content model that stays as it is; no gradient flows through it. Takes NumPy
    arrays or torch tensors and answers in kind, on the same device.

    Args:
        embeddings: Floats (B, D).
        others: Floats (C, D); ``embeddings`` if left out.

    Returns:
        float32 (B, C) in [0, 1]; NaN where an embedding is zero, for it has no direction.

    Raises:
        InputError: Not finite floats of two dimensions, or of different widths.

    Example:
        >>> content_agreement(np.array([[1.0, 0.0], [4.0, 3.0], [0.0, -1.0]])).round(1)[0]
        array([1. , 0.8, 0. ], dtype=float32)
    """
    xp = _array_module(embeddings, "embeddings")
    a, b = embeddings, embeddings if others is None else others
    shapes = tuple(a.shape), tuple(b.shape)
    if not len(shapes[0]) == len(shapes[1]) == 2 or shapes[0][1] != shapes[1][1]:
        raise InputError("embeddings", f"shapes {shapes[0]} and {shapes[1]}", "(B, D) and (C, D)")
    cosine = _unit(xp, a) @ _unit(xp, b).T
    return cosine.clip(0, 1)


@overload
def agreement_weights(agreement: FloatMatrix, *, lowest: float = 0.1) -> FloatMatrix: ...


@overload
def agreement_weights(agreement: torch.Tensor, *, lowest: float = 0.1) -> torch.Tensor: ...


def agreement_weights(agreement: Any, *, lowest: float = 0.1) -> Any:
    """Weights of positive pairs from their agreement, the ``pair_weights`` of `GradedContrastiveLoss`.

    Items that agree pull each other with weight 1, others less, down to ``lowest``. Which pairs are positive
    and which are not stays with the relevance, and so does what a pair competes with: for soft or noisy
    attributes. A pair without a known agreement counts as half agreeing.

    Args:
        agreement: Floats (B, C) in [0, 1], NaN for unknown: `Attributes.matrix`, `content_agreement` or a
            mean of both.
        lowest: In [0, 1]: the weight of a pair that agrees in nothing.

    Returns:
        float32 (B, C): lowest + (1 - lowest) · agreement.

    Raises:
        InputError: ``lowest`` or an agreement is out of range.

    Example:
        >>> agreement_weights(np.array([[1.0, 0.5, 0.0, np.nan]], np.float32), lowest=0.2)
        array([[1. , 0.6, 0.2, 0.6]], dtype=float32)
    """
    xp = _array_module(agreement, "agreement")
    _check_agreement(agreement)
    if not 0 <= lowest <= 1:
        raise InputError("lowest", str(lowest), "a weight in [0, 1]")
    known = xp.where(xp.isnan(agreement), xp.full_like(agreement, 0.5), agreement)
    return _float32(xp, lowest + (1 - lowest) * known)


@overload
def refine_relevance(
    relevance: FloatMatrix, agreement: FloatMatrix, *, levels: Sequence[float] = (0.75, 1.0)
) -> FloatMatrix: ...


@overload
def refine_relevance(
    relevance: torch.Tensor, agreement: torch.Tensor, *, levels: Sequence[float] = (0.75, 1.0)
) -> torch.Tensor: ...


def refine_relevance(relevance: Any, agreement: Any, *, levels: Sequence[float] = (0.75, 1.0)) -> Any:
    """Grade the pairs of one category by their agreement: a finer ranking beneath the leaves of the tree.

    Agreement is cut into as many equal bands as there are levels. A pair of relevance 1 gets the level of
    its band: with the default 1 from an agreement of one half on, else 0.75. Give the same levels to the
    loss, ``GradedContrastiveLoss(grades=(0.5, 0.75, 1.0))``, and items of a category that agree must be
    closer than those that do not, and these closer than siblings. Use it for attributes that are reliable:
    here a wrong one makes a pair compete that should not.

    Other pairs keep their relevance, and so does a pair without a known agreement.

    Args:
        relevance: Floats (B, C) of `Grades.matrix` or any other relevance, NaN for pairs to leave out.
        agreement: Floats (B, C) in [0, 1], NaN for unknown; see `agreement_weights`.
        levels: At least two, ascending, the last 1; the first above every relevance below 1.

    Returns:
        float32 (B, C): the refined relevance.

    Raises:
        InputError: Shapes differ, an agreement is out of range, the levels are not as above, or a relevance
            below 1 reaches the first of them: a pair of two categories would rank with pairs of one.

    Example:
        >>> relevance = np.array([[1.0, 1.0, 1.0, 0.5, 0.0]], np.float32)
        >>> agreement = np.array([[0.9, 0.2, np.nan, 0.9, 0.9]], np.float32)
        >>> refine_relevance(relevance, agreement).tolist()
        [[1.0, 0.75, 1.0, 0.5, 0.0]]
    """
    xp = _array_module(relevance, "relevance")
    _check_agreement(agreement)
    steps = tuple(float(level) for level in levels)
    ascending = len(steps) >= 2 and all(low < high for low, high in pairwise(steps))
    if not (ascending and steps[0] > 0 and steps[-1] == 1):
        raise InputError("levels", str(steps), "at least two ascending numbers above 0, the last 1")
    if tuple(relevance.shape) != tuple(agreement.shape):
        raise InputError("agreement", f"shape {tuple(agreement.shape)}", f"{tuple(relevance.shape)}")
    if bool(((relevance >= steps[0]) & (relevance < 1)).any()):
        found = f"a relevance of {float(relevance[relevance < 1].max()):g} between two categories"
        raise InputError(
            "levels", found, f"all below the first level, {steps[0]:g}", "Raise the first level."
        )
    refined = relevance
    for band, level in enumerate(steps[:-1]):
        lower, upper = band / len(steps), (band + 1) / len(steps)
        here = (relevance == 1) & (agreement >= lower) & (agreement < upper)
        refined = xp.where(here, xp.full_like(refined, level), refined)
    return _float32(xp, refined)


def _array_module(array: FloatInput | torch.Tensor, where: str) -> ModuleType:
    """NumPy or torch, whichever the floats are of."""
    xp = array_module(array, where)
    if isinstance(array, np.ndarray):
        kind, floats = "an array", np.issubdtype(array.dtype, np.floating)
    else:
        kind, floats = "a tensor", array.is_floating_point()
    if not floats:
        raise InputError(where, f"{kind} of {array.dtype}", "floats")
    return xp


def _check_agreement(agreement: FloatInput) -> None:
    outside = (agreement < 0) | (agreement > 1)
    if bool(outside.any()):
        found = float(agreement[outside].reshape(-1)[0])
        raise InputError("agreement", f"{found:g}", "numbers in [0, 1], or NaN")


def _unit(xp: ModuleType, vectors: FloatInput) -> FloatInput:
    """Rows of length 1 in float32, NaN for a row of zeros."""
    vectors = _float32(xp, vectors)
    if not bool(xp.isfinite(vectors).all()):
        raise InputError("embeddings", "a NaN or an infinity", "finite numbers")
    norm = xp.sqrt((vectors * vectors).sum(1))[:, None]
    unit: FloatInput = vectors / xp.where(norm > 0, norm, xp.full_like(norm, float("nan")))
    return unit


def _float32(xp: ModuleType, array: FloatInput) -> Any:  # noqa: ANN401 - an array or a tensor
    """The array in float32, apart from any gradient."""
    if xp is np:
        return np.asarray(array, np.float32)
    return xp.Tensor.detach(array).to(xp.float32)

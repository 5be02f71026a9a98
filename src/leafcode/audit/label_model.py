"""Where items belong, and which are filed wrongly: a softmax over categories behind a noisy hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from leafcode.audit.candidates import Candidates
from leafcode.errors import TrainingError

FloatArray = npt.NDArray[np.float64]

_STEPS = 2000
_FLAT = 1e-4
"""Largest entry of a gradient that counts as none; that of the optimiser's own test is a tenth of it."""
_SHRINK = 1e-3
_SHRINK_RATES = 2e-4
_FIRST_RATE = 0.03
"""What each rate of moves is expected to be, and `_SHRINK_RATES` how firmly: a catalogue that shows no errors
at some depth is still believed to have one among a thousand items there. By the likelihood alone, the softmax
explains rare errors as oddities of their categories, and hardly any item is called wrong."""


@dataclass(frozen=True, eq=False)
class LabelModel:
    """A conditional logit of an item's true category, and rates at which the given one differs from it.

    With f_ic the evidence that item i belongs in category c and y_i the category that it is given::

        P(c | i)   = softmax over c of  w · f_ic
        P(y_i | i) = r_right · P(y_i | i) + sum over depths d of r_d · sum over c of P(c | i) · M_d(y_i | c)

    where M_d(y | c) is uniform over the categories y whose lowest common ancestor with c has depth d: d = 0
    is a move to another branch, d = depth(c) - 1 one to a sibling. An item whose category has no relative at
    some depth stays where it is. Weights and rates together maximise the
    likelihood of the categories that are given, so the catalogue itself tells how often items are moved, and
    how far; without labels that are known to be wrong. The noise is a label-transition matrix as in Patrini
    et al., "Making deep neural networks robust to label noise" (CVPR 2017), with a number for each depth of
    the tree in place of one for each pair of categories.

    Attributes:
        weights: float64 (F,), of standardised evidence.
        center: float64 (F,), mean of the evidence.
        spread: float64 (F,), its standard deviation.
        rates: float64 (D + 1,): share of items that are filed right, then of those moved at each depth of
            the common ancestor; they sum to 1.
    """

    weights: FloatArray
    center: FloatArray
    spread: FloatArray
    rates: FloatArray

    def probabilities(self, features: FloatArray, candidates: Candidates) -> FloatArray:
        """P(c | i), float64 (P,), of evidence (P, F); a stranger's counts for all it stands for."""
        return _softmax(((features - self.center) / self.spread) @ self.weights, candidates)

    def moves(
        self, probabilities: FloatArray, candidates: Candidates, relatives: npt.NDArray[np.int64]
    ) -> FloatArray:
        """P(item belongs in c and was moved from there, given its category), float64 (P,); 0 for the own.

        Args:
            probabilities: (P,) from `probabilities`.
            candidates: The pairs.
            relatives: (nodes, D) from `categories_by_common_depth`.
        """
        moved = probabilities * self.rates[1:][_depth(candidates)] * _move_probability(candidates, relatives)
        right = _right(self.rates, _stays(candidates, relatives)) * probabilities[candidates.own]
        return np.asarray(moved / (right + candidates.sums(moved))[candidates.row])


def fit_label_model(
    features: FloatArray, candidates: Candidates, relatives: npt.NDArray[np.int64]
) -> LabelModel:
    """Find weights and rates by maximum likelihood (L-BFGS), with a little shrinkage.

    Args:
        features: (P, F) evidence.
        candidates: The pairs, of any number of items.
        relatives: (nodes, D) from `categories_by_common_depth`.

    Raises:
        TrainingError: The likelihood is not finite, or its maximum is not found.
    """
    center, spread = features.mean(0), features.std(0)
    spread = np.where(spread > 0, spread, 1)
    x = (features - center) / spread
    items, depths, width = len(candidates.start), relatives.shape[1], features.shape[1]
    move, depth, is_own = _move_probability(candidates, relatives), _depth(candidates), candidates.is_own
    stays, expected = _stays(candidates, relatives), np.log(_FIRST_RATE)

    def objective(parameters: FloatArray) -> tuple[float, FloatArray]:
        weights, logits = parameters[:width], parameters[width:]
        p = _softmax(x @ weights, candidates)
        rates = _rates(logits)
        right = _right(rates, stays)
        given = np.where(is_own, right[candidates.row], rates[1:][depth] * move)  # P(given | true one)
        likelihood = candidates.sums(p * given)
        off = logits - expected
        value = -np.log(likelihood).mean() + _SHRINK * weights @ weights + _SHRINK_RATES * off @ off
        share = p * given / likelihood[candidates.row]  # P(true category | given one)
        gradient = x.T @ (p - share) / items + 2 * _SHRINK * weights
        by_depth = np.bincount(depth, share * ~is_own, depths)
        by_depth += rates[1:] * (stays * (share[candidates.own] / right)[:, None]).sum(0)
        slopes = rates[1:] - by_depth / items + 2 * _SHRINK_RATES * off
        return float(value), np.append(gradient, slopes)

    start = np.append(np.zeros(width), np.full(depths, expected))
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS})
    if not np.isfinite(found.fun):
        raise TrainingError("audit: the likelihood of the label model is not finite")
    # A line search also gives up where rounding leaves nothing to gain, and then the gradient is flat.
    if found.status == 1 or (not found.success and np.abs(found.jac).max() > _FLAT):
        raise TrainingError(f"audit: the label model was not found in {_STEPS} steps ({found.message})")
    return LabelModel(found.x[:width], center, spread, _rates(found.x[width:]))


def _stays(candidates: Candidates, relatives: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Bool (b, D): depths at which there is nowhere to move from the item's own category."""
    return np.asarray(relatives[candidates.node[candidates.own]] == 0)


def _right(rates: FloatArray, stays: npt.NDArray[np.bool_]) -> FloatArray:
    """P(given category | it is the true one), (b,): not moved, or meant to be with nowhere to go."""
    return np.asarray(rates[0] + stays @ rates[1:])


def _rates(logits: FloatArray) -> FloatArray:
    exponents = np.exp(np.append(0, logits) - max(0, logits.max()))
    return np.asarray(exponents / exponents.sum())


def _softmax(scores: FloatArray, candidates: Candidates) -> FloatArray:
    scores = scores + candidates.log_count
    exponents = np.exp(scores - np.maximum.reduceat(scores, candidates.start)[candidates.row])
    return np.asarray(exponents / candidates.sums(exponents)[candidates.row])


def _depth(candidates: Candidates) -> npt.NDArray[np.int64]:
    """Depth of the common ancestor of the pairs, in [0, D); the own category has none that counts."""
    return np.where(candidates.is_own, 0, candidates.common_depth)


def _move_probability(candidates: Candidates, relatives: npt.NDArray[np.int64]) -> FloatArray:
    """M_d(y | c) of the pairs (P,), 0 for the own category."""
    count = relatives[candidates.node, _depth(candidates)]
    return np.where(candidates.is_own, 0.0, 1 / np.maximum(count, 1))

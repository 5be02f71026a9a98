"""What decisions teach about the findings that are still open."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import coo_array, csr_array, hstack
from scipy.special import expit, logit, softmax

from leafcode.audit import KINDS
from leafcode.errors import InputError
from leafcode.review.audit_folder import Audit
from leafcode.taxonomy.distance import lca_depth

LATEST = 1000
"""Decisions learnt from, the latest ones; more would take longer than a reviewer waits."""

_EDGE = 1e-6  # probabilities are kept this far from 0 and 1, whose log-odds are infinite
_BASE = (0.25, 1.0, 0.5)
"""Prior standard deviations of slope, level, and effect of one standard deviation of similarity."""

# What goes together: prior standard deviations of the effects of kinds and depths, categories that items are
# filed at, suggested categories, and pairs of both. The first says that nothing does.
_HYPOTHESES = np.array(
    [
        (0.0, 0.0, 0.0, 0.0),
        (0.5, 0.0, 0.0, 0.0),
        (0.0, 0.3, 0.0, 0.0),
        (0.0, 0.8, 0.0, 0.0),
        (0.0, 0.0, 0.3, 0.0),
        (0.0, 0.0, 0.8, 0.0),
        (0.0, 0.0, 0.0, 0.7),
        (0.0, 0.0, 0.0, 1.4),
        (0.3, 0.3, 0.3, 0.3),
        (0.6, 0.6, 0.6, 0.6),
    ]
)

# Nothing is as likely beforehand as all else together.
_LOG_PRIOR = np.log([0.5, *[0.5 / (len(_HYPOTHESES) - 1)] * (len(_HYPOTHESES) - 1)])


class Reranker:
    """Log-odds that an item is filed wrongly, by the audit's probability and the decisions so far.

    A logistic regression on the log-odds of the audit, whose weight has a normal prior around 1, with
    effects of the groups that a finding is in: its kind and the depth of the lowest common ancestor of its
    two places; the category it is filed at, with all ancestors; the suggested category, with all ancestors;
    the pair of both; and an effect of the mean similarity of the evidence. Effects have normal priors around
    0, so an effect is shrunk towards 0, and a category's towards its parent's, the more the fewer decisions
    speak of it. These are varying intercepts (Gelman and Hill, *Data Analysis Using Regression and
    Multilevel/Hierarchical Models*, 2007, chapter 14), at the mode of the posterior.

    Which groups matter, and how much, differs between catalogues. So the model is fitted under several
    hypotheses, among them that none does, and their weights are averaged by the evidence for each in
    Laplace's approximation (Kass and Raftery, "Bayes Factors", *Journal of the American Statistical
    Association* 90, 1995).

    Reviewers see doubtful items first, and nothing here undoes that selection: the figures are meant to rank.

    Args:
        audit: The findings.
    """

    def __init__(self, audit: Audit) -> None:
        prior = logit(np.clip(audit.probability, _EDGE, 1 - _EDGE))
        base = np.column_stack([prior, np.ones(len(audit)), _mean_similarity(audit)])
        families = _families(audit)
        blocks = [csr_array(base), *(_indicators(each) for each in families)]
        self._design = csr_array(hstack(blocks, format="csr"))
        self._family = np.repeat([each.family for each in families], [each.size for each in families])

    def scores(self, rows: npt.ArrayLike, wrong: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Log-odds of every finding after some were decided.

        Args:
            rows: Integers (m,), the findings decided, the latest last; `LATEST` of them count.
            wrong: Bool (m,), whether each was filed wrongly.

        Returns:
            float64 (n,). Without decisions, the log-odds of the audit.

        Raises:
            InputError: Lengths differ, or a row is no finding.
        """
        at, label = np.asarray(rows, np.int64), np.asarray(wrong, bool)
        n = self._design.shape[0]
        if at.ndim != 1 or at.shape != label.shape or (len(at) and not 0 <= at.min() <= at.max() < n):
            found = f"rows {at.shape} and labels {label.shape}"
            raise InputError("decisions", found, f"as many labels as rows, which lie in [0, {n})")
        weights = np.zeros(self._design.shape[1])
        weights[0] = 1.0
        if len(at):
            at, label = at[-LATEST:], label[-LATEST:]
            # An effect that no decision speaks of stays at its prior mean.
            known = np.union1d(np.arange(len(_BASE)), self._design[at].indices)
            decided, family = self._design[at][:, known], self._family[known[len(_BASE) :] - len(_BASE)]
            fits = [
                _fit(decided, label, np.concatenate([_BASE, deviations[family]]))
                for deviations in _HYPOTHESES
            ]
            share = softmax(_LOG_PRIOR + [each.evidence for each in fits])
            weights[known] = share @ np.array([each.weights for each in fits])
        return np.asarray(self._design @ weights, np.float64)


class _Fit(NamedTuple):
    weights: npt.NDArray[np.float64]
    evidence: float


def _fit(design: csr_array, label: npt.NDArray[np.bool_], deviation: npt.NDArray[np.float64]) -> _Fit:
    """The most probable weights, and the logarithm of the evidence in Laplace's approximation."""
    # In units of the prior: weight = mean + deviation · z, with z ~ N(0, 1).
    scaled = csr_array(design.multiply(deviation))
    offset = design[:, [0]].toarray()[:, 0]
    sign = np.where(label, 1.0, -1.0)

    def loss(z: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        margin = sign * (offset + scaled @ z)
        value = np.logaddexp(0.0, -margin).sum() + 0.5 * (z @ z)
        return float(value), z - scaled.T @ (sign * expit(-margin))

    found = minimize(loss, np.zeros(len(deviation)), jac=True, method="L-BFGS-B")
    chance = expit(offset + scaled @ found.x)
    root = csr_array(scaled.multiply(np.sqrt(chance * (1 - chance))[:, None]))
    # det(1 + AᵀA) = det(1 + AAᵀ), which has a row per decision.
    _, volume = np.linalg.slogdet(np.eye(len(label)) + (root @ root.T).toarray())
    weights = deviation * found.x
    weights[0] += 1.0
    return _Fit(weights, float(-found.fun - 0.5 * volume))


class _Family(NamedTuple):
    """Groups: those of each finding (n, any), -1 for none; how many there are; column of the hypotheses."""

    groups: npt.NDArray[np.integer[Any]]
    size: int
    family: int


def _families(audit: Audit) -> list[_Family]:
    nodes, chain = len(audit.taxonomy), audit.taxonomy.ancestors
    has = audit.suggested >= 0
    pairs, pair = np.unique(audit.given * nodes + audit.suggested, return_inverse=True)
    shared = np.full(len(audit), -1)
    shared[has] = lca_depth(audit.taxonomy, audit.given[has], audit.suggested[has])
    return [
        _Family(audit.kinds[:, None], len(KINDS), 0),
        _Family(shared[:, None], audit.taxonomy.max_depth + 1, 0),
        _Family(chain[audit.given], nodes, 1),
        _Family(np.where(has[:, None], chain[audit.suggested], -1), nodes, 2),
        _Family(np.where(has, pair, -1)[:, None], len(pairs), 3),
    ]


def _indicators(family: _Family) -> coo_array:
    row, place = np.nonzero(family.groups >= 0)
    shape = (len(family.groups), family.size)
    return coo_array((np.ones(len(row)), (row, family.groups[row, place])), shape=shape)


def _mean_similarity(audit: Audit) -> npt.NDArray[np.float64]:
    """Mean similarity of each finding's evidence, standardised; 0, the mean, for a finding without any."""
    known = ~np.isnan(audit.evidence.similarity)
    owner = np.repeat(np.arange(len(audit)), np.diff(audit.evidence.offsets))[known]
    counts = np.bincount(owner, minlength=len(audit))
    sums = np.bincount(owner, audit.evidence.similarity[known], minlength=len(audit))
    has = counts > 0
    mean = sums[has] / counts[has]
    standard = np.zeros(len(audit))
    if len(mean) and mean.std() > 0:
        standard[has] = (mean - mean.mean()) / mean.std()
    return standard

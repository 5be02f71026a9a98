"""Engagement: which items are bought or viewed together, more than their popularity explains."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.linalg import ArpackError, eigsh

from leafcode.catalog._positions import check_positions
from leafcode.catalog.co_occurrence import CoOccurrence, count_pairs
from leafcode.errors import InputError

AssociationName = Literal["ppmi", "npmi", "lift"]


@dataclass(frozen=True, eq=False)
class Engagement:
    """Association between items, symmetric, sparse and read-only; made by `from_baskets`.

    Let w_ij be the weight of a pair over all baskets (see `count_pairs`), r_i the sum of item i's weights,
    p_ij = w_ij / sum of r, and α the smoothing. The pointwise mutual information is::

        PMI_ij = log( p_ij / (p_i · q_j) ),   p_i = r_i / sum of r,   q_j = r_j^α / sum of r^α

    averaged over (i, j) and (j, i). The exponent takes from rare items the high PMI that a few baskets give
    them (Levy, Goldberg & Dagan, "Improving Distributional Similarity with Lessons Learned from Word
    Embeddings", TACL 2015, equation 3); with α = 1 it is the plain PMI. Only pairs of positive PMI and enough
    support are kept. Their association is PMI ("ppmi"), PMI / -log p_ij up to 1 ("npmi"; Bouma, "Normalized
    (Pointwise) Mutual Information in Collocation Extraction", GSCL 2009) or exp(PMI) ("lift").

    Args:
        association: float64 CSR (n, n), symmetric, positive, diagonal empty.
        relevance: float32 CSR (n, n), the normalised PMI of the same pairs, in (0, 1].
        baskets: Number of baskets counted.
        left_out: Number of baskets left out for their size.

    Example:
        >>> basket = np.array([0, 0, 1, 1, 2, 2, 3, 3])
        >>> item = np.array([0, 1, 0, 1, 2, 3, 2, 4])  # 0 and 1 always together, 4 once with 2
        >>> engagement = Engagement.from_baskets(basket, item, 6, min_support=1)
        >>> engagement
        Engagement(6 items, 5 with history, 3 pairs from 4 baskets)
        >>> engagement.matrix([2, 3, 0, 5])[0].astype(float).round(2).tolist()
        [1.0, 0.65, 0.0, 0.0]
    """

    association: sp.csr_array
    relevance: sp.csr_array
    baskets: int
    left_out: int

    def __post_init__(self) -> None:
        for matrix in (self.association, self.relevance):
            for array in (matrix.data, matrix.indices, matrix.indptr):
                array.flags.writeable = False

    @classmethod
    def from_baskets(
        cls,
        basket: npt.NDArray[Any],
        item: npt.NDArray[np.integer[Any]],
        n_items: int,
        *,
        min_support: int = 2,
        window: int | None = None,
        position: npt.NDArray[Any] | None = None,
        max_basket: int = 1000,
        association: AssociationName = "ppmi",
        smoothing: float = 0.75,
    ) -> Engagement:
        """Engagement from lines of (basket, item), for example orders, sessions or the history of users.

        Args:
            basket: (m,) integers or texts, the basket of each line.
            item: Integers (m,) in [0, n_items).
            n_items: Number of items of the catalogue.
            min_support: Baskets that a pair must share; what a single basket says is mostly chance.
            window: Places between the two items of a pair at most, for sessions; None for whole baskets.
            position: Order of the lines in their session; see `count_pairs`.
            max_basket: Whole baskets of more different items are left out, and counted in ``left_out``.
            association: "ppmi", "npmi" or "lift".
            smoothing: Exponent α in (0, 1]: 1 for none.

        Raises:
            InputError: The lines do not fit together, or a setting is out of range.
        """
        if min_support < 1:
            raise InputError("min_support", repr(min_support), "at least 1")
        if not 0 < smoothing <= 1:
            raise InputError("smoothing", repr(smoothing), "a number in (0, 1]")
        if association not in ("ppmi", "npmi", "lift"):
            raise InputError("association", repr(association), "'ppmi', 'npmi' or 'lift'")
        counts = count_pairs(basket, item, n_items, window=window, position=position, max_basket=max_basket)
        pmi, information = _pmi(counts, n_items, smoothing)
        kept = (counts.support >= min_support) & (pmi > 0)
        first, second, pmi = counts.first[kept], counts.second[kept], pmi[kept]
        npmi = np.minimum(pmi / information[kept], 1.0)
        value = {"ppmi": pmi, "npmi": npmi, "lift": np.exp(pmi)}[association]
        return cls(
            _symmetric(first, second, value, n_items),
            _symmetric(first, second, npmi.astype(np.float32), n_items),
            counts.baskets,
            counts.left_out,
        )

    def __len__(self) -> int:
        return int(self.association.shape[0])

    def __repr__(self) -> str:
        history, pairs = int(np.count_nonzero(self.has_history)), self.association.nnz // 2
        return (
            f"Engagement({len(self):,} items, {history:,} with history, {pairs:,} pairs "
            f"from {self.baskets:,} baskets)"
        )

    @property
    def degree(self) -> npt.NDArray[np.int64]:
        """int64 (n,): number of items that each item is associated with."""
        return np.asarray(np.diff(self.association.indptr), np.int64)

    @property
    def has_history(self) -> npt.NDArray[np.bool_]:
        """Bool (n,): items with at least one association. Of the others nothing is known."""
        return np.asarray(self.degree > 0)

    def among(self, items: npt.NDArray[np.integer[Any]]) -> Engagement:
        """The same number of items, and of the pairs those whose two items (k,) are both given.

        Example:
            >>> engagement = Engagement.from_baskets(np.array([0, 0, 0, 1, 1, 1]), np.array([0, 1, 2] * 2), 3)
            >>> engagement.among(np.array([2, 0]))
            Engagement(3 items, 2 with history, 1 pairs from 2 baskets)
        """
        kept = np.zeros(len(self))
        kept[check_positions(items, len(self), "items")] = 1
        chosen = sp.diags_array(kept)

        def part(matrix: sp.csr_array) -> sp.csr_array:
            left = sp.csr_array(chosen @ matrix @ chosen, dtype=matrix.dtype)
            left.eliminate_zeros()
            left.sort_indices()
            return left

        return Engagement(part(self.association), part(self.relevance), self.baskets, self.left_out)

    def digest(self) -> str:
        """SHA-256 of the pairs and their association, by which changed baskets are noticed."""
        digest = hashlib.sha256()
        for array, kind in zip(self.pairs(), ("<i8", "<i8", "<f8"), strict=True):
            digest.update(np.ascontiguousarray(array, kind).tobytes())
        return digest.hexdigest()

    def pairs(
        self,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """All pairs once, sorted: int64 i (p,) < int64 j (p,), and their association, float64 (p,).

        Example:
            >>> engagement = Engagement.from_baskets(np.array([0, 0, 1, 1]), np.array([2, 0, 2, 0]), 3)
            >>> [part.round(2).tolist() for part in engagement.pairs()]
            [[0], [2], [0.69]]
        """
        upper = sp.triu(self.association, 1).tocoo()
        first, second = (places.astype(np.int64) for places in upper.coords)
        order = np.lexsort((second, first))
        return first[order], second[order], upper.data[order]

    def matrix(self, items: npt.ArrayLike, others: npt.ArrayLike | None = None) -> npt.NDArray[np.float32]:
        """Relevance of every pair of some items: their normalised PMI, whatever the association is.

        1 is an item with itself, or items that never occur one without the other; 0 means not more often
        together than chance has it, too seldom to tell, or no history at all. So 0 is no proof that items do
        not belong together: see docs/engagement.md for how to join it with a tree. Most pairs of real baskets
        lie below 0.4, so choose the grades of a loss accordingly.

        Args:
            items: Integers (A,) in [0, n).
            others: Integers (B,); ``items`` if left out.

        Returns:
            float32 (A, B), in [0, 1].

        Raises:
            InputError: Not integers of one dimension, or out of range.

        Example:
            >>> engagement = Engagement.from_baskets(np.array([0, 0, 1, 1]), np.array([2, 0, 2, 0]), 3)
            >>> engagement.matrix([0, 1, 2]).tolist()
            [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]
        """
        rows = check_positions(items, len(self), "items")
        columns = rows if others is None else check_positions(others, len(self), "others")
        dense: npt.NDArray[np.float32] = self.relevance[rows][:, columns].toarray()
        dense[rows[:, None] == columns] = 1
        return dense

    def vectors(self, dim: int, seed: int = 0) -> npt.NDArray[np.float32]:
        """Co-purchase vectors: truncated singular value decomposition of the association matrix.

        Rows of U · sqrt(S), as Levy et al. 2015 advise over U · S. Two items are close if they go with the
        same items, whether or not they share a basket: substitutes rather than complements. The matrix is
        symmetric, so U holds eigenvectors and S the absolute eigenvalues, which ARPACK finds more exactly. In
        each column the largest entry in size is positive. Zero rows are items without history.

        Args:
            dim: Below the number of items with history.
            seed: Of the vector that ARPACK starts with.

        Returns:
            float32 (n, dim), the strongest dimension first; not normalised.

        Raises:
            InputError: ``dim`` is out of range.

        Example:
            >>> basket = np.repeat([0, 1, 2], 2)
            >>> item = np.array([0, 2, 1, 2, 3, 4])  # 0 and 1 both go with 2
            >>> engagement = Engagement.from_baskets(basket, item, 6, min_support=1)
            >>> vectors = engagement.vectors(4)
            >>> bool(np.allclose(vectors[0], vectors[1], atol=1e-6)), vectors[5].tolist()
            (True, [0.0, 0.0, 0.0, 0.0])
        """
        known = np.flatnonzero(self.has_history)
        if not 1 <= dim < len(known):
            raise InputError("dim", repr(dim), f"at least 1, and less than {len(known):,} items with history")
        start = np.random.default_rng(seed).normal(size=len(known))
        try:
            values, basis = eigsh(self.association[known][:, known], k=dim, which="LM", v0=start)
        except ArpackError as error:
            found = f"an association whose {dim} strongest dimensions are not found ({error})"
            raise InputError("engagement", found, "one that is", "Ask for fewer dimensions.") from error
        order = np.argsort(-np.abs(values), kind="stable")
        values, basis = np.abs(values[order]), basis[:, order]
        largest = basis[np.abs(basis).argmax(axis=0), np.arange(dim)]
        vectors = np.zeros((len(self), dim), np.float32)
        vectors[known] = basis * np.where(largest < 0, -1, 1) * np.sqrt(values)
        return vectors


def _pmi(
    counts: CoOccurrence, n_items: int, smoothing: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """PMI (p,), the mean of both directions, and -log p_ij (p,), both from the pairs of any support."""
    sums = np.bincount(counts.first, counts.weight, n_items)
    sums += np.bincount(counts.second, counts.weight, n_items)
    total, smoothed = sums.sum(), (sums**smoothing).sum()
    both = np.log(sums[counts.first]) + np.log(sums[counts.second])
    return (
        np.log(counts.weight * smoothed) - (1 + smoothing) / 2 * both,
        -np.log(counts.weight / total),
    )


def _symmetric(
    first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], value: npt.NDArray[Any], n_items: int
) -> sp.csr_array:
    places = (np.concatenate([first, second]), np.concatenate([second, first]))
    matrix = sp.csr_array((np.concatenate([value, value]), places), shape=(n_items, n_items))
    matrix.sort_indices()
    return matrix

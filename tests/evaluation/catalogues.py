"""Small random catalogues with codes: ragged trees, unlabelled items, repeated codes and vectors."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st


@dataclass
class Catalogue:
    codes: np.ndarray
    ancestors: np.ndarray
    embeddings: np.ndarray
    quantized: np.ndarray
    heldout: np.ndarray

    @property
    def train(self):
        return ~self.heldout


def random_catalogue(seed, n=60, depth=3, branching=2, levels=3, codebook=3, unlabelled=0.1):
    """Items on random nodes of a tree; equal codes have equal quantised vectors, as a quantiser's do."""
    rng = np.random.default_rng(seed)
    segments = rng.integers(branching, size=(n, depth))
    segments[np.arange(depth) >= rng.integers(1, depth + 1, size=n)[:, None]] = -1
    segments[rng.random(n) < unlabelled] = -1
    prefixes = [[tuple(row[: d + 1]) if row[d] >= 0 else None for d in range(depth)] for row in segments]
    numbers = {p: i for i, p in enumerate(sorted({p for row in prefixes for p in row if p}))}
    ancestors = np.array([[numbers.get(p, -1) for p in row] for row in prefixes]).reshape(n, depth)
    # The codes follow the tree half of the time, so that measures of agreement are not all near 0.
    codes = rng.integers(codebook, size=(n, levels))
    follow = rng.random(n) < 0.5
    width = min(levels, depth)
    codes[follow, :width] = np.maximum(segments[follow, :width], 0) % codebook
    codewords = rng.normal(size=(levels, codebook, 5))
    quantized = sum(codewords[level, codes[:, level]] for level in range(levels))
    embeddings = rng.normal(size=(n, 6)) + 2 * rng.normal(size=(branching + 1, 6))[segments[:, 0]]
    embeddings[n // 2] = embeddings[0]
    heldout = rng.random(n) < 0.3
    heldout[0], heldout[-1] = False, True
    return Catalogue(codes, ancestors, embeddings, quantized, heldout)


catalogues = st.builds(
    random_catalogue,
    seed=st.integers(0, 10**6),
    n=st.integers(2, 60),
    depth=st.integers(1, 4),
    branching=st.integers(1, 4),
    levels=st.integers(1, 4),
    codebook=st.integers(1, 6),
    unlabelled=st.sampled_from([0.0, 0.2, 1.0]),
)

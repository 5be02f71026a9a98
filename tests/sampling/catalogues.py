"""Catalogues for the tests of the samplers, as lists of paths."""

import numpy as np
from hypothesis import strategies as st

from leafcode.taxonomy import Taxonomy

LABELS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple)


@st.composite
def catalogues(draw, min_items=12):
    """Paths of a random small catalogue: ragged, items on inner nodes, sometimes under a chain of nodes."""
    trunk = draw(st.sampled_from([(), (), ("top",), ("top", "below")]))
    labels = draw(st.lists(LABELS, min_size=1, max_size=10, unique=True))
    on_trunk = [trunk] if trunk and draw(st.booleans()) else []
    nodes = [*on_trunk, *(trunk + label for label in labels)]
    counts = draw(st.lists(st.integers(1, 9), min_size=len(nodes), max_size=len(nodes)))
    counts[draw(st.integers(0, len(nodes) - 1))] += max(0, min_items - sum(counts))
    paths = [path for path, count in zip(nodes, counts, strict=True) for _ in range(count)]
    paths += [None] * draw(st.integers(0, 5))
    return draw(st.permutations(paths))


def build(paths):
    """Tree, and node of each item."""
    return Taxonomy.from_paths([path if path is None else " > ".join(path) for path in paths])


def uneven_catalogue(n=4000, seed=0):
    """A large catalogue: three levels, roots and categories of very uneven size, many single items."""
    rng = np.random.default_rng(seed)
    root = np.minimum(rng.geometric(0.35, n), 8)
    middle = np.minimum(rng.geometric(0.4, n), 6)
    leaf = np.minimum(rng.zipf(1.6, n), 200)
    return [tuple(map(str, path)) for path in zip(root, middle, leaf, strict=True)]

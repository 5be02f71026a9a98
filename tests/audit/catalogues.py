"""Catalogues for the tests of the audit: Gaussian clusters in a tree, some items filed elsewhere."""

from itertools import product
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from tests.strategies import labelled_trees

from leafcode.audit.candidates import find_candidates
from leafcode.taxonomy import Taxonomy


class Moved(NamedTuple):
    """A catalogue and where its items belong."""

    tree: Taxonomy
    embeddings: np.ndarray
    nodes: np.ndarray
    true: np.ndarray


def moved_catalogue(n=600, branches=3, siblings=4, to_sibling=0.04, to_branch=0.04, noise=1.8, seed=0):
    """A full tree of two levels; shares of the items moved to a sibling and to another branch."""
    rng = np.random.default_rng(seed)
    paths = [f"{a} > {b}" for a, b in product("abcdefgh"[:branches], "klmnopqr"[:siblings])]
    tree, leaves = Taxonomy.from_paths(paths)
    branch = np.repeat(rng.normal(size=(branches, 24)), siblings, axis=0)
    centers = branch + rng.normal(size=(len(paths), 24))
    true = rng.integers(len(paths), size=n)
    vectors = centers[true] + noise * rng.normal(size=(n, 24))
    hand = rng.random(n)
    home = true // siblings * siblings
    sibling = home + (true - home + rng.integers(1, siblings, n)) % siblings
    stranger = (home + siblings + rng.integers(len(paths) - siblings, size=n)) % len(paths)
    given = np.select([hand < to_sibling, hand < to_sibling + to_branch], [sibling, stranger], true)
    return Moved(tree, vectors.astype(np.float32), leaves[given], leaves[true])


@st.composite
def weighted_items(draw, min_items=3, dimensions=4):
    """A tree, and items on it: vectors of unit length, nodes and weights in (0, 1]."""
    tree, nodes = draw(labelled_trees(max_nodes=12, max_items=16, unlabelled=False))
    nodes = np.array(nodes + nodes[:1] * max(0, min_items - len(nodes)))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    unit = rng.normal(size=(len(nodes), dimensions)).astype(np.float32)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    return tree, unit, nodes, rng.uniform(0.1, 1, len(nodes))


def all_categories(own, categories, tree):
    """Candidates of which every item has all categories: what the sparse form stands for."""
    own = np.asarray(own)
    everywhere = np.tile(categories, (len(own), 1))
    return find_candidates(own, everywhere, categories, tree, 1, np.random.default_rng(0))

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafcode.taxonomy import Taxonomy
from leafcode.taxonomy.structure import family_levels as module
from leafcode.taxonomy.structure.category_means import CategoryMeans, category_means
from leafcode.taxonomy.structure.family_levels import FEWEST_ITEMS, family_levels


def two_levels(families, dimensions=4, seed=0):
    """A tree of families of 1, 2, 3, 1, … members, and a random mean for each of its nodes."""
    paths = [f"{family:05d} > {child}" for family in range(families) for child in range(1 + family % 3)]
    tree, _ = Taxonomy.from_paths(paths)
    means = np.random.default_rng(seed).normal(size=(len(tree), dimensions)) / dimensions
    return tree, CategoryMeans(np.arange(len(tree)), np.full(len(tree), FEWEST_ITEMS), means)


@given(st.integers(2, 9), st.integers(0, 99))
def test_every_category_against_plain_python(families, seed):
    tree, means = two_levels(families, seed=seed)
    (level,) = family_levels(tree, means)
    cosine = means.means @ means.means.T
    children = {parent: tree.children(parent).tolist() for parent in tree.children(-1).tolist()}
    for place, node in enumerate(level.nodes.tolist()):
        parent = int(tree.parents[node])
        siblings = [each for each in children[parent] if each != node]
        others = {p: cosine[node, c].mean() for p, c in children.items() if p != parent and len(c) > 1}
        if siblings:
            assert level.to_siblings[place] == pytest.approx(cosine[node, siblings].mean())
        if not siblings or not others:
            assert np.isnan(level.silhouette[place])
            assert level.other[place] == -1
            continue
        nearest = max(others, key=others.get)
        assert level.parents[level.other[place]] == nearest
        own, other = cosine[node, siblings].mean(), others[nearest]
        assert level.to_other[place] == pytest.approx(other)
        assert level.silhouette[place] == pytest.approx((own - other) / (1 - min(own, other)))


@pytest.mark.parametrize("block", [1, 3, 8])
def test_the_size_of_the_blocks_changes_nothing(monkeypatch, block):
    tree, means = two_levels(12)
    (whole,) = family_levels(tree, means)
    monkeypatch.setattr(module, "_BLOCK", block)
    (parts,) = family_levels(tree, means)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other)


def test_memory_does_not_grow_with_categories_times_families():
    tree, means = two_levels(2000)
    (level,) = family_levels(tree, means)
    whole = 8 * len(level.nodes) * len(level.parents)
    tracemalloc.start()
    try:
        family_levels(tree, means)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < whole / 2


def test_categories_with_few_items_do_not_count():
    paths = [path for path in ("A > x", "A > y", "B > z") for _ in range(FEWEST_ITEMS)]
    tree, nodes = Taxonomy.from_paths(paths)
    x = np.random.default_rng(0).normal(size=(len(paths), 3))
    (level,) = family_levels(tree, category_means(tree, nodes, x))
    assert level.depth == 2
    assert level.nodes.tolist() == [tree.find(path) for path in ("A > x", "A > y", "B > z")]
    assert family_levels(tree, category_means(tree, nodes[:-1], x[:-1])) == ()

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_samples
from tests.strategies import labelled_trees

from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy
from leafcode.taxonomy.structure.category_means import category_means
from leafcode.taxonomy.structure.family_levels import FEWEST_ITEMS, family_levels
from leafcode.taxonomy.structure.meaning_checks import family_fit, nearer_families, unlike_siblings


def vectors(nodes, seed=0, dimensions=4):
    return np.random.default_rng(seed).normal(size=(len(nodes), dimensions))


def levels_of(tree, nodes, x):
    return family_levels(tree, category_means(tree, nodes, x))


def around(centres, copies=FEWEST_ITEMS, noise=0.05, seed=0):
    """A catalogue with a path and a direction for each category, and its vectors."""
    paths = [path for path in centres for _ in range(copies)]
    tree, nodes = Taxonomy.from_paths(paths)
    middle = np.array([centres[path] for path in paths], float)
    return tree, nodes, middle + np.random.default_rng(seed).normal(scale=noise, size=middle.shape)


@settings(max_examples=40)
@given(labelled_trees(), st.integers(0, 99))
def test_means_are_those_of_the_items_beneath(drawn, seed):
    tree, nodes = drawn[0], np.array(drawn[1])
    x = vectors(nodes, seed)
    found = category_means(tree, nodes, x)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    expected = {}
    for node in range(len(tree)):
        below = (nodes >= node) & (nodes < tree.end[node])
        if below.any():
            expected[node] = (below.sum(), unit[below].mean(0))
    assert found.nodes.tolist() == list(expected)
    assert found.sizes.tolist() == [size for size, _ in expected.values()]
    for row, (_, mean) in zip(found.means, expected.values(), strict=True):
        np.testing.assert_allclose(row, mean, atol=1e-9)


@settings(max_examples=30)
@given(st.integers(0, 999))
def test_the_fit_averages_over_pairs_of_items(seed):
    paths = [f"{p} > {c}" for p, c in ("Aa", "Ab", "Ac", "Bd", "Be", "Cf") for _ in range(FEWEST_ITEMS)]
    tree, nodes = Taxonomy.from_paths(paths)
    x = vectors(nodes, seed)
    (found,) = family_fit(levels_of(tree, nodes, x))
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    cosine = unit @ unit.T
    parent = tree.parents[nodes]
    same, family = nodes[:, None] == nodes, parent[:, None] == parent
    # All categories have equally many items, so pairs of categories and pairs of items weigh the same.
    assert found.siblings == pytest.approx(cosine[family & ~same].mean())
    assert found.strangers == pytest.approx(cosine[~family].mean())
    assert found.categories == 6


def test_the_silhouette_is_that_of_scikit_learn():
    # Without spread within a category, the average cosine of items is that of two points.
    rng = np.random.default_rng(3)
    names = ["A > a", "A > b", "A > c", "B > d", "B > e", "C > f", "C > g"]
    tree, nodes, x = around({name: rng.normal(size=3) for name in names}, noise=0)
    (found,) = family_fit(levels_of(tree, nodes, x))
    points = np.array([x[nodes == node][0] for node in np.unique(nodes)])
    expected = silhouette_samples(points, tree.parents[np.unique(nodes)], metric="cosine")
    assert found.silhouette == pytest.approx(expected.mean())


def test_a_category_that_is_nearer_to_another_family():
    tree, nodes, x = around(
        {
            "Tea > Green": (1, 0, 0),
            "Tea > Black": (1, 0.2, 0),
            "Tea > Kettles": (0, 1, 0.2),
            "Pots > Pans": (0, 1, 0),
            "Pots > Woks": (0, 1, 0.1),
        }
    )
    levels = levels_of(tree, nodes, x)
    (found,) = nearer_families(tree, levels)
    assert (found.nodes, found.severity, found.weight) == (("Tea > Kettles", "Pots"), "note", FEWEST_ITEMS)
    # With fewer items the average is not trusted.
    keep = np.flatnonzero(nodes != tree.find("Tea > Kettles"))
    keep = np.append(keep, np.flatnonzero(nodes == tree.find("Tea > Kettles"))[1:])
    assert nearer_families(tree, levels_of(tree, nodes[keep], x[keep])) == []


def test_siblings_that_are_no_more_alike_than_strangers():
    tree, nodes, x = around(
        {
            "Gifts > Tea": (1, 0, 0),
            "Gifts > Pans": (0, 1, 0),
            "Gifts > Toys": (0, 0, 1),
            "Food > Tea": (1, 0, 0),
            "Food > Coffee": (1, 0.1, 0),
            "Pots > Woks": (0, 1, 0),
            "Pots > Lids": (0, 1, 0.1),
        }
    )
    (found,) = unlike_siblings(tree, levels_of(tree, nodes, x))
    assert found.nodes == ("Gifts", "Gifts > Pans", "Gifts > Tea", "Gifts > Toys")
    assert found.severity == "warning"


def test_one_family_has_nothing_to_be_compared_with():
    tree, nodes, x = around({"A > a": (1, 0), "A > b": (0, 1)})
    levels = levels_of(tree, nodes, x)
    assert (family_fit(levels), nearer_families(tree, levels), unlike_siblings(tree, levels)) == (
        (),
        [],
        [],
    )


def test_without_siblings_the_figures_are_undefined():
    tree, nodes, x = around({"A > a": (1, 0), "B > b": (0, 1)})
    (found,) = family_fit(levels_of(tree, nodes, x))
    assert math.isnan(found.siblings)
    assert math.isnan(found.silhouette)
    assert found.strangers == pytest.approx(0, abs=0.1)


def test_embeddings_of_another_length():
    tree, nodes = Taxonomy.from_paths(["A"])
    with pytest.raises(InputError, match=r"embeddings: found shape \(2, 3\); expected \(1, D\)"):
        category_means(tree, nodes, np.ones((2, 3)))

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.audit.catalogues import moved_catalogue, weighted_items
from tests.oracles.audit import category_mean, common_depth, within_scatter

from leafcode.audit.category_means import _RIDGE, category_means, whitening


@settings(max_examples=30)
@given(weighted_items())
def test_means_against_the_recursion(catalogue):
    tree, unit, nodes, weights = catalogue
    means = category_means(unit, nodes, weights, tree)
    parents = tree.parents.tolist()
    for node in range(len(tree)):
        expected = category_mean(parents, unit.astype(float), nodes, weights, node)
        assert np.allclose(means.vectors[node], expected, atol=1e-5)


@settings(max_examples=30)
@given(weighted_items(), st.integers(0, 99))
def test_a_share_is_what_the_item_adds(catalogue, number):
    """Without the share of an item, the mean is that in which its vector is nought."""
    tree, unit, nodes, weights = catalogue
    item, parents = number % len(nodes), tree.parents.tolist()
    means = category_means(unit, nodes, weights, tree)
    rest = unit.astype(float)
    rest[item] = 0
    for node in range(len(tree)):
        share = means.share[node, common_depth(parents, node, nodes[item])] * weights[item]
        expected = category_mean(parents, rest, nodes, weights, node)
        assert np.allclose(means.vectors[node] - share * unit[item], expected, atol=1e-5)


def test_taking_out_the_share_points_where_the_mean_without_the_item_does():
    """What differs is how strongly the parent draws: its weight still counts the item."""
    tree, unit, nodes, _ = moved_catalogue(n=60, seed=1)
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    weights, parents = np.ones(len(nodes)), tree.parents.tolist()
    means = category_means(unit, nodes, weights, tree)
    for item in range(0, 60, 7):
        kept = np.arange(60) != item
        for node in set(nodes.tolist()):
            share = means.share[node, common_depth(parents, node, nodes[item])]
            found = means.vectors[node] - share * unit[item]
            left_out = category_mean(parents, unit[kept].astype(float), nodes[kept], weights[kept], node)
            assert found @ left_out > 0.999 * np.linalg.norm(found) * np.linalg.norm(left_out)


@settings(max_examples=30)
@given(weighted_items(min_items=6))
def test_whitening_makes_the_scatter_of_the_other_folds_round(catalogue):
    _, unit, nodes, weights = catalogue
    folds = np.arange(len(nodes)) % 3
    for fold, metric in enumerate(whitening(unit, nodes, weights, folds)):
        others = folds != fold
        scatter = within_scatter(unit[others].astype(float), nodes[others], weights[others])
        ridge = max(_RIDGE * np.trace(scatter) / len(scatter), 1e-12)
        if ridge < 1e-5:  # every category has a single item: nothing but rounding is left
            continue
        values, axes = np.linalg.eigh(scatter)
        expected = axes @ np.diag((values + ridge) ** -0.5) @ axes.T * np.sqrt(values[-1] + ridge)
        assert np.allclose(metric, expected, rtol=1e-3, atol=1e-3)


def test_whitening_does_not_see_its_own_fold():
    _, embeddings, nodes, _ = moved_catalogue(n=90)
    folds, weights = np.arange(90) % 3, np.ones(90)
    before = whitening(embeddings, nodes, weights, folds)
    changed = np.where((folds == 1)[:, None], embeddings[::-1], embeddings)
    after = whitening(changed, nodes, weights, folds)
    assert np.allclose(before[1], after[1], atol=1e-6)
    assert not np.allclose(before[0], after[0], atol=1e-3)


def test_without_spread_within_categories_nothing_is_turned():
    eye = np.eye(4, dtype=np.float32)
    found = whitening(eye, np.arange(4), np.ones(4), np.arange(4) % 2)
    assert np.allclose(found, eye)

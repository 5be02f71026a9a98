import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.audit.catalogues import all_categories, moved_catalogue
from tests.oracles.audit import category_mean, common_depth
from tests.oracles.trees import chain
from tests.strategies import labelled_trees

from leafcode.audit.category_means import whitening
from leafcode.audit.evidence import NAMES, Evidence
from leafcode.audit.neighbors import nearest_neighbors, unit_vectors


def column(features, name, categories):
    """One column of the features of all categories, a row per item."""
    return features[:, NAMES.index(name)].reshape(-1, categories)


def prepare(tree, nodes, seed=0, k=3):
    """Everything that evidence needs, of random vectors and weights."""
    rng = np.random.default_rng(seed)
    nodes = np.array(nodes)
    unit = unit_vectors(rng.normal(size=(len(nodes), 4)))
    near = nearest_neighbors(unit, min(k, len(nodes) - 1))
    trust, folds = rng.uniform(0.2, 1, len(nodes)), np.arange(len(nodes)) % 2
    categories = np.unique(nodes)
    evidence = Evidence(unit, nodes, tree, near, folds, trust)
    candidates = all_categories(nodes, categories, tree)
    # Every neighbour's pair, in place of every category's.
    places = np.searchsorted(categories, nodes[near.items]) + candidates.start[:, None]
    features = evidence.features(np.arange(len(nodes)), candidates._replace(by_neighbor=places))
    return features, unit, nodes, trust, folds, near, categories, evidence.scale


@settings(max_examples=30)
@given(
    labelled_trees(max_nodes=12, max_items=12, unlabelled=False).filter(lambda c: len(c[1]) > 3), st.data()
)
def test_votes_against_counting(labelled, data):
    tree, nodes = labelled
    features, _, nodes, trust, _, near, categories, scale = prepare(tree, nodes)
    i = data.draw(st.integers(0, len(nodes) - 1))
    parents, cosines = tree.parents.tolist(), near.similarities[i].astype(float)
    for name, width in (("nearest", 8), ("near", 2), ("all", 0)):
        weights = trust[near.items[i]] * np.exp((cosines - cosines[0]) * width / scale)
        votes = np.array([weights[nodes[near.items[i]] == c].sum() for c in categories]) / weights.sum()
        title = "votes of all neighbours" if name == "all" else f"votes of the {name} neighbours"
        assert np.allclose(column(features, title, len(categories))[i], np.log(votes + 0.005))
        if name == "nearest":
            for place, category in enumerate(categories):
                logs = []
                for depth in range(1, max(tree.max_depth, 2)):
                    above = chain(parents, category)[:depth]
                    alike = [chain(parents, c)[:depth] == above and len(above) == depth for c in categories]
                    logs.append(np.log((votes[alike].sum() if any(alike) else votes[place]) + 0.005))
                found = column(features, "votes of the nearest neighbours for its ancestors", len(categories))
                assert np.isclose(found[i, place], np.mean(logs))


@settings(max_examples=30)
@given(
    labelled_trees(max_nodes=12, max_items=12, unlabelled=False).filter(lambda c: len(c[1]) > 3), st.data()
)
def test_size_and_nearest_neighbour(labelled, data):
    tree, nodes = labelled
    features, _, nodes, trust, _, near, categories, scale = prepare(tree, nodes)
    i = data.draw(st.integers(0, len(nodes) - 1))
    others = np.arange(len(nodes)) != i
    sizes = [trust[others & (nodes == c)].sum() for c in categories]
    assert np.allclose(column(features, NAMES[0], len(categories))[i], np.log(np.array(sizes) + 0.5))
    cosines = near.similarities[i]
    closest = [max([cosines[-1], *cosines[nodes[near.items[i]] == c]]) for c in categories]
    expected = (np.array(closest) - cosines[0]) / scale
    assert np.allclose(column(features, "nearest neighbour in it", len(categories))[i], expected, atol=1e-6)


@settings(max_examples=30)
@given(
    labelled_trees(max_nodes=12, max_items=12, unlabelled=False).filter(lambda c: len(c[1]) > 3), st.data()
)
def test_likeness_to_means_without_the_item(labelled, data):
    tree, nodes = labelled
    features, unit, nodes, trust, folds, _, categories, _ = prepare(tree, nodes)
    i = data.draw(st.integers(0, len(nodes) - 1))
    rest, metric = unit.astype(float), whitening(unit, nodes, trust, folds)[folds[i]]
    rest[i] = 0
    for place, category in enumerate(categories):
        mean = category_mean(tree.parents.tolist(), rest, nodes, trust, category)
        for name, x, m in (
            ("likeness to its mean", unit[i], mean),
            ("likeness to its mean, whitened", unit[i] @ metric, mean @ metric),
        ):
            length = np.linalg.norm(x) * np.linalg.norm(m)
            if length > 1e-2:
                found = column(features, name, len(categories))[i, place]
                assert found == pytest.approx(x @ m / length, abs=2e-3)


def test_no_item_speaks_for_itself():
    """Filed elsewhere, an item finds the same evidence: only the weight of its parent shifts a little."""
    tree, embeddings, nodes, _ = moved_catalogue(n=200)
    unit, folds, categories = unit_vectors(embeddings), np.arange(200) % 4, np.unique(nodes)
    near = nearest_neighbors(unit, 10)
    other = nodes.copy()
    other[7] = categories[(np.searchsorted(categories, nodes[7]) + 5) % len(categories)]
    assert common_depth(tree.parents.tolist(), nodes[7], other[7]) == 0
    found = []
    for labels in (nodes, other):
        candidates = all_categories(labels[7:8], categories, tree)
        place = np.searchsorted(categories, labels[near.items[7:8]])
        evidence = Evidence(unit, labels, tree, near, folds)
        found.append(evidence.features(np.array([7]), candidates._replace(by_neighbor=place)))
    assert np.allclose(found[0][:, :6], found[1][:, :6])
    assert np.allclose(found[0], found[1], atol=0.01)


def test_catalogues_of_equal_items_have_a_scale():
    tree, _, nodes, _ = moved_catalogue(n=40)
    unit = np.tile(np.eye(4, dtype=np.float32)[:1], (40, 1))
    near = nearest_neighbors(unit, 5)
    evidence = Evidence(unit, nodes, tree, near, np.arange(40) % 2)
    candidates = all_categories(nodes, np.unique(nodes), tree)
    place = np.searchsorted(np.unique(nodes), nodes[near.items]) + candidates.start[:, None]
    assert np.isfinite(evidence.features(np.arange(40), candidates._replace(by_neighbor=place))).all()

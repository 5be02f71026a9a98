import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.oracles import trees
from tests.strategies import labelled_trees

from leafcode import Grades, InputError, Taxonomy
from leafcode.integrations.prototypes import CategoryPrototypes
from leafcode.taxonomy import find_categories

PATHS = ["A > x", "A > x", "A > y", "B", "A", None]


def expected_loss(tree, nodes, embeddings, queries, labels, temperature):
    """Loss by hand: one query, one depth, one category at a time; the grades are d / depth of the tree."""
    finest = find_categories(np.array(nodes), tree).nodes.tolist()
    parents = tree.parents.tolist()
    means = [embeddings[np.array(nodes) == category].mean(0) for category in finest]
    means = np.array([mean / np.linalg.norm(mean) for mean in means])
    losses = []
    for query, label in zip(queries, labels, strict=True):
        if label < 0:
            continue
        exponentials = np.exp(means @ (query / np.linalg.norm(query)) / temperature)
        total, weight = 0.0, 0.0
        chain = trees.chain(parents, label)
        for depth, ancestor in enumerate(chain, start=1):
            beneath = [ancestor in trees.chain(parents, category) for category in finest]
            told_apart = {
                frozenset(
                    c for c in finest if trees.chain(parents, c)[:depth] == trees.chain(parents, f)[:depth]
                )
                for f in finest
            }
            if len(told_apart) < 2 or not any(beneath):
                continue
            grade = 1.0 if depth == len(chain) else depth / tree.max_depth
            total -= grade * np.log(exponentials[beneath].sum() / exponentials.sum())
            weight += grade
        if weight > 0:
            losses.append(total / weight)
    return np.mean(losses) if losses else 0.0


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=40)
@given(labelled_trees(), st.integers(0, 99))
def test_against_one_at_a_time(labelled, seed):
    tree, nodes = labelled
    rng = np.random.default_rng(seed)
    if len(find_categories(np.array(nodes), tree).nodes) < 2:
        return
    embeddings, queries = rng.normal(size=(len(nodes), 3)), rng.normal(size=(6, 3))
    labels = rng.integers(-1, len(tree), 6)
    prototypes = CategoryPrototypes(tree, np.array(nodes), embeddings, temperature=0.3)
    found = prototypes(torch.from_numpy(queries), torch.from_numpy(labels))
    expected = expected_loss(tree, nodes, embeddings, queries, labels, 0.3)
    assert float(found) == pytest.approx(expected, rel=1e-4, abs=1e-6)
    alone = [
        prototypes(torch.from_numpy(queries[i : i + 1]), torch.from_numpy(labels[i : i + 1]))
        for i in range(6)
    ]
    total = float(found * prototypes.count(torch.from_numpy(labels)))
    assert total == pytest.approx(float(sum(alone)), rel=1e-4, abs=1e-6)


def test_items_on_inner_nodes_shift_no_prototype():
    tree, nodes = Taxonomy.from_paths(PATHS)
    embeddings = np.random.default_rng(0).normal(size=(6, 4))
    before = CategoryPrototypes(tree, nodes, embeddings).vectors
    embeddings[4:] = 100.0  # on A, and unlabelled
    torch.testing.assert_close(CategoryPrototypes(tree, nodes, embeddings).vectors, before)
    torch.testing.assert_close(before.norm(dim=1), torch.ones(3))


def test_grades_weigh_the_depths():
    tree, nodes = Taxonomy.from_paths(PATHS)
    embeddings = np.random.default_rng(0).normal(size=(6, 4))
    top = CategoryPrototypes(tree, nodes, embeddings, Grades.by_depth((0.0, 1.0, 1.0)))
    leaf = CategoryPrototypes(tree, nodes, embeddings, Grades.by_distance((1.0,)))
    sibling = torch.from_numpy(embeddings[2:3])  # of y, taken for x
    label = torch.tensor([nodes[0]])
    assert float(top(sibling, label)) < float(leaf(sibling, label))


@pytest.mark.parametrize(
    ("nodes", "embeddings", "named"),
    [
        ([0, 1], np.ones((3, 2)), "nodes and embeddings"),
        ([1, 2, 3], np.full((3, 2), np.nan), "embeddings"),
        ([1, 1, -1], np.ones((3, 2)), "at least two"),
        ([1, 2, 9], np.ones((3, 2)), "labels from 1 to 9"),
    ],
)
def test_arguments_that_do_not_fit(nodes, embeddings, named):
    tree, _ = Taxonomy.from_paths(PATHS)
    with pytest.raises(InputError, match=named):
        CategoryPrototypes(tree, np.array(nodes), embeddings)


@pytest.mark.parametrize("label", [-2, 4])
def test_labels_that_are_no_nodes(label):
    tree, nodes = Taxonomy.from_paths(PATHS)
    prototypes = CategoryPrototypes(tree, nodes, np.random.default_rng(0).normal(size=(6, 4)))
    assert len(tree) == 4
    for ask in (lambda labels: prototypes(torch.ones(1, 4), labels), prototypes.count):
        with pytest.raises(InputError, match=f"labels from {label} to {label}"):
            ask(torch.tensor([label]))

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oracles import trees
from tests.oracles.measures import mean
from tests.strategies import taxonomies

from leafcode.errors import InputError
from leafcode.evaluation import hierarchical_distance, mistake_severity
from leafcode.taxonomy import Taxonomy


@st.composite
def predictions(draw):
    """A tree whose nodes are the classes, the true class of each item or -1, and k predicted ones."""
    tree = draw(taxonomies(12))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    items, k = rng.integers(0, 12), rng.integers(1, 5)
    return tree, rng.integers(-1, len(tree), items), rng.integers(0, len(tree), (items, k))


def height(tree, a, b):
    """Steps from the deeper of two nodes to their lowest common ancestor, climbing parent by parent."""
    parents = tree.parents.tolist()
    common = trees.lca(parents, a, b)
    above = trees.chain(parents, common) if common >= 0 else []
    return max(len(trees.chain(parents, a)), len(trees.chain(parents, b))) - len(above)


@given(predictions())
def test_equal_the_definitions(case):
    tree, true, found = case
    first = found[:, 0]
    mistakes = [(p, t) for p, t in zip(first, true, strict=True) if t >= 0 and p != t]
    expected = mean(height(tree, p, t) for p, t in mistakes)
    assert mistake_severity(first, true, tree.ancestors) == pytest.approx(expected, nan_ok=True)
    expected = mean(height(tree, p, t) for row, t in zip(found, true, strict=True) if t >= 0 for p in row)
    assert hierarchical_distance(found, true, tree.ancestors) == pytest.approx(expected, nan_ok=True)


@given(predictions())
def test_distance_is_the_share_of_mistakes_times_their_severity(case):
    tree, true, found = case
    known = true >= 0
    first = found[:, 0]
    if not (first != true)[known].any():
        return
    share = (first != true)[known].mean()
    expected = share * mistake_severity(first, true, tree.ancestors)
    assert hierarchical_distance(first, true, tree.ancestors) == pytest.approx(expected)


def test_a_sibling_a_cousin_and_a_stranger():
    tree, node = Taxonomy.from_paths(["A > B > C", "A > B > D", "A > E > F", "G > H > I"])
    true = np.full(4, node[0])
    assert [mistake_severity([p], [t], tree.ancestors) for p, t in zip(node, true, strict=True)][1:] == [
        1.0,
        2.0,
        3.0,
    ]
    assert mistake_severity(node, true, tree.ancestors) == 2.0
    assert hierarchical_distance(node, true, tree.ancestors) == 1.5
    assert hierarchical_distance([node], node[:1], tree.ancestors) == 1.5


def test_undefined_is_nan():
    tree, _ = Taxonomy.from_paths(["A", "B"])
    assert np.isnan(mistake_severity([0, 1], [0, 1], tree.ancestors))
    assert np.isnan(mistake_severity([0, 1], [-1, -1], tree.ancestors))
    assert np.isnan(hierarchical_distance([0], [-1], tree.ancestors))
    assert np.isnan(hierarchical_distance([], [], tree.ancestors))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([2], [0], [[0], [1]]), "predicted: found classes from 2 to 2; expected classes from 0 to 1"),
        (([-1], [0], [[0], [1]]), "predicted: found classes from -1"),
        (([0], [-2], [[0], [1]]), "true: found classes from -2"),
        (([0, 1], [0], [[0], [1]]), "predicted: found 2 rows; expected 1"),
        (([0.0], [0], [[0], [1]]), "predicted: found float64"),
        (([[[0]]], [0], [[0], [1]]), r"predicted: found int64 of shape \(1, 1, 1\)"),
        (([0], [[0]], [[0], [1]]), r"true: found int64 of shape \(1, 1\)"),
        (
            ([0], [0], [[0], [-1]]),
            "class_ancestors: found row 1 without one; expected a path for every class",
        ),
        (([0], [0], np.empty((1, 0), int)), "class_ancestors: found no depth"),
    ],
)
def test_bad_arguments(arguments, message):
    for measure in (mistake_severity, hierarchical_distance):
        with pytest.raises(InputError, match=message):
            measure(*arguments)


def test_severity_takes_one_prediction_per_item():
    with pytest.raises(InputError, match=r"predicted: found shape \(1, 2\); expected \(1,\)"):
        mistake_severity([[0, 1]], [0], [[0], [1]])

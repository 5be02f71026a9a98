import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from leafcode.audit.category_pairs import category_pairs
from leafcode.taxonomy import Taxonomy


def pairs_of(paths, sizes, confusion):
    """The pairs of some categories, by the paths of both."""
    tree, categories = Taxonomy.from_paths(paths)
    dense = np.zeros((len(tree), len(tree)))
    dense[np.ix_(categories, categories)] = confusion
    found = category_pairs(sp.csr_array(dense), np.repeat(categories, sizes), tree)
    keys = [(tree.keys[a], tree.keys[b]) for a, b in zip(found.a, found.b, strict=True)]
    assert len(set(map(frozenset, keys))) == len(keys)
    return {key: place for place, key in enumerate(keys)}, found


def test_shares_and_their_bounds():
    where, found = pairs_of(["a", "b", "c"], [20, 40, 5], [[14, 6, 0], [4, 36, 0], [0, 0, 5]])
    assert list(where) == [("a", "b")]  # nothing looks like c; of a more look like b than the other way round
    assert found.share[0] == pytest.approx([6 / 20, 4 / 40])
    bounds = [
        binomtest(k, n).proportion_ci(0.9, "wilson").low for k, n in ((6, 20), (4, 40))
    ]  # 90% on both sides is 95% on one
    assert found.overlap[0] == pytest.approx(min(bounds), abs=1e-4)


def test_kappa_at_the_upper_bound_of_the_agreement():
    table = np.array([[14, 6], [4, 36]])
    _, found = pairs_of(["a", "b"], [20, 40], table)
    rater, other = np.repeat([0, 0, 1, 1], table.ravel()), np.repeat([0, 1, 0, 1], table.ravel())
    kappa = cohen_kappa_score(rater, other)
    upper = binomtest(50, 60).proportion_ci(0.9, "wilson").high
    chance = (50 / 60 - kappa) / (1 - kappa)
    assert 1 - found.likeness[0] == pytest.approx((upper - chance) / (1 - chance), abs=1e-4)
    assert 1 - found.likeness[0] > kappa


@pytest.mark.parametrize(
    ("table", "least", "most"),
    [
        ([[500, 500], [500, 500]], 0.9, 1),  # no better than chance
        ([[900, 100], [90, 10]], 0.8, 1),  # at the sizes of these two, chance too
        ([[990, 10], [10, 990]], 0, 0.1),  # told apart
        ([[1, 1], [1, 1]], 0, 0.4),  # too few to say so
    ],
)
def test_siblings_that_cannot_be_told_apart(table, least, most):
    table = np.array(table)
    _, found = pairs_of(["a > b", "a > c"], table.sum(1), table)
    assert least <= found.likeness[0] <= most


def test_who_is_compared_with_whom():
    paths = ["a", "a > b", "a > b > c", "a > d", "e > b"]
    where, found = pairs_of(paths, [10] * 5, np.full((5, 5), 2.0))
    named = {frozenset(key): place for key, place in where.items()}
    relatives = [("a", "a > b"), ("a", "a > b > c"), ("a", "a > d"), ("a > b", "a > b > c")]
    assert not {frozenset(pair) for pair in relatives} & set(named)
    assert len(named) == 10 - len(relatives)
    siblings = frozenset(("a > b", "a > d"))
    assert np.isfinite(found.likeness[named[siblings]])
    assert np.isnan(np.delete(found.likeness, named[siblings])).all()


def test_categories_that_look_like_nothing_else():
    where, found = pairs_of(["a", "b"], [3, 3], np.diag([3, 3]))
    assert not where
    assert found.share.shape == (0, 2)

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.oracles import trees
from tests.strategies import taxonomies

from leafcode.errors import InputError
from leafcode.taxonomy import (
    Grades,
    Taxonomy,
    ancestor_rows,
    places_from_keys,
    places_from_paths,
    relevance_over_paths,
)

NAN = float("nan")


@st.composite
def filed(draw, max_places=3, max_items=6):
    """A tree, and for each item the nodes that it stands at, padded with -1 anywhere in the row."""
    tree = draw(taxonomies(12))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    shape = rng.integers(1, max_items + 1), rng.integers(1, max_places + 1)
    return tree, rng.integers(-1, len(tree), shape, np.int32)


def grades_for(tree, by_distance):
    return Grades.by_distance((1.0, 0.6, 0.3)) if by_distance else Grades.by_depth(tree.max_depth)


def by_hand(tree, grades, a, b, how):
    """Relevance of two items, pair of paths by pair of paths."""

    def grade(v, w):
        return trees.relevance(tree.parents.tolist(), v, w, grades.kind, list(grades.table))

    def best(values):
        positive = [value for value in values if value > 0]
        is_open = not values or any(math.isnan(value) for value in values)
        return max(positive) if positive else NAN if is_open else 0.0

    a, b = ([v for v in places if v >= 0] for places in (a, b))
    closest = best([grade(v, w) for v in a for w in b])
    if how == "best" or math.isnan(closest):
        return closest
    matches = [[best([grade(v, w) for w in b]) for v in a], [best([grade(v, w) for v in a]) for w in b]]
    known = [[m for m in side if not math.isnan(m)] for side in matches]
    return sum(sum(side) / len(side) for side in known) / 2


@given(filed(), st.sampled_from(["best", "mean"]), st.booleans())
def test_every_pair_against_plain_python(case, how, by_distance):
    tree, places = case
    grades = grades_for(tree, by_distance)
    expected = [[by_hand(tree, grades, a, b, how) for b in places] for a in places]
    rows = ancestor_rows(tree, places)
    found = relevance_over_paths(grades, rows, how=how)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    tensors = torch.from_numpy(rows)
    as_torch = relevance_over_paths(grades, tensors[:2], tensors, how=how)
    assert as_torch.dtype == torch.float32
    np.testing.assert_array_equal(as_torch.numpy(), relevance_over_paths(grades, rows[:2], rows, how=how))
    np.testing.assert_array_equal(as_torch.numpy(), found[:2])


@pytest.mark.parametrize(
    ("first", "second", "best", "mean"),
    [
        (["Pantry", "Gifts"], ["Pantry > Salt", "Toys"], NAN, NAN),  # open, and three negatives
        (["Pantry", "Gifts"], ["Pantry > Salt", "Gifts"], 1.0, 1.0),  # open, and the same
        (["Pantry > Oil", "Gifts"], ["Pantry > Salt", "Toys"], 0.5, 0.25),
        (["Pantry > Oil", "Gifts"], ["Toys"], 0.0, 0.0),
        (["Pantry"], [], NAN, NAN),
    ],
)
def test_a_pair_of_paths_that_is_open(first, second, best, mean):
    tree, places = places_from_paths([first, second])
    rows = ancestor_rows(tree, places)
    for how, expected in (("best", best), ("mean", mean)):
        found = relevance_over_paths(Grades.default(), rows, how=how)[0, 1]
        np.testing.assert_equal(float(found), expected)


@given(filed(), st.booleans(), st.randoms(use_true_random=False))
def test_properties(case, by_distance, shuffle):
    tree, places = case
    grades, rows = grades_for(tree, by_distance), ancestor_rows(tree, places)
    best, mean = (relevance_over_paths(grades, rows, how=how) for how in ("best", "mean"))
    for found in (best, mean):
        np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(np.isnan(best), np.isnan(mean))
    assert not (mean > best).any()
    # Items with the same places are the same, in whatever order the places stand.
    order = list(range(places.shape[1]))
    shuffle.shuffle(order)
    moved = rows[:, order]
    labelled = (places >= 0).any(axis=1)
    assert (relevance_over_paths(grades, rows, moved, "mean").diagonal()[labelled] == 1).all()
    np.testing.assert_array_equal(relevance_over_paths(grades, moved, rows), best)
    np.testing.assert_allclose(relevance_over_paths(grades, moved, rows, "mean"), mean, rtol=1e-6)


@given(filed(max_places=1), st.sampled_from(["best", "mean"]), st.booleans())
def test_one_path_per_item_is_the_matrix_of_the_grades(case, how, by_distance):
    tree, places = case
    grades, rows = grades_for(tree, by_distance), ancestor_rows(tree, places)
    expected = grades.matrix(rows[:, 0])
    np.testing.assert_array_equal(relevance_over_paths(grades, rows, how=how), expected)
    # So do more columns without a place.
    wider = np.concatenate([rows, np.full_like(rows, -1)], axis=1)
    np.testing.assert_array_equal(relevance_over_paths(grades, wider, how=how), expected)


def test_places_are_those_of_the_paths():
    paths = [["B > z", "A > x", " B >  z"], "A > x", None, [], ("A",)]
    tree, places = places_from_paths(paths)
    assert tree == Taxonomy.from_paths(["A > x", "B > z"])[0]
    x, z, a = tree.find("A > x"), tree.find("B > z"), tree.find("A")
    assert places.dtype == np.int32
    assert places.tolist() == [[z, x], [x, -1], [-1, -1], [-1, -1], [a, -1]]


@given(st.lists(st.lists(st.sampled_from(["A", "A > x", "B > z", "B > y > x"]), max_size=4), max_size=8))
def test_places_of_any_paths(items):
    if not any(items):
        with pytest.raises(InputError, match="no category path in any row"):
            places_from_paths(items)
        return
    tree, places = places_from_paths(items)
    keys = [[tree.keys[v] for v in row if v >= 0] for row in places]
    assert keys == [list(dict.fromkeys(item)) for item in items]
    assert places.shape[1] == max(len(row) for row in keys)


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([["A", "B"], None, ["A", "A > > B"]], r"f: row 3: found an empty segment in 'A > > B'"),
        (["A", ["B", ""]], r"f: row 2: found an empty path"),
        (["A", ["B", None]], r"f: row 2: found an empty path"),
        (["A", "B", ["A", 3]], r"f: row 3: found 3; expected text"),
        (["A", 2.5], r"f: row 2: found 2\.5; expected a text, a list of texts, or None"),
        ([None, []], r"f: found no category path in any row"),
    ],
)
def test_errors_name_the_item(paths, message):
    with pytest.raises(InputError, match=message):
        places_from_paths(paths, where="f")


def test_bad_arguments():
    tree, places = places_from_paths([["A", "B"], "A"])
    rows = ancestor_rows(tree, places)
    for a, b in ((rows[:, 0], None), (rows, rows[..., :0]), (rows[:, :0], rows)):
        with pytest.raises(InputError, match=r"ancestors: found shapes .* expected \(A, P, D\)"):
            relevance_over_paths(Grades.default(), a, b)
    with pytest.raises(InputError, match="how: found 'worst'"):
        relevance_over_paths(Grades.default(), rows, how="worst")


def test_keys_and_paths_lead_to_the_same_places():
    tree, places = places_from_paths([["A > x", "B"], "A", None, ["B", "B"], []])
    keys = [["A > x", "B"], "A", None, ["B", "B"], []]
    np.testing.assert_array_equal(places_from_keys(tree, keys), places)


@pytest.mark.parametrize("keys", [[None, ["A", "C"]], [None, "C"], ["A", ["A", None]]])
def test_an_unknown_key_is_named_by_the_row_of_its_item(keys):
    tree, _ = places_from_paths(["A", "B"])
    with pytest.raises(InputError, match=r"shelf: row 2: found '(C|)'"):
        places_from_keys(tree, keys, "shelf")

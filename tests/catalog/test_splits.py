import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.strategies import labelled_trees

from leafcode.catalog import split_by_content, split_by_leaf
from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy

FRACTIONS = st.floats(0, 0.999)


@given(st.lists(st.text(max_size=4)), FRACTIONS, st.integers(), st.text())
def test_against_the_hash(texts, fraction, seed, salt):
    held_out = split_by_content(texts, fraction, seed, salt)
    assert held_out.dtype == bool
    assert held_out.shape == (len(texts),)
    for text, out in zip(texts, held_out, strict=True):
        digest = hashlib.sha256(b"\0".join([str(seed).encode(), salt.encode(), text.encode()])).hexdigest()
        assert out == ((int(digest[:16], 16) >> 11) / 2**53 < fraction)


@given(st.lists(st.text(max_size=2), min_size=1), st.lists(st.text(max_size=2)), st.integers(0, 99))
def test_equal_content_on_one_side_and_stable_when_items_are_added(texts, more, seed):
    held_out = split_by_content(texts, 0.5, seed)
    sides: dict[str, bool] = {}
    for text, out in zip(texts, held_out, strict=True):
        assert sides.setdefault(text, out) == out
    np.testing.assert_array_equal(split_by_content(more + texts, 0.5, seed)[len(more) :], held_out)
    # A larger fraction holds out more of the same.
    assert (split_by_content(texts, 0.8, seed) >= held_out).all()


def test_share_and_independence_of_seeds():
    texts = [f"item {i}" for i in range(20_000)]
    first, second, third = (split_by_content(texts, 0.2, *key) for key in ((0, ""), (1, ""), (0, "x")))
    for mask in (first, second, third):
        assert abs(mask.mean() - 0.2) < 0.01
    assert abs((first & second).mean() - 0.04) < 0.006
    assert abs((first & third).mean() - 0.04) < 0.006
    assert not split_by_content(texts, 0.0).any()


def test_embeddings():
    x = np.random.default_rng(0).normal(size=(10_000, 3)).astype(np.float32)
    x[5000:] = x[:5000]
    held_out = split_by_content(x, 0.3)
    assert abs(held_out.mean() - 0.3) < 0.03
    np.testing.assert_array_equal(held_out[:5000], held_out[5000:])
    np.testing.assert_array_equal(split_by_content(x.astype(np.float64), 0.3), held_out)
    np.testing.assert_array_equal(split_by_content(np.asfortranarray(x), 0.3), held_out)
    zeros = np.array([[0.0, 1], [-0.0, 1]] * 2)
    assert len({split_by_content(zeros, 0.5, seed).tobytes() for seed in range(20)}) == 2


def test_arrays_of_text():
    texts = ["a", "b", "c"]
    for array in (np.array(texts), np.array(texts, object)):
        np.testing.assert_array_equal(split_by_content(array, 0.5), split_by_content(texts, 0.5))


@given(labelled_trees(), FRACTIONS, st.integers(0, 99))
def test_leaves_stay_whole(labelled, fraction, seed):
    tree, items = labelled
    nodes = np.array(items, np.int32)
    held_out = split_by_leaf(nodes, tree, fraction, seed)
    assert not held_out[nodes < 0].any()
    assert not set(nodes[held_out]) & set(nodes[~held_out])
    by_key = split_by_content([tree.keys[v] for v in items if v >= 0], fraction, seed)
    np.testing.assert_array_equal(held_out[nodes >= 0], by_key)


def test_leaf_split_does_not_depend_on_the_rest_of_the_tree():
    small, _ = Taxonomy.from_paths([f"M > {i}" for i in range(50)])
    large, _ = Taxonomy.from_paths([*small.keys, *(f"A > {i}" for i in range(50))])
    nodes = np.arange(len(small))
    moved = large.find_all(small.keys)
    np.testing.assert_array_equal(split_by_leaf(nodes, small, 0.5), split_by_leaf(moved, large, 0.5))


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
def test_fraction(fraction):
    with pytest.raises(InputError, match=r"fraction: found .*; expected a share in \[0, 1\)"):
        split_by_content(["a"], fraction)


def test_bad_content():
    with pytest.raises(InputError, match="content: row 2: found None"):
        split_by_content(["a", None])
    with pytest.raises(InputError, match=r"content: found int64 \(3,\)"):
        split_by_content(np.arange(3))
    tree, _ = Taxonomy.from_paths(["A"])
    with pytest.raises(InputError, match="ids from 0 to 1"):
        split_by_leaf(np.array([0, 1]), tree)
    with pytest.raises(InputError, match="float64"):
        split_by_leaf(np.array([0.0]), tree)
    assert split_by_leaf(np.array([], int), tree).shape == (0,)


@given(labelled_trees(), st.floats(0, 0.9), st.integers(0, 3))
def test_an_item_is_held_out_with_any_of_its_categories(labelled, fraction, seed):
    tree, nodes = labelled[0], np.array(labelled[1])
    others = np.roll(nodes, 1)
    places = np.stack([nodes, np.where(nodes >= 0, others, -1)], axis=1)
    one = split_by_leaf(places[:, :1], tree, fraction, seed)
    np.testing.assert_array_equal(one, split_by_leaf(nodes, tree, fraction, seed))
    held_out = split_by_leaf(places, tree, fraction, seed)
    np.testing.assert_array_equal(held_out, one | split_by_leaf(places[:, 1], tree, fraction, seed))
    both = places[held_out & (split_by_leaf(nodes, tree, fraction, seed))][:, 0]
    assert not np.isin(both[both >= 0], places[~held_out]).any()

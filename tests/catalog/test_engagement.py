import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles import engagement as oracle

from leafcode.catalog import Engagement
from leafcode.errors import InputError

N = 7
sessions = st.lists(st.lists(st.integers(0, N - 1), min_size=1, max_size=6), min_size=1, max_size=12)


def engagement_of(baskets, n_items=N, **options):
    basket = np.repeat(np.arange(len(baskets)), [len(items) for items in baskets])
    return Engagement.from_baskets(basket, np.concatenate(baskets), n_items, **options)


def random_baskets(seed=0, count=300, n_items=40):
    """Baskets around 5 themes of 8 items."""
    rng = np.random.default_rng(seed)
    themes = rng.permutation(n_items).reshape(5, -1)
    return [rng.choice(themes[rng.integers(5)], rng.integers(2, 6)).tolist() for _ in range(count)], themes


@settings(max_examples=50, deadline=None)
@given(
    sessions,
    st.sampled_from(["ppmi", "npmi", "lift"]),
    st.sampled_from([0.5, 0.75, 1.0]),
    st.integers(1, 3),
    st.sampled_from([None, 2]),
)
def test_equals_the_definition(baskets, kind, smoothing, min_support, window):
    options = {"association": kind, "smoothing": smoothing, "min_support": min_support, "window": window}
    engagement = engagement_of(baskets, **options)
    expected, normalised = oracle.association(baskets, kind, smoothing, min_support, window=window)
    first, second, weight = engagement.pairs()
    found = dict(zip(zip(first.tolist(), second.tolist(), strict=True), weight.tolist(), strict=True))
    # A PMI of exactly 0 may fall on either side of it by rounding.
    floor = 1 if kind == "lift" else 0
    assert {pair: value for pair, value in found.items() if value > floor + 1e-9} == pytest.approx(expected)
    assert list(found) == sorted(found)
    relevance = np.eye(N)
    for (i, j), value in normalised.items():
        relevance[i, j] = relevance[j, i] = value
    np.testing.assert_allclose(engagement.matrix(np.arange(N)), relevance, atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(sessions, st.lists(st.integers(0, N - 1), max_size=9))
def test_matrix_of_any_items(baskets, items):
    engagement = engagement_of(baskets, min_support=1)
    whole = engagement.matrix(np.arange(N))
    part = engagement.matrix(items)
    np.testing.assert_array_equal(part, whole[np.ix_(items, items)])
    np.testing.assert_array_equal(part, part.T)
    np.testing.assert_array_equal(engagement.matrix(items, [3, 0]), whole[np.ix_(items, [3, 0])])
    assert part.dtype == np.float32
    assert ((part >= 0) & (part <= 1)).all()
    np.testing.assert_array_equal(engagement.degree, (whole > 0).sum(1) - 1)
    np.testing.assert_array_equal(engagement.has_history, engagement.degree > 0)


def test_popularity_alone_is_no_association():
    # Items 0 and 1 are in nearly every basket, independently; 2 and 3 are rare, and always together.
    rng = np.random.default_rng(1)
    baskets = [[i for i in (0, 1, 4, 5) if rng.random() < 0.8] for _ in range(2000)]
    baskets = [[*items, 2, 3] if n % 50 == 0 else items for n, items in enumerate(baskets) if len(items) > 1]
    relevance = engagement_of(baskets, smoothing=1.0).matrix([0, 1, 2, 3])
    assert relevance[0, 1] < relevance[2, 3] / 3
    assert relevance[0, 2] == 0


def test_smoothing_lowers_rare_pairs_more():
    baskets = [[0, 1]] * 50 + [[0, 2], [1, 2]] * 20 + [[3, 4]] * 2
    plain, smoothed = (engagement_of(baskets, smoothing=alpha) for alpha in (1.0, 0.75))
    (_, _, before), (_, _, after) = plain.pairs(), smoothed.pairs()
    assert before[-1] - after[-1] > max(before[:-1] - after[: len(before) - 1])


def test_an_order_of_everything_does_not_outvote_small_baskets():
    small, large = [[0, 1], [2, 3]] * 5, [list(range(40))] * 5
    engagement = engagement_of([*small, *large], n_items=40)
    assert engagement.matrix([0, 1])[0, 1] > 5 * engagement.matrix([0, 5])[0, 1]


def test_vectors_decompose_the_matrix():
    baskets, themes = random_baskets()
    engagement = engagement_of(baskets, n_items=42)  # two items without history
    dense = engagement.association.toarray()
    basis, values, _ = np.linalg.svd(dense)
    for dim in (3, 8):
        vectors = engagement.vectors(dim)
        assert vectors.shape == (42, dim)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=0) ** 2, values[:dim], rtol=1e-5)
        expected = (basis[:, :dim] * values[:dim]) @ basis[:, :dim].T
        np.testing.assert_allclose(vectors @ vectors.T, expected, atol=1e-4)
        assert (vectors[40:] == 0).all()
        strongest = vectors[np.abs(vectors).argmax(axis=0), np.arange(dim)]
        assert (strongest > 0).all()
    np.testing.assert_array_equal(engagement.vectors(8), engagement.vectors(8))
    np.testing.assert_allclose(engagement.vectors(3, seed=1), engagement.vectors(3), atol=1e-4)
    unit = engagement.vectors(5) / np.linalg.norm(engagement.vectors(5), axis=1, keepdims=True).clip(1e-9)
    own = [unit[theme] @ unit[theme].T for theme in themes]
    assert np.mean(own) > 0.9 > 0.2 > abs(np.mean(unit[themes[0]] @ unit[themes[1]].T))


def test_nothing_to_associate():
    engagement = engagement_of([[0], [1, 2]])  # no pair has a support of 2
    assert engagement.matrix([0, 1, 2]).tolist() == np.eye(3).tolist()
    assert not engagement.has_history.any()
    assert [len(part) for part in engagement.pairs()] == [0, 0, 0]
    assert len(engagement) == N
    with pytest.raises(InputError, match="less than 0 items with history"):
        engagement.vectors(1)


def test_it_cannot_be_changed():
    engagement = engagement_of([[0, 1], [0, 1]])
    with pytest.raises(ValueError, match="read-only"):
        engagement.association.data[0] = 2
    with pytest.raises(AttributeError):
        engagement.baskets = 3


def test_baskets_that_are_too_large_are_counted():
    engagement = engagement_of([[0, 1], [0, 1], [0, 1, 2, 3]], max_basket=3)
    assert (engagement.baskets, engagement.left_out) == (2, 1)


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"min_support": 0}, "min_support"),
        ({"smoothing": 0.0}, "smoothing"),
        ({"smoothing": 1.5}, "smoothing"),
        ({"association": "pmi"}, "association"),
    ],
)
def test_bad_settings(options, where):
    with pytest.raises(InputError) as error:
        engagement_of([[0, 1]], **options)
    assert error.value.where == where


@pytest.mark.parametrize("items", [[[0]], [0.5], [N], [-1]])
def test_bad_items(items):
    with pytest.raises(InputError, match=r"^items: "):
        engagement_of([[0, 1]]).matrix(items)
    with pytest.raises(InputError, match=r"^others: "):
        engagement_of([[0, 1]]).matrix([0], items)

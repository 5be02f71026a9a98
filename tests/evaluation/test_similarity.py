import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from scipy.stats import spearmanr
from tests.evaluation.catalogues import catalogues, random_catalogue
from tests.oracles import measures

from leafcode.errors import InputError
from leafcode.evaluation import _arrays, shared_prefix_at, similarity_depth_spearman
from leafcode.evaluation.similarity import _draw_pairs


@given(catalogues)
def test_drawn_pairs_share_exactly_their_length_and_no_length_is_missed(c):
    first, second, lengths = _draw_pairs(c.codes, 40, np.random.default_rng(0))
    assert (first != second).all()
    found = [measures.shared_prefix(c.codes[i], c.codes[j]) for i, j in zip(first, second, strict=True)]
    assert found == lengths.tolist()
    pairs = measures.pairs_by_length(c.codes)
    assert np.unique(lengths, return_counts=True)[1].tolist() == [40] * len(pairs)
    assert set(lengths.tolist()) == set(pairs)


def test_every_pair_of_a_length_is_equally_likely():
    c = random_catalogue(11, n=12, levels=2, codebook=2)
    draws = 20_000
    first, second, lengths = _draw_pairs(c.codes, draws, np.random.default_rng(3))
    drawn = [tuple(sorted(pair)) for pair in zip(first.tolist(), second.tolist(), strict=True)]
    for length, pairs in measures.pairs_by_length(c.codes).items():
        counts = np.array([0] * len(pairs))
        for pair, drawn_length in zip(drawn, lengths, strict=True):
            if drawn_length == length:
                counts[pairs.index(pair)] += 1
        expected = draws / len(pairs)
        assert np.abs(counts - expected).max() < 5 * math.sqrt(expected)


@pytest.mark.parametrize("seed", range(4))
def test_approaches_spearman_over_all_pairs_with_lengths_weighted_equally(seed):
    c = random_catalogue(seed, n=25, levels=2, codebook=3)
    c.embeddings = c.quantized + 0.7 * np.random.default_rng(seed).normal(size=c.quantized.shape)
    pairs = measures.pairs_by_length(c.codes)
    # Repeating the pairs of each length up to a common multiple weights the lengths equally.
    common = math.lcm(*(len(found) for found in pairs.values()))
    repeats, lengths, cosines = [], [], []
    for length, found in pairs.items():
        for i, j in found:
            repeats.append(common // len(found))
            lengths.append(length)
            cosines.append(measures.cosine(c.embeddings[i], c.embeddings[j]))
    assert sum(repeats) < 2_000_000
    expected = spearmanr(np.repeat(cosines, repeats), np.repeat(lengths, repeats)).statistic
    measured = similarity_depth_spearman(c.codes, c.embeddings, seed=1, pairs_per_length=40_000)
    assert measured == pytest.approx(expected, abs=0.015)


def test_seed_decides_the_draw():
    c = random_catalogue(2, n=60)
    one = similarity_depth_spearman(c.codes, c.embeddings, seed=1, pairs_per_length=50)
    assert one == similarity_depth_spearman(c.codes, c.embeddings, seed=1, pairs_per_length=50)
    assert one != similarity_depth_spearman(c.codes, c.embeddings, seed=2, pairs_per_length=50)


@pytest.mark.parametrize("codes", [[[0], [0], [0]], [[0], [1], [2]], [[0]], np.empty((0, 1), int)])
def test_spearman_is_undefined_with_one_length_or_no_pair(codes):
    x = np.random.default_rng(0).normal(size=(len(codes), 3))
    assert np.isnan(similarity_depth_spearman(codes, x, seed=0))


def test_spearman_is_undefined_with_equal_cosines():
    assert np.isnan(similarity_depth_spearman([[0], [0], [1]], np.ones((3, 7)) / 3, seed=0))


def test_spearman_needs_a_pair():
    with pytest.raises(InputError, match="pairs_per_length: found 0"):
        similarity_depth_spearman([[0]], [[1.0]], seed=0, pairs_per_length=0)


@settings(max_examples=50)
@given(catalogues)
def test_shared_prefix_equals_the_definition(c):
    arrays = c.codes[c.train], c.embeddings[c.train], c.codes[c.heldout], c.embeddings[c.heldout]
    unit = c.embeddings / np.linalg.norm(c.embeddings, axis=1, keepdims=True)
    # On which side of the threshold a cosine lies is left to rounding if it lies on it.
    assume((np.abs(unit[c.heldout] @ unit[c.train].T - 0.8) > 1e-5).all())
    expected = [measures.shared_prefix_at(*arrays, 0.8, level + 1) for level in range(c.codes.shape[1])]
    np.testing.assert_allclose(shared_prefix_at(*arrays, threshold=0.8), expected)


def test_blocks_do_not_change_the_shares(monkeypatch):
    c = random_catalogue(4, n=200)
    arrays = c.codes[c.train], c.embeddings[c.train], c.codes[c.heldout], c.embeddings[c.heldout]
    whole = shared_prefix_at(*arrays)
    monkeypatch.setattr(_arrays, "BLOCK_NUMBERS", 300)
    np.testing.assert_array_equal(shared_prefix_at(*arrays), whole)


def test_equal_vectors_reach_a_threshold_of_one():
    x = np.random.default_rng(0).normal(size=(1, 384))
    assert shared_prefix_at([[3, 1]], x, [[3, 2]], 7 * x, threshold=1.0).tolist() == [1.0, 0.0]


def test_no_near_duplicate_is_undefined():
    assert np.isnan(shared_prefix_at([[0, 0]], [[1.0, 0.0]], [[0, 0]], [[0.0, 1.0]])).all()
    assert np.isnan(shared_prefix_at([[0]], [[1.0]], np.empty((0, 1), int), np.empty((0, 1)))).all()

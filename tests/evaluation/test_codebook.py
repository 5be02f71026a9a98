import warnings
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy
from sklearn.metrics import adjusted_mutual_info_score
from tests.evaluation.catalogues import catalogues, random_catalogue
from tests.oracles import measures

from leafcode.errors import InputError
from leafcode.evaluation import ami, collision_rate, perplexity, utilization

NO_CODES = np.empty((0, 2), int)


@given(catalogues, st.integers(6, 9))
def test_use_of_the_codebooks(c, size):
    levels = c.codes.shape[1]
    counts = [np.bincount(c.codes[:, level], minlength=size) for level in range(levels)]
    np.testing.assert_allclose(utilization(c.codes, [size] * levels), [(n > 0).mean() for n in counts])
    np.testing.assert_allclose(perplexity(c.codes), [np.exp(entropy(n)) for n in counts])


@given(catalogues)
def test_collisions_counted_by_item(c):
    codes = [tuple(row) for row in c.codes]
    assert collision_rate(c.codes) == pytest.approx(np.mean([codes.count(code) > 1 for code in codes]))


def test_known_uses():
    codes = [[0, 4], [1, 4], [2, 4], [3, 4]]
    assert utilization(codes, (4, 8)).tolist() == [1.0, 0.125]
    np.testing.assert_allclose(perplexity(codes), [4.0, 1.0])
    assert collision_rate(codes) == 0
    assert collision_rate([[1]] * 3) == 1


def test_no_items_is_undefined():
    assert np.isnan(utilization(NO_CODES, (4, 4))).all()
    assert np.isnan(perplexity(NO_CODES)).all()
    assert np.isnan(collision_rate(NO_CODES))
    assert np.isnan(ami(NO_CODES, np.empty((0, 3), int))).all()


def test_a_code_beyond_its_codebook_is_an_error():
    with pytest.raises(InputError, match="codes: row 1, level 2: found code 4; expected a code below 4"):
        utilization([[5, 0], [0, 4]], (6, 4))
    with pytest.raises(InputError, match="codebook_sizes: found 1 codebooks; expected 2"):
        utilization([[0, 0]], (4,))
    with pytest.raises(InputError, match="codebook_sizes: found 0; expected an integer of 1 or more"):
        utilization([[0, 0]], (4, 0))


@given(catalogues)
def test_ami_equals_scikit_learn_wherever_it_is_defined(c):
    measured = ami(c.codes, c.ancestors)
    for depth in range(c.ancestors.shape[1]):
        reached = c.ancestors[:, depth] >= 0
        nodes = c.ancestors[reached, depth]
        for level in range(c.codes.shape[1]):
            groups = [str(row[: level + 1].tolist()) for row in c.codes[reached]]
            classes = len(set(groups)), len(set(nodes.tolist()))
            if len(nodes) < 2 or classes in ((1, 1), (len(nodes), len(nodes))):
                assert np.isnan(measured[level, depth])
            else:
                expected = adjusted_mutual_info_score(nodes, groups)
                assert measured[level, depth] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_ami_equals_chance_over_all_permutations(seed):
    rng = np.random.default_rng(seed)
    groups, nodes = rng.integers(3, size=6).tolist(), rng.integers(2, size=6).tolist()
    chance = np.mean([measures.mutual_information(p, nodes) for p in permutations(groups)])
    entropies = (measures.mutual_information(v, v) for v in (groups, nodes))
    expected = (measures.mutual_information(groups, nodes) - chance) / (sum(entropies) / 2 - chance)
    measured = ami(np.array(groups)[:, None], np.array(nodes)[:, None])
    assert measured.item() == pytest.approx(expected)


def test_ami_of_random_codes_is_near_zero_and_of_the_path_is_one():
    c = random_catalogue(0, n=2000, unlabelled=0.0)
    random_codes = np.random.default_rng(1).integers(30, size=(2000, 2))
    assert np.abs(ami(random_codes, c.ancestors)).max() < 0.02
    np.testing.assert_allclose(np.diag(ami(np.maximum(c.ancestors, 0), c.ancestors))[:1], [1.0])


def test_ami_with_mostly_distinct_codes_gives_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ami(np.arange(50)[:, None], np.arange(50)[:, None] % 40)

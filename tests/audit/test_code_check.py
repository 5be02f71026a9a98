import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.trees import chain
from tests.strategies import labelled_trees

from leafcode.audit.code_check import check_codes
from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy


def by_hand(codes, nodes, parents, depths, least, item):
    """Prefix length, number of others, majority and share at each depth, and the depth of disagreement."""
    paths = [chain(parents, v) if v >= 0 else [] for v in nodes]
    for length in range(len(codes[item]), 0, -1):
        prefix = codes[item][:length]
        others = [j for j, c in enumerate(codes) if j != item and nodes[j] >= 0 and c[:length] == prefix]
        if len(others) >= least:
            break
    else:
        return 0, 0, [-1] * depths, [math.nan] * depths, 0
    majorities, shares, disagreement = [], [], 0
    for depth in range(1, depths + 1):
        own = paths[item][depth - 1] if len(paths[item]) >= depth else None
        counts = Counter(paths[j][depth - 1] for j in others if len(paths[j]) >= depth)
        best = min(counts, key=lambda v, own=own, counts=counts: (-counts[v], v != own, v), default=-1)
        majorities.append(best)
        shares.append(counts[best] / len(others))
        if not disagreement and own is not None and best != own and 2 * counts[best] > len(others):
            disagreement = depth
    return length, len(others), majorities, shares, disagreement


@settings(max_examples=60)
@given(labelled_trees(max_nodes=8, max_items=24), st.integers(1, 3), st.integers(1, 4), st.integers(0, 999))
def test_against_counting(labelled, levels, least, seed):
    tree, nodes = labelled
    codes = np.random.default_rng(seed).integers(-1, 2, (len(nodes), levels))
    found = check_codes(codes, np.array(nodes), tree, least)
    rows, parents = codes.tolist(), tree.parents.tolist()
    for item in range(len(nodes)):
        expected = by_hand(rows, nodes, parents, tree.max_depth, least, item)
        length, others, majority, share, depth = expected
        assert (found.length[item], found.others[item], found.depth[item]) == (length, others, depth)
        assert found.majority[item].tolist() == majority
        assert np.allclose(found.share[item], share, equal_nan=True)
        assert found.node()[item] == (majority[depth - 1] if depth else -1)


def test_one_stray_among_many():
    tree, nodes = Taxonomy.from_paths(["a > b"] * 9 + ["c > d"] + ["c > d"] * 5)
    codes = np.array([[3, 1]] * 10 + [[4, 1]] * 5)
    found = check_codes(codes, nodes, tree)
    assert np.flatnonzero(found.depth).tolist() == [9]
    assert tree.keys[found.majority[9, 1]] == "a > b"
    assert found.share[9].tolist() == [1, 1]


def test_an_item_that_is_filed_higher_up_is_not_contradicted():
    tree, nodes = Taxonomy.from_paths(["a > b"] * 6 + ["a", None])
    found = check_codes(np.zeros((8, 1), int), nodes, tree)
    assert not found.depth.any()
    assert found.majority[-1].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("codes", "nodes", "least", "message"),
    [
        (np.zeros((2, 1), int), [0], 1, r"codes of shape \(2, 1\) and nodes of shape \(1,\)"),
        (np.zeros(2, int), [0, 0], 1, r"codes of shape \(2,\)"),
        (np.zeros((1, 1), int), [7], 1, r"nodes up to 7; expected nodes in \[0, 1\)"),
        (np.zeros((1, 1), int), [0], 0, "least: found 0"),
    ],
)
def test_what_is_wrong_is_named(codes, nodes, least, message):
    tree, _ = Taxonomy.from_paths(["a"])
    with pytest.raises(InputError, match=message):
        check_codes(codes, np.array(nodes), tree, least)

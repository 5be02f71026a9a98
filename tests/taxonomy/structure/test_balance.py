import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.strategies import labelled_trees, taxonomies

from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy
from leafcode.taxonomy.structure import balance, effective_number, items_per_node


def slow_balance(tree, filed):
    """J1 as the paper states it, node by node; several roots hang from one more node."""
    children = {node: tree.children(node).tolist() for node in range(-1, len(tree))}

    def size(node):
        own = int(filed[node]) if node >= 0 else 0
        return own + sum(size(child) for child in children[node])

    start = -1 if sum(size(root) > 0 for root in children[-1]) > 1 else 0
    total = weighted = 0.0
    for node in range(start, len(tree)):
        held = [size(child) for child in children[node] if size(child) > 0]
        if not held:
            continue
        total += sum(held)
        if len(held) > 1:
            shares = [each / sum(held) for each in held]
            weighted += sum(held) * -sum(share * math.log(share, len(held)) for share in shares)
    return weighted / total if total else math.nan


@settings(max_examples=40)
@given(labelled_trees())
def test_it_is_the_index_of_the_paper(drawn):
    tree, nodes = drawn
    filed = items_per_node(tree, np.array(nodes))
    expected = slow_balance(tree, filed)
    assert balance(tree, filed) == pytest.approx(expected, abs=1e-9, nan_ok=True)


@settings(max_examples=40)
@given(taxonomies())
def test_without_items_every_leaf_counts_one(tree):
    assert balance(tree) == pytest.approx(balance(tree, tree.is_leaf.astype(int)), nan_ok=True)


@given(st.lists(st.integers(0, 1), min_size=1, max_size=8))
def test_for_binary_trees_it_is_the_reciprocal_of_sackins_index(turns):
    # A theorem of the paper: J1 = n log2(n) / sum of the leaves' depths, counted in edges, if all nodes split
    # in two.
    paths, stem = [], "r"
    for turn in turns:
        paths.append(f"{stem} > {1 - turn}")
        stem = f"{stem} > {turn}"
    tree, _ = Taxonomy.from_paths([*paths, stem])
    leaves = int(tree.is_leaf.sum())
    sackin = int((tree.depths[tree.is_leaf] - 1).sum())
    assert balance(tree) == pytest.approx(leaves * math.log2(leaves) / sackin)


def test_where_nothing_lies_beneath_anything_it_is_undefined():
    assert math.isnan(balance(Taxonomy.from_paths(["A"])[0]))
    tree, _ = Taxonomy.from_paths(["A > x", "A > y"])
    assert math.isnan(balance(tree, np.zeros(3, int)))
    assert balance(Taxonomy.from_paths(["A > B > C"])[0]) == 0


@given(st.lists(st.integers(1, 50), min_size=1, max_size=9), st.integers(1, 9))
def test_effective_number(sizes, copies):
    found = effective_number(np.array(sizes))
    assert 1 - 1e-9 <= found <= len(sizes) + 1e-9
    # The replication principle: m copies of a community, side by side, are m times as diverse.
    assert effective_number(np.array(sizes * copies)) == pytest.approx(copies * found)
    assert math.isnan(effective_number(np.zeros(3)))


@pytest.mark.parametrize("filed", [np.ones(2, int), np.ones(3), np.array([1, -1, 0])])
def test_counts_that_do_not_fit(filed):
    with pytest.raises(InputError, match="filed: "):
        balance(Taxonomy.from_paths(["A > x", "A > y"])[0], filed)


@pytest.mark.parametrize("nodes", [np.array([0.0]), np.array([[0]]), np.array([3]), np.array([-2])])
def test_nodes_that_are_not_in_the_tree(nodes):
    with pytest.raises(InputError, match="nodes"):
        items_per_node(Taxonomy.from_paths(["A > x", "A > y"])[0], nodes)

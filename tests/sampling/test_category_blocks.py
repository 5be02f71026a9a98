from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.pair_kinds import is_prefix
from tests.sampling.catalogues import build, catalogues

from leafcode.sampling.category_blocks import CategoryBlocks


@settings(max_examples=60)
@given(paths=catalogues(min_items=1), block_size=st.integers(2, 5), seed=st.integers(0, 99))
def test_blocks_part_the_labelled_items(paths, block_size, seed):
    tree, nodes = build(paths)
    blocks = CategoryBlocks(nodes, tree, block_size)
    items, place = blocks.arrange(np.random.default_rng(seed))
    assert sorted(items.tolist()) == [i for i, path in enumerate(paths) if path is not None]
    assert (items[place] == blocks.items).all()

    bounds = blocks.block_start.tolist()
    for block, (start, stop) in enumerate(pairwise(bounds)):
        category = {paths[item] for item in items[start:stop].tolist()}
        assert category == {
            paths[
                blocks.items[
                    np.repeat(np.arange(len(blocks.sizes)), blocks.sizes) == blocks.block_category[block]
                ][0]
            ]
        }
        of_category = paths.count(next(iter(category)))
        assert 1 <= stop - start <= max(block_size, 3)
        assert stop - start > 1 or of_category == 1
        assert blocks.block_at(start) == blocks.block_at(stop - 1) == block


@settings(max_examples=60)
@given(paths=catalogues(min_items=1), block_size=st.integers(2, 5))
def test_a_subtree_is_a_range_of_categories(paths, block_size):
    tree, nodes = build(paths)
    blocks = CategoryBlocks(nodes, tree, block_size)
    for node in range(len(tree)):
        low, high = blocks.node_range[:, node]
        inside = {c for c, v in enumerate(blocks.categories) if is_prefix(tree.path(node), tree.path(v))}
        assert inside == set(range(low, high))


@settings(max_examples=60)
@given(paths=catalogues(min_items=1), data=st.data(), count=st.integers(0, 40))
def test_places(paths, data, count):
    tree, nodes = build(paths)
    blocks = CategoryBlocks(nodes, tree, 3)
    drawn = data.draw(st.lists(st.integers(0, blocks.first_block[-1] - 1), unique=True))
    ranges = [range(blocks.block_start[block], blocks.block_start[block + 1]) for block in drawn]
    expected = [place for block in ranges for place in block]
    drawn = np.array(drawn, np.int64)
    assert blocks.count_items(drawn) == len(expected)
    assert blocks.places(drawn, count).tolist() == expected[:count]


def test_every_arrangement_within_a_category_is_equally_likely():
    tree, nodes = build([("a",)] * 4 + [("b",)] * 3)
    blocks = CategoryBlocks(nodes, tree, 2)
    rng = np.random.default_rng(0)
    firsts = np.bincount([blocks.arrange(rng)[0][0] for _ in range(4000)], minlength=7)
    assert firsts[4:].sum() == 0
    assert abs(firsts[:4] - 1000).max() < 140  # five standard deviations

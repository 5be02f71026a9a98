import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.pair_kinds import is_prefix, kinds_of_pair
from tests.sampling.catalogues import build, catalogues

from leafcode.sampling.category_blocks import CategoryBlocks
from leafcode.sampling.relatives import BlockPool, Relatives, Siblings, Strangers, _balanced


def blocks_of(paths, block_size=2):
    tree, nodes = build(paths)
    blocks = CategoryBlocks(nodes, tree, block_size)
    return blocks, [tree.path(node) for node in blocks.categories]


def drawn_categories(draw, blocks, times=60):
    """Categories (paths aside) that come up in many draws of one block."""
    rng = np.random.default_rng(0)
    return {int(blocks.block_category[draw(rng)]) for _ in range(times)}


@settings(max_examples=60)
@given(catalogues())
def test_siblings(paths):
    blocks, categories = blocks_of(paths)
    siblings = Siblings(blocks)
    for c, path in enumerate(categories):
        expected = {o for o, p in enumerate(categories) if "sibling" in kinds_of_pair(path, p, [])}
        assert siblings.exist[c] == bool(expected)
        if expected:
            assert drawn_categories(lambda rng, c=c: siblings.draw(rng, c), blocks) <= expected


@settings(max_examples=60)
@given(catalogues(), st.data())
def test_a_pool_draws_from_the_nearest_subtree(paths, data):
    blocks, categories = blocks_of(paths)
    member = np.array(data.draw(st.lists(st.booleans(), min_size=len(categories), max_size=len(categories))))
    pool = BlockPool(blocks, member)
    assert bool(pool) == member.any()
    for c, path in enumerate(categories if member.any() else []):
        ancestors = [path[:depth] for depth in range(len(path), -1, -1)]
        beneath = [{o for o, p in enumerate(categories) if member[o] and is_prefix(a, p)} for a in ancestors]
        nearest = next(found for found in beneath if found)
        assert drawn_categories(lambda rng, c=c: pool.draw(rng, c), blocks) <= nearest


@pytest.mark.parametrize("kind", ["sibling", "pool"])
def test_single_draws_are_uniform_over_blocks(kind):
    paths = [("r", "a")] * 2 + [("r", "b")] * 8 + [("r", "c")] * 4
    blocks, _ = blocks_of(paths)
    source = Siblings(blocks) if kind == "sibling" else BlockPool(blocks, np.array([False, True, True]))
    rng = np.random.default_rng(0)
    counts = np.bincount([source.draw(rng, 0) for _ in range(6000)], minlength=7)
    assert counts[0] == 0
    assert abs(counts[1:] - 1000).max() < 150  # five standard deviations


@settings(max_examples=60)
@given(catalogues())
def test_parents(paths):
    blocks, categories = blocks_of(paths)
    relatives = Relatives(blocks)
    labelled = [path for path in paths if path is not None]
    for c, path in enumerate(categories):
        expected = set()
        for depth in range(1, len(path) + 1):
            beneath = [p for p in labelled if is_prefix(path[:depth], p)]
            branches = {p[depth] for p in beneath if len(p) > depth}
            if len(branches) >= 2 and len(set(beneath)) < len(beneath) < len(labelled):
                expected.add(frozenset(beneath))
        found = set()
        rng = np.random.default_rng(0)
        for _ in range(40):
            drawn = relatives.draw(rng, c, 10_000)
            assert len(set(drawn.tolist())) == len(drawn)
            if len(drawn) > 0:
                found.add(frozenset(categories[o] for o in blocks.block_category[drawn]))
        assert found == expected


@settings(max_examples=60)
@given(catalogues(), st.integers(1, 30))
def test_strangers(paths, count):
    blocks, categories = blocks_of(paths)
    strangers = Strangers(blocks, 0.5)
    labelled = [path for path in paths if path is not None]
    pairs = {(a, b) for a in categories for b in categories if "unrelated" in kinds_of_pair(a, b, labelled)}
    assert (strangers.count > 1) == bool(pairs)
    for c, path in enumerate(categories):
        branch = int(strangers.branch[c])
        drawn = strangers.draw(np.random.default_rng(c), branch, count)
        found = [categories[o] for o in blocks.block_category[drawn]]
        outside = [o for o in categories if not is_prefix(path, o) or not is_prefix(o, path)]
        assert len(set(drawn.tolist())) == len(drawn)
        if branch < 0:
            assert all(is_prefix(path, o) for o in categories), "the trunk holds everything"
            continue
        if strangers.count > 1:
            assert (path, found[0]) in pairs
        trunk = [o for o in categories if all(is_prefix(o, p) for p in labelled)]
        assert all((path, o) in pairs or o in trunk for o in found)
        everything = {o for o in outside if (path, o) in pairs or o in trunk}
        items = blocks.count_items(drawn)
        assert items >= count or items == sum(labelled.count(o) for o in everything)


@pytest.mark.parametrize(
    "items", [[3.0, 4.0, 5.0], [40.0, 30.0, 20.0, 10.0], [1.0] * 50, [43.0, *[1.0] * 57]]
)
def test_balanced_weights_make_strangers_as_frequent_as_leads(items):
    items = np.array(items)
    weights = _balanced(items)
    share = items / items.sum()
    chance = weights / (1 - weights)[:, None]
    np.fill_diagonal(chance, 0)
    np.testing.assert_allclose(chance.sum(1), 1)
    np.testing.assert_allclose(share @ chance, share, rtol=0.02)


@pytest.mark.parametrize("items", [[1.0], [], [1.0, 1e9], [1e9, 1.0, 1.0], [60.0, 30.0, 10.0]])
def test_a_dominating_branch_leaves_room_for_others(items):
    weights = _balanced(np.array(items))
    assert np.isfinite(weights).all()
    if len(items) > 1:
        assert weights.sum() == pytest.approx(1)
        assert weights.max() <= 0.8 + 1e-9

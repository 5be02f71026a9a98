from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.pair_kinds import kinds_of_pairs
from tests.sampling.catalogues import build, catalogues, uneven_catalogue

from leafcode.errors import InputError
from leafcode.sampling import HierarchicalBatchSampler, hierarchical


def sampler_of(paths, **arguments):
    tree, nodes = build(paths)
    return HierarchicalBatchSampler(nodes, tree, **{"batch_size": 16, **arguments})


@settings(max_examples=150)
@given(
    paths=catalogues(min_items=20),
    batch_size=st.sampled_from([12, 16, 20]),
    items_per_category=st.integers(2, 3),
    related_fraction=st.sampled_from([0.01, 0.5, 0.99]),
    seed=st.integers(0, 1000),
)
def test_guarantees(paths, batch_size, items_per_category, related_fraction, seed):
    sampler = sampler_of(
        paths,
        batch_size=batch_size,
        items_per_category=items_per_category,
        related_fraction=related_fraction,
        num_batches=8,
        seed=seed,
    )
    labelled = [path for path in paths if path is not None]
    possible = kinds_of_pairs(labelled, labelled)
    for batch in sampler:
        assert len(batch) == len(set(batch)) == batch_size
        held = [paths[item] for item in batch]
        assert None not in held
        assert kinds_of_pairs(held, labelled) == possible


@settings(max_examples=50)
@given(paths=catalogues(min_items=12), world_size=st.integers(1, 3))
def test_every_item_leads_one_batch_of_each_walk(paths, world_size):
    labelled = [path for path in paths if path is not None]
    steps = [
        sampler_of(
            paths, batch_size=12, items_per_category=3, num_batches=5, rank=rank, world_size=world_size
        )
        for rank in range(world_size)
    ]
    leads, seen = Counter(), set()
    for step in range(len(labelled)):
        epoch, index = divmod(step // world_size, 5)
        sampler = steps[step % world_size]
        sampler.set_epoch(epoch)
        batch = sampler.batch(index).tolist()
        leads[paths[batch[0]]] += 1
        seen |= set(batch[:3])
    assert leads == Counter(labelled)
    assert seen == {item for item, path in enumerate(paths) if path is not None}, "the seed is in its batch"


def test_parts_of_a_batch():
    paths = [(root, middle, leaf) for root in "AB" for middle in "mn" for leaf in "xyz" for _ in range(20)]
    sampler = sampler_of(paths, batch_size=40, items_per_category=5, num_batches=50)
    parents = Counter()
    for batch in sampler:
        held = [paths[item] for item in batch]
        assert len(set(held[:5])) == len(set(held[5:10])) == 1, "the seed's category, then a sibling"
        assert held[0] != held[5]
        assert held[0][:2] == held[5][:2]
        related, strangers = held[:20], held[20:]
        assert {path[0] for path in related} == {held[0][0]}
        assert {path[0] for path in strangers}.isdisjoint({held[0][0]})
        assert all(count % 5 == 0 for count in Counter(strangers).values()), "five items per category"
        parents["root" if len({path[1] for path in related}) == 2 else "middle"] += 1
    assert min(parents.values()) > 10, "both depths are drawn"


@pytest.mark.parametrize("fraction", [0.25, 0.75])
def test_related_fraction(fraction):
    paths = [(root, leaf) for root in "ABC" for leaf in "wxyz" for _ in range(30)]
    for batch in sampler_of(paths, batch_size=48, related_fraction=fraction):
        roots = [paths[item][0] for item in batch]
        assert roots.count(roots[0]) == 48 * fraction


def test_a_small_subtree_is_filled_up_with_unrelated_items():
    paths = [("A", "x")] * 2 + [("A", "y")] * 2 + [(root, "z") for root in "BCDE" for _ in range(30)]
    for batch in sampler_of(paths, batch_size=40, num_batches=40):
        roots = Counter(paths[item][0] for item in batch)
        if paths[batch[0]][0] == "A":
            assert roots["A"] == 4


def test_a_batch_as_large_as_the_catalogue_holds_everything():
    paths = uneven_catalogue(50)
    for batch in sampler_of(paths, batch_size=50, num_batches=5):
        assert sorted(batch) == list(range(50))


@pytest.mark.parametrize(
    "paths",
    [
        [("A",)] * 30,  # one category
        [(f"{i}",) for i in range(30)],  # single items, no relatives at all
        [(f"{i}",) for i in range(200)] + [("pair",)] * 2,  # the only pair of its category
        [(f"{i}", "x") for i in range(200)] + [("A", "x"), ("A", "y")],  # the only siblings
        [("A", "x")] * 100 + [("B", "x")],  # the only stranger
        [(name,) for name in "AB" for _ in range(15)],  # flat
        [("top",)] * 29 + [("top", "x")],  # nearly everything on the trunk
        [("top",)] * 50 + [("top", "A", leaf) for leaf in "xy" for _ in range(25)] + [("top", "B", "z")],
        [("A", f"{i}") for i in range(29)] + [("B",)],  # single items under one root, one stranger
    ],
)
def test_degenerate_catalogues(paths):
    possible = kinds_of_pairs(paths, paths)
    for batch in sampler_of(paths, num_batches=60):
        assert len(set(batch)) == 16
        assert kinds_of_pairs([paths[item] for item in batch], paths) == possible


def test_lone_children_reach_for_the_nearest_parent():
    lone = [("A", "m", "only", "x")] * 4
    paths = lone + [("A", "n", leaf) for leaf in "pq" for _ in range(40)] + [("B", "z")] * 80
    tree, nodes = build(paths)
    sampler = HierarchicalBatchSampler(nodes, tree, batch_size=32, num_batches=len(paths))
    led_by_lone = [batch for batch in sampler if paths[batch[0]] == lone[0]]
    assert len(led_by_lone) == 4
    for batch in led_by_lone:
        held = [paths[item] for item in batch[:16]]
        assert {path[0] for path in held} == {"A"}
        assert {("A", "n", "p"), ("A", "n", "q")} <= set(held)


def test_items_are_drawn_nearly_uniformly():
    paths = uneven_catalogue(2500)
    sampler = sampler_of(paths, batch_size=64, num_batches=4000)
    counts = np.zeros(len(paths))
    for index in range(len(sampler)):
        counts[sampler.batch(index)] += 1
    rate = counts / (64 * len(sampler) / len(paths))  # 102 expected each: standard deviation 0.1
    assert rate.min() > 0.4
    assert rate.max() < 2.0
    assert rate.std() < 0.2
    size = np.array([Counter(paths)[path] for path in paths])
    root = np.array([path[0] for path in paths])
    groups = [size == 1, (size > 1) & (size <= 8), (size > 8) & (size <= 64), size > 64]
    groups += [root == name for name in np.unique(root)]
    deviations = [abs(rate[group].mean() - 1) for group in groups]
    assert max(deviations) < 0.25
    weights = [group.sum() for group in groups]
    assert np.average(deviations, weights=weights) < 0.08


def test_a_dominating_root_keeps_most_of_its_share():
    paths = [("A", f"{i % 40}") for i in range(600)] + [("BCDE"[i % 4], f"{i % 9}") for i in range(400)]
    sampler = sampler_of(paths, batch_size=40, num_batches=2000)
    counts = sum(np.bincount(sampler.batch(index), minlength=1000) for index in range(len(sampler)))
    # It leads 60% of the batches and has half of these; of the other batches it could have half at most.
    highest, in_proportion = 0.3 + 0.2, 0.3 + 0.2 * 2 / 3
    assert in_proportion + 0.02 < counts[:600].sum() / counts.sum() < highest


def test_items_on_the_trunk_are_drawn_too():
    paths = [("top",)] * 100 + [("top", root, leaf) for root in "ABC" for leaf in "xyz" for _ in range(100)]
    sampler = sampler_of(paths, batch_size=40, num_batches=1000)
    counts = sum(np.bincount(sampler.batch(index), minlength=1000) for index in range(len(sampler)))
    assert 0.8 < counts[:100].sum() / counts.sum() / 0.1 < 1.25


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64])
def test_dtype_of_the_nodes(dtype):
    tree, nodes = build(uneven_catalogue(300))
    batch = HierarchicalBatchSampler(nodes.astype(dtype), tree, batch_size=32).batch(3)
    assert batch.tolist() == HierarchicalBatchSampler(nodes, tree, batch_size=32).batch(3).tolist()


def test_unlabelled_items_do_not_count():
    paths = [("A", "x")] * 10 + [None] * 100 + [("B", "x")] * 10
    sampler = sampler_of(paths)
    assert len(sampler) == 2
    assert all(paths[item] is not None for batch in sampler for item in batch)


def test_later_changes_to_the_callers_array_have_no_effect():
    tree, nodes = build(uneven_catalogue(100))
    nodes = nodes.copy()
    sampler = HierarchicalBatchSampler(nodes, tree, batch_size=16)
    before = list(sampler)
    nodes[:] = -1
    assert list(sampler) == before


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"items_per_category": 1}, "items_per_category"),
        ({"batch_size": 15}, "batch_size"),
        ({"batch_size": 11, "items_per_category": 2}, "batch_size"),
        ({"batch_size": 41}, "nodes"),
        ({"related_fraction": 0.0}, "related_fraction"),
        ({"related_fraction": 1.0}, "related_fraction"),
        ({"num_batches": 0}, "num_batches"),
    ],
)
def test_bad_arguments(arguments, where):
    with pytest.raises(InputError) as error:
        sampler_of([("A", "x"), ("B", "y")] * 20, **arguments)
    assert error.value.where == where


@pytest.mark.parametrize(
    ("nodes", "where"),
    [
        (np.zeros(20), "nodes"),
        (np.zeros((20, 1), np.int64), "nodes"),
        (np.array([0] * 19 + [4]), "nodes: row 19"),
        (np.array([0, -2] + [0] * 18), "nodes: row 1"),
    ],
)
def test_bad_nodes(nodes, where):
    tree, _ = build([("A", "x"), ("B", "y")])
    with pytest.raises(InputError) as error:
        HierarchicalBatchSampler(nodes, tree, batch_size=16)
    assert error.value.where == where


@given(st.integers(1, 40), st.data())
def test_the_unused_ones_are_drawn_as_from_a_list_of_them(count, data):
    used = np.array(data.draw(st.lists(st.integers(0, count - 1), unique=True, max_size=count)), np.int64)
    size = data.draw(st.integers(0, count - len(used)))
    listed = np.setdiff1d(np.arange(count), used)
    expected = np.random.default_rng(3).choice(listed, size, replace=False)
    found = hierarchical._unused(np.random.default_rng(3), count, used, size)
    np.testing.assert_array_equal(found, expected)

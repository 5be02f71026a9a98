import numpy as np
import pytest
from tests.sampling.catalogues import build, uneven_catalogue

from leafcode.errors import InputError
from leafcode.sampling import HierarchicalBatchSampler, ShardedBatchSampler, UniformBatchSampler

TREE, NODES = build(uneven_catalogue(300))


def hierarchical(**settings):
    return HierarchicalBatchSampler(NODES, TREE, batch_size=24, **settings)


@pytest.mark.parametrize("world_size", [1, 2, 3, 8])
def test_the_shares_put_together_are_the_global_batch(world_size):
    whole = hierarchical(seed=5)
    shares = [ShardedBatchSampler(hierarchical(seed=5), rank, world_size) for rank in range(world_size)]
    assert {len(share) for share in shares} == {len(whole)}
    for epoch in (0, 2):
        whole.set_epoch(epoch)
        for share in shares:
            share.set_epoch(epoch)
        for batches in zip(whole, *shares, strict=True):
            assert {len(batch) for batch in batches[1:]} == {24 // world_size}
            assert [item for batch in batches[1:] for item in batch] == batches[0]


def test_step_batch_goes_to_its_epoch():
    share, whole = ShardedBatchSampler(hierarchical(), 1, 2), hierarchical()
    for step in (3 * len(whole) + 2, 1):
        np.testing.assert_array_equal(share.step_batch(step), whole.step_batch(step)[12:])
    assert share.epoch == 0


def test_resuming():
    share = ShardedBatchSampler(hierarchical(), 0, 2)
    share.set_epoch(4)
    batches = list(share)
    iterator = iter(share)
    for _ in range(3):
        next(iterator)
    resumed = ShardedBatchSampler(hierarchical(), 0, 2)
    resumed.load_state_dict(share.state_dict())
    assert list(resumed) == batches[3:]


def test_a_sampler_moved_by_others_does_no_harm():
    whole = hierarchical()
    share = ShardedBatchSampler(whole, 0, 2)
    before = share.batch(1).tolist()
    whole.set_epoch(9)
    assert share.batch(1).tolist() == before


def test_uniform_batches_need_equal_sizes():
    shares = [ShardedBatchSampler(UniformBatchSampler(20, 8, drop_last=True), rank, 4) for rank in range(4)]
    assert len({item for share in shares for batch in share for item in batch}) == 16
    with pytest.raises(InputError, match=r"batch 2 with 3 items.*drop_last"):
        ShardedBatchSampler(UniformBatchSampler(19, 8), 0, 4)


@pytest.mark.parametrize(
    ("rank", "world_size", "where"),
    [(2, 2, "rank"), (-1, 2, "rank"), (0, 0, "world_size"), (0, 5, "sampler")],
)
def test_bad_arguments(rank, world_size, where):
    with pytest.raises(InputError) as error:
        ShardedBatchSampler(hierarchical(), rank, world_size)
    assert error.value.where == where


def test_a_sampler_for_several_processes_is_refused():
    with pytest.raises(InputError, match="world_size=1"):
        ShardedBatchSampler(hierarchical(world_size=2), 0, 2)


def test_a_batch_that_does_not_exist():
    with pytest.raises(InputError, match="batch"):
        ShardedBatchSampler(hierarchical(), 0, 2).batch(10**6)

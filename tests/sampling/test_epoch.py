"""What every batch sampler must do."""

import json

import numpy as np
import pytest
import torch
from tests.sampling.catalogues import build, uneven_catalogue
from torch.utils.data import DataLoader, TensorDataset

from leafcode.errors import InputError
from leafcode.sampling import HierarchicalBatchSampler, UniformBatchSampler
from leafcode.sampling.epoch import check_integer

TREE, NODES = build(uneven_catalogue(300))


def uniform(**settings):
    return UniformBatchSampler(len(NODES), 32, **settings)


def hierarchical(**settings):
    return HierarchicalBatchSampler(NODES, TREE, batch_size=32, **settings)


@pytest.fixture(params=[uniform, hierarchical])
def make(request):
    return request.param


def batches(sampler):
    return [sampler.batch(index).tolist() for index in range(len(sampler))]


def test_length_is_the_number_of_batches(make):
    for world_size in (1, 2, 3):
        samplers = [make(rank=rank, world_size=world_size) for rank in range(world_size)]
        assert {len(sampler) for sampler in samplers} == {-(-300 // (32 * world_size))}
        assert all(len(list(sampler)) == len(sampler) for sampler in samplers)


def test_batches_are_lists_of_int_and_arrays_of_int64(make):
    batch = next(iter(make()))
    assert type(batch) is list
    assert {type(item) for item in batch} == {int}
    array = make().batch(0)
    assert array.dtype == np.int64
    array[:] = -1  # a caller's change must not reach the sampler
    sampler = make()
    sampler.batch(0)[:] = -1
    assert sampler.batch(0).tolist() == batch


def test_a_batch_does_not_depend_on_what_was_drawn_before(make):
    in_order = list(make(seed=4))
    sampler = make(seed=4)
    assert [sampler.batch(index).tolist() for index in reversed(range(len(sampler)))] == in_order[::-1]
    sampler.set_epoch(40)
    later = batches(sampler)
    sampler.set_epoch(0)
    assert batches(sampler) == in_order
    fresh = make(seed=4)
    fresh.set_epoch(40)
    assert fresh.batch(5).tolist() == later[5]


def test_epochs_seeds_and_ranks_differ(make):
    sampler, other_epoch = make(), make()
    other_epoch.set_epoch(1)
    variants = [sampler, other_epoch, make(seed=1), make(world_size=2), make(world_size=2, rank=1)]
    assert len({tuple(variant.batch(0).tolist()) for variant in variants[:3]}) == 3
    assert set(variants[3].batch(0).tolist()) != set(variants[4].batch(0).tolist())


def test_the_global_random_state_is_neither_used_nor_changed(make):
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    before = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
    first = batches(make())
    assert (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == before  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    assert batches(make()) == first


def test_resume(make):
    sampler = make(seed=2)
    sampler.set_epoch(5)
    iterator = iter(sampler)
    for _ in range(3):
        next(iterator)
    state = json.loads(json.dumps(sampler.state_dict()))
    assert state == {"epoch": 5, "batch": 3}

    resumed = make(seed=2)
    resumed.load_state_dict(state)
    resumed.set_epoch(5)  # what a training loop does at the head of the epoch
    assert list(resumed) == list(iterator)
    assert resumed.state_dict() == {"epoch": 5, "batch": len(resumed)}
    assert len(list(resumed)) == len(resumed), "only one iteration is shortened"
    resumed.load_state_dict(state)
    resumed.set_epoch(6)
    assert len(list(resumed)) == len(resumed), "another epoch starts at its first batch"


def test_an_abandoned_iteration_has_no_effect_on_the_next(make):
    sampler = make()
    next(iter(sampler))
    assert list(sampler) == batches(sampler)


def test_in_a_data_loader(make):
    sampler = make()
    items = torch.arange(len(NODES))
    loader = DataLoader(TensorDataset(items), batch_sampler=sampler)
    assert len(loader) == len(sampler)
    assert [batch.tolist() for (batch,) in loader] == batches(sampler)


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"seed": 1.0}, "seed"),
        ({"rank": 1}, "rank"),
        ({"world_size": 0}, "world_size"),
    ],
)
def test_bad_settings(make, settings, where):
    with pytest.raises(InputError) as error:
        make(**settings)
    assert error.value.where == where


@pytest.mark.parametrize("index", [-1, 10, 1.5])
def test_no_such_batch(make, index):
    with pytest.raises(InputError, match="batch"):
        make().batch(index)


@pytest.mark.parametrize(
    "state",
    [{}, {"epoch": 0}, {"epoch": 0, "batch": 11}, {"epoch": -1, "batch": 0}, {"epoch": 0, "batch": True}],
)
def test_bad_state(make, state):
    with pytest.raises(InputError, match="sampler state"):
        make().load_state_dict(state)


def test_bad_epoch(make):
    with pytest.raises(InputError, match="epoch"):
        make().set_epoch(-1)


def test_random_numbers_differ_in_every_coordinate():
    numbers = {
        uniform(seed=seed)._generator(stream, epoch, rank, index).random()
        for seed in (0, 1, 2**64 - 1)
        for stream in (0, 1)
        for epoch in (0, 1, 7)
        for rank in (0, 1, 7)
        for index in (0, 1, 7)
    }
    assert len(numbers) == 3 * 2 * 27


def test_largest_seed(make):
    assert len(make(seed=2**64 - 1).batch(0)) == 32


def test_message_of_check_integer():
    with pytest.raises(InputError) as error:
        check_integer("rank", 3, 0, 1)
    assert str(error.value) == "rank: found 3; expected an integer of at least 0 and at most 1"

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafcode.errors import InputError
from leafcode.sampling import UniformBatchSampler


def epoch_of_all_ranks(n, batch_size, world_size, epoch=0, **settings):
    ranks = []
    for rank in range(world_size):
        sampler = UniformBatchSampler(n, batch_size, rank=rank, world_size=world_size, **settings)
        sampler.set_epoch(epoch)
        ranks.append(list(sampler))
    return ranks


@settings(max_examples=60)
@given(
    n=st.integers(1, 60), batch_size=st.integers(1, 9), world_size=st.integers(1, 4), epoch=st.integers(0, 3)
)
def test_every_item_once_an_epoch(n, batch_size, world_size, epoch):
    ranks = epoch_of_all_ranks(n, batch_size, world_size, epoch)
    assert len({len(batches) for batches in ranks}) == 1
    sizes = [[len(batch) for batch in batches] for batches in ranks]
    assert all(size == batch_size for batches in sizes for size in batches[:-1])
    last = [batches[-1] for batches in sizes]
    assert min(last) >= 1
    assert max(last) <= batch_size
    assert max(last) - min(last) <= 1
    seen = Counter(item for batches in ranks for batch in batches for item in batch)
    left = (n - 1) % (batch_size * world_size) + 1
    assert set(seen) == set(range(n))
    assert seen.total() - n == max(0, world_size - left), "only ranks without an item repeat one"


@settings(max_examples=60)
@given(n=st.integers(1, 60), batch_size=st.integers(1, 9), world_size=st.integers(1, 4))
def test_drop_last(n, batch_size, world_size):
    step = batch_size * world_size
    if n < step:
        with pytest.raises(InputError, match="drop_last"):
            UniformBatchSampler(n, batch_size, world_size=world_size, drop_last=True)
        return
    ranks = epoch_of_all_ranks(n, batch_size, world_size, drop_last=True)
    assert [[len(batch) for batch in batches] for batches in ranks] == [
        [batch_size] * (n // step)
    ] * world_size
    seen = Counter(item for batches in ranks for batch in batches for item in batch)
    assert set(seen.values()) == {1}
    assert len(seen) == n // step * step


def test_the_items_left_out_change_from_epoch_to_epoch():
    sampler = UniformBatchSampler(10, 7, drop_last=True)
    left_out = set()
    for epoch in range(20):
        sampler.set_epoch(epoch)
        left_out |= set(range(10)) - set(sampler.batch(0).tolist())
    assert left_out == set(range(10))


def test_every_item_is_equally_likely_at_every_place():
    sampler = UniformBatchSampler(5, 5)
    counts = Counter()
    for epoch in range(2000):
        sampler.set_epoch(epoch)
        counts.update(enumerate(sampler.batch(0).tolist()))
    assert len(counts) == 25
    # 400 expected in each cell, standard deviation 18.
    assert max(abs(count - 400) for count in counts.values()) < 80


@pytest.mark.parametrize(("n", "batch_size", "where"), [(0, 1, "n"), (5, 0, "batch_size"), (5.0, 1, "n")])
def test_bad_sizes(n, batch_size, where):
    with pytest.raises(InputError) as error:
        UniformBatchSampler(n, batch_size)
    assert error.value.where == where

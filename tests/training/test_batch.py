import numpy as np
import pytest
import torch

from leafcode.training import World
from leafcode.training.batch import Batch, Inputs

CPU = torch.device("cpu")


def test_rows_are_float32_whatever_they_are_kept_in(tmp_path):
    rows = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float16)
    np.save(tmp_path / "rows.npy", rows)
    inputs = Inputs(np.load(tmp_path / "rows.npy", mmap_mode="r"), CPU)
    taken = inputs.take(np.array([8, 0, 8]))
    assert len(inputs) == 9
    assert taken.dtype == torch.float32
    np.testing.assert_array_equal(taken.numpy(), rows[[8, 0, 8]].astype(np.float32))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_processes_share_a_batch_out(size):
    inputs, items = Inputs(np.arange(20.0)[:, None], CPU), np.array([5, 3, 11, 2, 19])
    shares = []
    for rank in range(size):
        inputs.world = World(rank, size)
        batch = inputs.batch(items)
        assert batch.items is items
        assert batch.extra is None
        shares += batch.inputs.flatten().tolist()
    assert shares == items.tolist()


def test_a_batch_may_bring_another():
    inputs = Inputs(np.arange(4.0)[:, None], CPU)
    extra = inputs.batch(np.array([3]))
    assert isinstance(extra, Batch)
    assert inputs.batch(np.array([1]), extra).extra is extra

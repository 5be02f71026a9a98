import numpy as np
import pytest
import torch
from tests.large_batches import two_processes
from tests.torchrun import TORCHRUN, run

from leafcode.errors import InputError
from leafcode.large_batches import gather_with_gradient, own_rows, process_weight
from leafcode.losses import graded_contrastive_loss


def test_one_process_gets_its_tensor_back():
    tensor = torch.ones(3, 2, requires_grad=True)
    assert gather_with_gradient(tensor) is tensor
    assert torch.equal(tensor[own_rows(3)], tensor)
    assert [process_weight(torch.tensor(count)).item() for count in (0, 7)] == [0, 1]
    with pytest.raises(InputError, match="scalar"):
        gather_with_gradient(torch.tensor(1.0))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What two processes wrote."""
    out = tmp_path_factory.mktemp("two") / "results.npz"
    done = run(*TORCHRUN, two_processes.__file__, out, timeout=300)
    assert done.returncode == 0, done.stderr
    with np.load(out, allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["whole", "own", "cached"])
@pytest.mark.parametrize("step", [0, 1])
def test_two_processes_have_the_loss_and_the_gradients_of_one(results, way, step):
    model, sampler = two_processes.make_encoder(), two_processes.make_sampler()
    items = sampler.step_batch(step * len(sampler))
    nodes = torch.from_numpy(two_processes.NODES[items]).long()
    relevance = two_processes.relevance(nodes, nodes)
    loss = graded_contrastive_loss(model(two_processes.FEATURES[items]), relevance).loss
    loss.backward()
    np.testing.assert_allclose(results[f"{way}.{step}.loss"], loss.item(), rtol=1e-5)
    for place, parameter in enumerate(model.parameters()):
        assert parameter.grad.abs().max() > 1e-3
        np.testing.assert_allclose(
            results[f"{way}.{step}.{place}"], parameter.grad.numpy(), rtol=1e-5, atol=1e-6
        )


@pytest.mark.slow
def test_unequal_shapes_are_an_error_on_every_process(results):
    assert "2 rows of 3, 3 rows of 3" in str(results["error"])

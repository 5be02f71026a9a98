import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.training.catalogues import trainer_of

from leafcode.errors import InputError
from leafcode.training import ContrastTerm, Trainer, TrainingConfig, World, current_world
from leafcode.training import trainer as trainer_module
from leafcode.training.checkpoint import cpu_state

SIZES = (2, 3, 7, 20)
"""Numbers of processes: dividing a batch evenly, unevenly, and more than it has items."""
SOME_TRUST, NO_TRUST = np.linspace(0, 1, 120, dtype=np.float32) ** 3, np.zeros(120, np.float32)


class Deaf(World):
    """One of several processes, which hears nothing of the others."""

    def sum_(self, tensors):
        pass


@given(count=st.integers(1, 50), size=st.integers(1, 60))
def test_shares_are_the_batch(count, size):
    shares = [World(rank, size).share(count) for rank in range(size)]
    taken = [np.arange(count)[rows] for rows, _ in shares]
    assert sum(weight for _, weight in shares) == pytest.approx(1)
    if count < size:
        assert all(len(part) == count for part in taken)
    else:
        assert np.array_equal(np.concatenate(taken), np.arange(count))
        assert max(map(len, taken)) - min(map(len, taken)) <= 1
    # So a mean over the batch is the sum of weighted means over shares.
    values = np.arange(count) ** 2
    parts = [weight * values[rows].mean() for rows, weight in shares]
    assert sum(parts) == pytest.approx(values.mean())


def test_one_process_exchanges_nothing():
    world, tensor = current_world(), torch.arange(3.0)
    assert (world.rank, world.size, world.is_first) == (0, 1, True)
    assert world.gather(tensor, 3) is tensor
    world.sum_([tensor])
    world.broadcast_([tensor])
    world.check_same("nothing", "else", torch.device("cpu"))
    world.wait()
    with world.first_goes_first():
        assert tensor.tolist() == [0, 1, 2]


def over_all(trainer, size, take):
    """Terms and gradients of all processes, added up."""
    start, total = cpu_state(trainer.model), []
    parameters = [parameter for parameter in trainer.model.parameters() if parameter.requires_grad]
    for rank in range(size):
        trainer.model.load_state_dict(start)
        trainer._world = trainer._inputs.world = Deaf(rank, size)
        terms = list(take().values())
        gradients = torch.autograd.grad(torch.stack(terms).sum(), parameters, materialize_grads=True)
        total.append([term.detach() for term in terms] + list(gradients))
    return [torch.stack(parts).sum(0) for parts in zip(*total, strict=True)]


@pytest.mark.parametrize("trust", [None, SOME_TRUST, NO_TRUST], ids=["alike", "trust", "none"])
@pytest.mark.parametrize("size", SIZES)
def test_shares_of_the_contrastive_term_add_up(size, trust):
    trainer = trainer_of(trust=trust)
    trainer._start("tree")

    def take():
        return trainer._tree.step(1, trainer._tree.draw(1))

    expected, found = over_all(trainer, 1, take), over_all(trainer, size, take)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("size", SIZES)
def test_shares_of_reconstruction_and_quantisation_add_up(size):
    trainer = trainer_of(progressive_masking=True)
    trainer._begin("content")
    trainer.model.train()

    def take():
        return trainer._codes.step(3, trainer._codes.draw(3))  # the smaller, last batch of an epoch

    expected, found = over_all(trainer, 1, take), over_all(trainer, size, take)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_a_term_on_pairs_is_not_shared_out(monkeypatch):
    monkeypatch.setattr(trainer_module, "current_world", lambda: World(0, 2))
    trainer = trainer_of()
    inputs, nodes, tree = trainer._inputs.rows, trainer.labels.nodes, trainer.labels.taxonomy
    term = ContrastTerm(nodes, tree, TrainingConfig(), weight=1.0)
    with pytest.raises(InputError, match="code_term: found ContrastTerm in 2 processes; expected one"):
        Trainer(trainer.model, inputs, nodes, tree, TrainingConfig(), code_term=term)

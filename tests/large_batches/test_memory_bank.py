from collections import deque

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leafcode.errors import InputError
from leafcode.large_batches import MemoryBank
from leafcode.losses import graded_contrastive_loss
from leafcode.taxonomy import Grades, Taxonomy


@settings(max_examples=60, deadline=None)
@given(capacity=st.integers(1, 7), sizes=st.lists(st.integers(0, 12), max_size=8))
def test_holds_what_a_queue_holds(capacity, sizes):
    bank, queue = MemoryBank(capacity, 2), deque(maxlen=capacity)
    pushed = 0
    for size in sizes:
        nodes = torch.arange(pushed, pushed + size)
        pushed += size
        bank.push(torch.stack([nodes, -nodes], dim=1).float(), nodes)
        queue.extend(nodes.tolist())
        vectors, held = bank.contents()
        assert held.tolist() == list(queue)
        assert vectors.tolist() == [[node, -node] for node in queue]
        assert len(bank) == len(queue)


def test_contents_are_copies_without_a_graph():
    bank = MemoryBank(4, 2)
    anchors = torch.randn(4, 2, requires_grad=True)
    bank.push(anchors, torch.arange(4))
    vectors, nodes = bank.contents()
    assert not vectors.requires_grad
    loss = graded_contrastive_loss(anchors, torch.eye(4), candidates=vectors).loss
    bank.push(torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64))
    loss.backward()  # an in-place change of what the graph holds would be an error
    assert nodes.tolist() == [0, 1, 2, 3]
    assert anchors.grad is not None


def test_state_comes_back():
    bank, fresh = MemoryBank(5, 3), MemoryBank(5, 3)
    for size in (4, 3):
        bank.push(torch.randn(size, 3), torch.randint(0, 9, (size,)))
    fresh.load_state_dict(bank.state_dict())
    for one in (bank, fresh):
        one.push(torch.ones(1, 3), torch.tensor([8]))
    for mine, other in zip(fresh.contents(), bank.contents(), strict=True):
        assert torch.equal(mine, other)
    assert list(bank.parameters()) == []


def test_vectors_have_the_dtype_of_the_module():
    bank = MemoryBank(3, 2).to(torch.bfloat16)
    bank.push(torch.ones(2, 2), torch.tensor([1, 2], dtype=torch.int32))
    vectors, nodes = bank.contents()
    assert (vectors.dtype, nodes.dtype) == (torch.bfloat16, torch.int64)
    output = graded_contrastive_loss(torch.ones(1, 2), torch.ones(1, 2), candidates=vectors)
    assert output.loss.item() == pytest.approx(torch.tensor(2.0).log().item())


def test_an_empty_bank_gives_no_loss():
    vectors, nodes = MemoryBank(3, 2).contents()
    assert vectors.shape == (0, 2)
    assert nodes.shape == (0,)
    output = graded_contrastive_loss(torch.ones(4, 2), torch.ones(4, 0), candidates=vectors)
    assert output.loss.item() == output.anchors.item() == 0


def test_batch_and_bank_together_equal_one_larger_batch():
    paths = ["A > x", "A > x", "A > y", "B > x", "A > y", "B > y"]
    tree, nodes = Taxonomy.from_paths(paths)
    ancestors, nodes = torch.tensor(tree.ancestors), torch.tensor(nodes, dtype=torch.int64)
    embeddings = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    bank = MemoryBank(3, 3)
    bank.push(embeddings[3:], nodes[3:])
    vectors, held = bank.contents()
    grades = Grades.default()
    relevance = grades.matrix(ancestors[nodes[:3]], ancestors[torch.cat([nodes[:3], held])])
    relevance.fill_diagonal_(torch.nan)
    output = graded_contrastive_loss(
        embeddings[:3], relevance, candidates=torch.cat([embeddings[:3], vectors])
    )
    whole = graded_contrastive_loss(embeddings, grades.matrix(ancestors[nodes]))
    torch.testing.assert_close(output.per_anchor, whole.per_anchor[:3], equal_nan=True)


@pytest.mark.parametrize("sizes", [(0, 2), (2, 0), (True, 2), (2.0, 2)])
def test_bad_sizes(sizes):
    with pytest.raises(InputError):
        MemoryBank(*sizes)


@pytest.mark.parametrize(
    ("embeddings", "nodes", "where"),
    [
        (torch.ones(2, 3), torch.arange(2), "embeddings"),
        (torch.ones(2), torch.arange(2), "embeddings"),
        (torch.ones(2, 2, dtype=torch.int64), torch.arange(2), "embeddings"),
        (torch.ones(2, 2), torch.arange(3), "nodes"),
        (torch.ones(2, 2), torch.ones(2), "nodes"),
        (torch.ones(2, 2), torch.ones(2, dtype=torch.bool), "nodes"),
    ],
)
def test_bad_batches(embeddings, nodes, where):
    with pytest.raises(InputError) as error:
        MemoryBank(3, 2).push(embeddings, nodes)
    assert error.value.where == where

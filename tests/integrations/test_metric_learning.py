import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning.losses import ContrastiveLoss, CrossBatchMemory, SupConLoss, TripletMarginLoss

from leafcode import Grades, InputError, Taxonomy
from leafcode.integrations.metric_learning import TaxonomyMiner, pairs_from_relevance

PATHS = [f"{a} > {b}" for a in "ABC" for b in "xyz"]
TREE, LEAVES = Taxonomy.from_paths(PATHS)
NAN = float("nan")


def batch(seed=0, size=40):
    generator = torch.Generator().manual_seed(seed)
    embeddings = torch.randn(size, 8, generator=generator, dtype=torch.float64)
    labels = torch.from_numpy(LEAVES)[torch.randint(len(LEAVES), (size,), generator=generator)]
    return embeddings, labels


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(0, 6), st.integers(0, 6)),
    thresholds=st.sampled_from([(1.0, 0.0), (0.5, 0.0), (1.0, 0.5), (0.5, 0.25)]),
    in_batch=st.booleans(),
)
def test_pairs_by_brute_force(seed, shape, thresholds, in_batch):
    positive, negative = thresholds
    size = (shape[0], shape[0]) if in_batch else shape
    rng = np.random.default_rng(seed)
    relevance = rng.choice(np.float32([0, 0.25, 0.5, 1, NAN]), size)
    found = pairs_from_relevance(
        torch.from_numpy(relevance), positive=positive, negative=negative, in_batch=in_batch
    )
    pairs = [(i, j) for i in range(size[0]) for j in range(size[1]) if not (in_batch and i == j)]
    wanted = [(i, j) for i, j in pairs if relevance[i, j] >= positive]
    unwanted = [(i, j) for i, j in pairs if relevance[i, j] <= negative]
    assert list(zip(found[0].tolist(), found[1].tolist(), strict=True)) == wanted
    assert list(zip(found[2].tolist(), found[3].tolist(), strict=True)) == unwanted


@pytest.mark.parametrize("criterion", [SupConLoss(), ContrastiveLoss(), TripletMarginLoss()])
def test_flat_grades_are_plain_labels(criterion):
    embeddings, labels = batch()
    ours, theirs = embeddings.clone().requires_grad_(), embeddings.clone().requires_grad_()
    pairs = TaxonomyMiner(TREE, Grades.by_distance((1.0,)))(ours, labels)
    found, expected = criterion(ours, indices_tuple=pairs), criterion(theirs, labels)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    found.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-12, atol=0)


def test_siblings_are_left_open_between_the_thresholds():
    embeddings, labels = batch()
    anchors, positives, others, negatives = TaxonomyMiner(TREE)(embeddings, labels)
    root = torch.tensor(TREE.ancestors[:, 0])
    assert (labels[anchors] == labels[positives]).all()
    assert (root[labels[others]] != root[labels[negatives]]).all()


def test_what_the_tree_leaves_open_takes_part_in_nothing():
    parent = int(TREE.parents[LEAVES[0]])
    labels = torch.tensor([LEAVES[0], parent, LEAVES[3], -1])
    pairs = TaxonomyMiner(TREE, positive=0.5)(torch.eye(4), labels)
    met = torch.stack([torch.cat(pairs[::2]), torch.cat(pairs[1::2])])
    assert sorted(met.T.tolist()) == [[0, 2], [1, 2], [2, 0], [2, 1]]


def test_reference_embeddings_are_other_items():
    embeddings, labels = batch(size=6)
    reference, ref_labels = batch(seed=1, size=9)
    flat = TaxonomyMiner(TREE, Grades.by_distance((1.0,)))
    pairs = flat(embeddings, labels, reference, ref_labels)
    found = SupConLoss()(embeddings, indices_tuple=pairs, ref_emb=reference)
    expected = SupConLoss()(embeddings, labels, ref_emb=reference, ref_labels=ref_labels)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_as_the_miner_of_a_cross_batch_memory():
    embeddings, labels = batch()
    memory = CrossBatchMemory(SupConLoss(), 8, memory_size=64, miner=TaxonomyMiner(TREE, positive=0.5))
    for start in (0, 20):
        loss = memory(embeddings[start : start + 20].float(), labels[start : start + 20])
        assert loss.isfinite()


@pytest.mark.parametrize(
    ("relevance", "settings", "told"),
    [
        (torch.zeros(2, 3), {}, r"relevance: found shape \(2, 3\); expected shape \(B, B\)"),
        (torch.zeros(3), {"in_batch": False}, r"relevance: found shape \(3,\)"),
        (torch.zeros(2, 2), {"positive": 0.5, "negative": 0.5}, "negative: found 0.5"),
    ],
)
def test_mistakes_are_told(relevance, settings, told):
    with pytest.raises(InputError, match=told):
        pairs_from_relevance(relevance, **settings)


def test_mistakes_of_the_miner_are_told():
    with pytest.raises(InputError, match="negative: found 1"):
        TaxonomyMiner(TREE, negative=1.0)
    with pytest.raises(InputError, match="labels from 0 to 99"):
        TaxonomyMiner(TREE)(torch.eye(2), torch.tensor([0, 99]))

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from torch.nn import functional as F

from leafcode import GradedContrastiveLoss, Grades, Taxonomy
from leafcode.catalog import Attributes, agreement_weights, content_agreement, refine_relevance
from leafcode.errors import InputError

AGREEMENTS = st.lists(st.one_of(st.just(np.nan), st.floats(0, 1, width=32)), min_size=1, max_size=8)


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6))
def test_content_agreement_is_the_clipped_cosine(seed, rows, columns):
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(rows, 4)), rng.normal(size=(columns, 4))
    expected = np.clip(1 - cdist(a, b, "cosine"), 0, 1)
    np.testing.assert_allclose(content_agreement(a, b), expected, atol=1e-6)
    tensors = content_agreement(torch.from_numpy(a).requires_grad_(), torch.from_numpy(b))
    assert not tensors.requires_grad
    np.testing.assert_allclose(tensors.numpy(), expected, atol=1e-6)
    np.testing.assert_allclose(content_agreement(a).diagonal(), 1, atol=1e-6)


def test_a_zero_embedding_agrees_with_nothing_that_is_known():
    found = content_agreement(np.array([[0.0, 0.0], [1.0, 0.0]]))
    np.testing.assert_array_equal(found, [[np.nan, np.nan], [np.nan, 1]])


@given(AGREEMENTS, st.floats(0, 1))
def test_weights_rise_with_agreement(values, lowest):
    agreement = np.array([sorted(values, key=lambda v: (np.isnan(v), v))], np.float32)
    weights = agreement_weights(agreement, lowest=lowest)
    known = ~np.isnan(agreement)
    expected = lowest + (1 - lowest) * np.where(known, agreement, 0.5)
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    assert (np.diff(weights[known]) >= 0).all()
    tensors = agreement_weights(torch.from_numpy(agreement), lowest=lowest)
    np.testing.assert_allclose(tensors.numpy(), weights, rtol=1e-6)


def level_of(relevance, agreement, levels):
    if relevance != 1 or np.isnan(agreement):
        return relevance
    return levels[min(int(agreement * len(levels)), len(levels) - 1)]


@given(AGREEMENTS, st.sampled_from([(0.75, 1.0), (0.6, 0.7, 1.0)]), st.data())
def test_refined_relevance_against_plain_python(values, levels, data):
    grades = st.sampled_from([0.0, 0.25, 0.5, 1.0, np.nan])
    size = len(values)
    relevance = np.array([data.draw(st.lists(grades, min_size=size, max_size=size))], np.float32)
    agreement = np.array([values], np.float32)
    pairs = zip(relevance[0], agreement[0], strict=True)
    expected = np.array([[level_of(r, a, levels) for r, a in pairs]], np.float32)
    found = refine_relevance(relevance, agreement, levels=levels)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)
    tensors = refine_relevance(torch.from_numpy(relevance), torch.from_numpy(agreement), levels=levels)
    np.testing.assert_array_equal(tensors.numpy(), expected)


def trained(use):
    """Free embeddings of 2 x 2 categories of budget and premium items, after a little training.

    Returns:
        The mean cosine of items of one category and price, of one category, and of sibling categories.
    """
    paths = [f"{root} > {leaf}" for root in "AB" for leaf in "xy" for _ in range(8)]
    tree, nodes = Taxonomy.from_paths(paths)
    price = np.tile([1.0, 1.1, 1.2, 1.3, 8.0, 9.0, 10.0, 11.0], 4)
    brand = [None if item % 3 else "house" if item % 8 < 4 else "fine" for item in range(32)]
    attributes = Attributes.from_columns({"price": price, "brand": brand}, groups=nodes)
    relevance = torch.from_numpy(Grades.default().matrix(tree.ancestors[nodes]))
    agreement = torch.from_numpy(attributes.matrix(np.arange(32)))
    weights, grades = None, (0.5, 1.0)
    if use == "weights":
        weights = agreement_weights(agreement, lowest=0.1)
    elif use == "grades":
        relevance, grades = refine_relevance(relevance, agreement), (0.5, 0.75, 1.0)
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(32, 8, generator=generator).requires_grad_()
    criterion = GradedContrastiveLoss(grades, temperature=0.2)
    optimizer = torch.optim.Adam([embeddings], lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        criterion(embeddings, relevance, pair_weights=weights).loss.backward()
        optimizer.step()
    unit = F.normalize(embeddings.detach(), dim=1).numpy()
    cosine = unit @ unit.T
    leaf = nodes[:, None] == nodes
    siblings = ~leaf & (tree.parents[nodes][:, None] == tree.parents[nodes])
    alike = (price[:, None] > 5) == (price > 5)
    other = ~np.eye(32, dtype=bool)
    return [float(cosine[mask].mean()) for mask in (leaf & alike & other, leaf & ~alike, siblings)]


def test_budget_and_premium_items_of_a_category_keep_apart():
    same, other, siblings = trained("nothing")
    assert abs(same - other) < 0.05  # the tree alone does not tell them apart
    assert other > siblings + 0.3
    for use, gap in (("weights", 0.1), ("grades", 0.2)):
        same, other, siblings = trained(use)
        assert same > other + gap, use
        assert other > siblings + 0.1, use  # and one category stays closer than two


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: content_agreement(a[0]), r"shapes \(2,\) and \(2,\)"),
        (lambda a: content_agreement(a.astype(int)), "embeddings: found an array of int64; expected floats"),
        (lambda a: content_agreement(torch.ones(2, 2, dtype=torch.int)), "a tensor of torch.int32"),
        (lambda a: content_agreement([[1.0]]), "embeddings: found a list"),
        (lambda a: content_agreement(a * np.nan), "embeddings: found a NaN or an infinity"),
        (lambda a: agreement_weights(a + 1), "agreement: found 2; expected numbers in"),
        (lambda a: agreement_weights(a, lowest=2), "lowest: found 2"),
        (lambda a: refine_relevance(a, a[:1]), r"agreement: found shape \(1, 2\); expected \(2, 2\)"),
        (lambda a: refine_relevance(a, a, levels=(1.0,)), "levels: found"),
        (lambda a: refine_relevance(a, a, levels=(0.5, 0.9)), "levels: found"),
        (lambda a: refine_relevance(a, a, levels=(0.8, 0.6, 1.0)), "levels: found"),
        (lambda a: refine_relevance(a * 0.75, a), r"a relevance of 0\.75 between two categories"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(InputError, match=message):
        call(np.ones((2, 2)))

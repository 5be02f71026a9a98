import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from tests.methods.tasks import task_of
from tests.training.catalogues import DIM, SIZES, catalogue

from leafcode.errors import TrainingError
from leafcode.methods import METHODS
from leafcode.methods.lda_rq_kmeans import Discriminant, discriminant_labels
from leafcode.quantizers import kmeans
from leafcode.taxonomy import Taxonomy

METHOD = METHODS["lda_rq_kmeans"]
EMBEDDINGS, NODES, TREE = catalogue()
UNIT = EMBEDDINGS.astype(np.float64) / np.linalg.norm(EMBEDDINGS.astype(np.float64), axis=1, keepdims=True)


@pytest.fixture(scope="module")
def discriminant():
    return Discriminant.fit(UNIT, NODES.astype(np.int64))


def test_the_discriminant_is_that_of_scikit_learn_up_to_scale(discriminant):
    g = discriminant.extend(torch.from_numpy(UNIT)).numpy()
    np.testing.assert_array_equal(g[:, :DIM], UNIT)
    known, g = NODES >= 0, g[:, DIM:]
    analysis = LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.01).fit(UNIT[known], NODES[known])
    expected = analysis.transform(UNIT)
    expected -= expected[known].mean(0)
    expected /= np.sqrt((expected[known] ** 2).sum(1).mean())
    np.testing.assert_allclose(g, expected, atol=1e-9)
    assert (g[known] ** 2).sum(1).mean() == pytest.approx(1.0)
    np.testing.assert_allclose(g[known].mean(0), 0.0, atol=1e-12)


def test_later_codes_are_plain_residual_k_means_on_what_is_left_of_x(discriminant):
    encoded = METHOD.train(task_of(), 2.0).encode(EMBEDDINGS)
    generator = torch.Generator().manual_seed(0)
    points = discriminant.extend(torch.from_numpy(UNIT)).numpy()
    points[:, DIM:] *= np.sqrt(2.0)
    cells = kmeans(torch.from_numpy(points).float(), SIZES[0], generator).double().numpy()
    first = ((points[:, None] - cells) ** 2).sum(2).argmin(1)
    np.testing.assert_array_equal(encoded.codes[:, 0], first)
    means = np.stack([UNIT[first == cell].mean(0) for cell in range(SIZES[0])])
    rest = UNIT - means[first]
    cells = kmeans(torch.from_numpy(rest).float(), SIZES[1], generator).double().numpy()
    np.testing.assert_array_equal(encoded.codes[:, 1], ((rest[:, None] - cells) ** 2).sum(2).argmin(1))


def test_strength_0_is_rq_kmeans():
    ours, plain = METHOD.train(task_of(), 0.0), METHODS["rq_kmeans"].train(task_of())
    np.testing.assert_array_equal(ours.encode(EMBEDDINGS).codes, plain.encode(EMBEDDINGS).codes)


def test_the_first_code_follows_the_tree_more_the_stronger_it_is():
    from sklearn.metrics import adjusted_mutual_info_score as agreement

    # The categories lie in two directions of eight, and content does not care.
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=EMBEDDINGS.shape)
    root = TREE.ancestors[NODES, 0]
    hidden[:, 0] = np.where(NODES >= 0, 2.0 * (np.unique(root, return_inverse=True)[1] - 1), 0.0)
    task, known = task_of((hidden, NODES, TREE)), NODES >= 0
    found = [
        agreement(root[known], METHOD.train(task, weight).encode(hidden).codes[known, 0])
        for weight in (0.0, 10.0)
    ]
    assert found[1] > found[0] + 0.1


def labels_of(paths):
    tree, nodes = Taxonomy.from_paths(paths)
    depth, labels = discriminant_labels(nodes, tree)
    return depth, [tree.keys[label] if label >= 0 else None for label in labels]


def test_the_deepest_cut_with_four_items_on_average():
    paths = ["A > x > 1", "A > x > 2", "A > y > 1", "B > z > 1"] * 2 + ["A > x > 3"] * 4
    # 12 items in 5 leaves, in 3 categories of depth 2.
    depth, labels = labels_of(paths)
    assert depth == 2
    assert labels == [" > ".join(path.split(" > ")[:2]) for path in paths]
    assert labels_of(paths * 2)[0] == 3


def test_leaves_above_the_cut_stay_and_items_on_inner_nodes_go():
    paths = ["A > x"] * 5 + ["B"] * 5 + ["C > y > 1"] * 5 + ["C", "C > y", None]
    depth, labels = labels_of(paths)
    assert depth == 3
    assert labels == [*["A > x"] * 5, *["B"] * 5, *["C > y > 1"] * 5, None, None, None]


def test_a_single_deep_branch_does_not_outweigh_the_rest():
    paths = [f"A > {item}" for item in range(20)] + ["B > deep > deeper"] * 5
    # Depth 3 alone has 5 items in one category, but the whole cut has 25 in 21.
    assert labels_of(paths)[0] == 1


def test_single_items_everywhere():
    depth, labels = labels_of(["A", "B", "C"])
    assert (depth, labels) == (1, ["A", "B", "C"])
    with pytest.raises(TrainingError, match="two items"):
        Discriminant.fit(UNIT[:3], np.arange(3))


def test_identical_items_within_categories_are_told():
    with pytest.raises(TrainingError, match="identical"):
        Discriminant.fit(np.repeat(np.eye(DIM)[:2], 3, axis=0), np.repeat([0, 1], 3))

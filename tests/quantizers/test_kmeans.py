import importlib
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans

from leafcode.errors import InputError
from leafcode.quantizers import assign, kmeans
from leafcode.quantizers.kmeans import cluster_means, cluster_sums

MODULE = importlib.import_module("leafcode.quantizers.kmeans")  # the package's `kmeans` is the function


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def inertia(points, centroids):
    return cdist(points.numpy(), centroids.numpy(), "sqeuclidean").min(1).sum()


def groups(clusters=8, each=40, dim=5, spread=0.05, seed=0):
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(clusters, dim))
    points = np.repeat(centers, each, axis=0) + spread * rng.normal(size=(clusters * each, dim))
    return torch.from_numpy(points)


@settings(max_examples=60)
@given(
    n=st.integers(1, 30),
    clusters=st.integers(1, 6),
    dim=st.integers(1, 5),
    weighted=st.booleans(),
    seed=st.integers(0, 999),
)
def test_assign_finds_the_nearest(n, clusters, dim, weighted, seed):
    rng = np.random.default_rng(seed)
    # Whole numbers, for which both ways to compute a distance are exact, and ties are common.
    points, centroids = rng.integers(-3, 4, (n, dim)) * 1.0, rng.integers(-3, 4, (clusters, dim)) * 1.0
    metric = rng.integers(0, 3, dim) * 1.0 if weighted else np.ones(dim)
    index, distance = assign(
        torch.from_numpy(points),
        torch.from_numpy(centroids),
        torch.from_numpy(metric) if weighted else None,
    )
    expected = ((points[:, None] - centroids) ** 2 * metric).sum(2)
    assert index.dtype == torch.int64
    assert index.tolist() == expected.argmin(1).tolist(), "of equally near ones the first"
    np.testing.assert_array_equal(distance.numpy(), expected.min(1))


@settings(max_examples=60)
@given(
    n=st.integers(1, 6),
    clusters=st.integers(1, 40),
    values=st.sampled_from(
        [(0.0, -0.0, 1.0), (1.0, 1.0 + 2**-23, 1.0 - 2**-24), (-3e38, 3e38), (1e-38, -1e-38)]
    ),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    seed=st.integers(0, 999),
)
def test_the_first_smallest_is_that_of_numpy(n, clusters, values, dtype, seed):
    scores = torch.from_numpy(np.random.default_rng(seed).choice(values, (n, clusters))).to(dtype)
    index, smallest = MODULE._first_smallest(scores.clone())
    assert index.tolist() == scores.numpy().argmin(1).tolist()
    assert torch.equal(smallest, scores.amin(1))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_points_that_are_not_finite_get_some_centroid(value):
    points, centroids = torch.full((3, 2), value), torch.randn(5, 2, generator=generator())
    index, distance = assign(points, centroids)
    assert ((index >= 0) & (index < 5)).all()
    assert distance.isnan().all()


def test_half_precision_is_compared_in_float32():
    points, centroids = (torch.randn(n, 8, generator=generator(n)).bfloat16() for n in (20, 6))
    assert torch.equal(assign(points, centroids)[0], assign(points.double(), centroids.double())[0])


def test_assign_in_chunks(monkeypatch):
    points, centroids = torch.randn(50, 4, generator=generator()), torch.randn(6, 4, generator=generator(1))
    whole = assign(points, centroids)
    monkeypatch.setattr(MODULE, "CHUNK", 7)
    index, distance = assign(points, centroids)
    assert torch.equal(index, whole[0])
    torch.testing.assert_close(distance, whole[1])


def test_dimensions_of_weight_zero_are_ignored():
    points, centroids = torch.randn(20, 3, generator=generator()), torch.randn(4, 3, generator=generator(1))
    metric = torch.tensor([1.0, 2.0, 0.0])
    index, distance = assign(points, centroids, metric)
    points[:, 2], centroids[:, 2] = 1e3 * torch.randn(20, generator=generator(2)), -50.0
    other_index, other_distance = assign(points, centroids, metric)
    assert torch.equal(index, other_index)
    assert torch.equal(distance, other_distance)


@settings(max_examples=40)
@given(n=st.integers(1, 20), clusters=st.integers(1, 5), dim=st.integers(1, 5), seed=st.integers(0, 999))
def test_missing_entries_count_in_no_distance(n, clusters, dim, seed):
    rng = np.random.default_rng(seed)
    points, centroids = rng.integers(-3, 4, (n, dim)) * 1.0, rng.integers(-3, 4, (clusters, dim)) * 1.0
    known, metric = rng.random((n, dim)) < 0.6, rng.integers(0, 3, dim) * 1.0
    told = np.where(known, points, 77.0)  # what stands in a missing entry means nothing
    index, distance = assign(*map(torch.from_numpy, (told, centroids, metric)), known=torch.from_numpy(known))
    expected = ((points[:, None] - centroids) ** 2 * metric * known[:, None]).sum(2)
    assert index.tolist() == expected.argmin(1).tolist()
    np.testing.assert_array_equal(distance.numpy(), expected.min(1))


def test_means_over_known_entries():
    rng = np.random.default_rng(0)
    points, known, indices = rng.normal(size=(40, 3)), rng.random((40, 3)) < 0.5, rng.integers(6, size=40)
    means = cluster_means(*map(torch.from_numpy, (points, indices)), 7, torch.from_numpy(known)).numpy()
    seen = np.where(known, points, np.nan)
    for cluster, dim in itertools.product(range(7), range(3)):
        values = seen[indices == cluster, dim]
        expected = 0.0 if np.isnan(values).all() else np.nanmean(values)
        assert means[cluster, dim] == pytest.approx(expected)


def test_clusters_are_found_though_entries_are_missing():
    points = groups(dim=12)
    known = torch.rand(points.shape, generator=generator()) < 0.7
    truth = torch.arange(8).repeat_interleave(40)
    # Begun with a third of the points in wrong clusters.
    start = torch.where(torch.rand(len(truth), generator=generator(1)) < 0.33, (truth + 1) % 8, truth)
    centroids = kmeans(points, 8, generator(), start=start, known=known)
    assert torch.equal(assign(points, centroids, known=known)[0], truth)
    torch.testing.assert_close(centroids, cluster_means(points, truth, 8), atol=0.05, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cluster_sums(dtype):
    points = torch.randn(40, 3, generator=generator(), dtype=dtype)
    indices = torch.randint(5, (40,), generator=generator())
    sums, counts = cluster_sums(points, indices, 7)
    expected = np.zeros((7, 3))
    np.add.at(expected, indices.numpy(), points.double().numpy())
    np.testing.assert_allclose(sums.numpy(), expected, atol=1e-5)
    assert counts.tolist() == np.bincount(indices.numpy(), minlength=7).tolist()
    assert sums.dtype == counts.dtype == dtype


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", ["groups", "uniform"])
def test_inertia_is_that_of_scikit_learn(shape, seed):
    if shape == "groups":
        points = groups(seed=seed)
    else:
        points = torch.rand(600, 4, generator=generator(seed), dtype=torch.float64)
    clusters = 8
    best = KMeans(clusters, n_init=10, random_state=0).fit(points.numpy()).inertia_
    ours = min(inertia(points, kmeans(points, clusters, generator(start))) for start in range(3))
    assert ours <= 1.05 * best


def test_centroids_are_the_means_of_their_points():
    points = groups()
    centroids = kmeans(points, 8, generator(), iterations=100, tolerance=0.0)
    index, _ = assign(points, centroids)
    for cluster in range(8):
        torch.testing.assert_close(centroids[cluster], points[index == cluster].mean(0))


def test_more_iterations_never_raise_the_inertia():
    points = torch.rand(400, 3, generator=generator(), dtype=torch.float64)
    values = [
        inertia(points, kmeans(points, 10, generator(), iterations=n, tolerance=0.0)) for n in range(12)
    ]
    assert all(after <= before + 1e-9 for before, after in itertools.pairwise(values))


def test_the_seed_decides():
    points = torch.randn(200, 3, generator=generator())
    before, state = points.clone(), torch.get_rng_state()
    first, second = kmeans(points, 9, generator(1)), kmeans(points, 9, generator(1))
    assert torch.equal(first, second)
    assert not torch.equal(first, kmeans(points, 9, generator(2)))
    assert torch.equal(points, before)
    assert torch.equal(torch.get_rng_state(), state), "no global random numbers"


def test_as_many_clusters_as_points_and_just_one():
    points = torch.randn(12, 3, generator=generator(), dtype=torch.float64)
    assert inertia(points, kmeans(points, 12, generator())) == pytest.approx(0.0, abs=1e-12)
    torch.testing.assert_close(kmeans(points, 1, generator())[0], points.mean(0))


def test_fewer_different_points_than_clusters():
    points = torch.tensor([[0.0, 1.0], [2.0, 0.0]]).repeat(10, 1)
    centroids = kmeans(points, 5, generator())
    assert centroids.isfinite().all()
    assert inertia(points, centroids) == pytest.approx(0.0, abs=1e-10)


def test_a_cluster_without_points_moves_to_the_farthest(monkeypatch):
    points = torch.tensor([[100.0], [100.2], [109.8], [110.0]])
    monkeypatch.setattr(MODULE, "_seed", lambda *_: torch.tensor([[101.0], [1e4]]))
    assert sorted(kmeans(points, 2, generator()).flatten().tolist()) == pytest.approx([100.1, 109.9])


def test_too_few_points():
    with pytest.raises(InputError, match=r"3 items for 4 codes.*smaller levels"):
        kmeans(torch.zeros(3, 2), 4, generator())

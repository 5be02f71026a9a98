"""Lloyd's k-means on tensors; the same seed gives the same centroids."""

from __future__ import annotations

import torch
from torch import Tensor

from leafcode.errors import InputError
from leafcode.products import linear

CHUNK = 8192
"""Rows whose distances to all centroids are held at once."""


def assign(
    points: Tensor,
    centroids: Tensor,
    metric: Tensor | None = None,
    offset: Tensor | None = None,
    known: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Nearest centroid of each point; of equally near ones the one with the smaller index.

    Args:
        points: (N, D) float.
        centroids: (K, D) float.
        metric: (D,) weights >= 0 of the squared differences; None weighs all alike.
        offset: (K,) what is added to the squared distance of a centroid when the nearest is chosen.
        known: (N, D) bool: entries that count in no distance are False; None if all are known.

    Returns:
        Indices (N,) int64 and (weighted) squared distances (N,), without offset, in the dtype of `points`.

    Example:
        >>> index, distance = assign(torch.tensor([[0.0], [3.0]]), torch.tensor([[1.0], [4.0]]))
        >>> index.tolist(), distance.tolist()
        ([0, 1], [1.0, 1.0])
    """
    points = masked(points, known)
    indices, scores = nearest(points, centroids, metric, offset, known)
    squared_norms = (points * points if metric is None else points * points * metric).sum(1)
    dearer = 0.0 if offset is None else offset[indices]
    return indices, (scores - dearer + squared_norms).clamp_min(0.0)


def nearest(
    points: Tensor,
    centroids: Tensor,
    metric: Tensor | None = None,
    offset: Tensor | None = None,
    known: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """What `assign` needs of all pairs; entries of points that are not known are zero.

    Returns:
        Indices (N,) int64, and (N,) squared distances with offset, less the squared length of the point.
    """
    weighted = centroids if metric is None else centroids * metric
    squares, towards = weighted * centroids, weighted * -2.0
    bias = squares.sum(1) if known is None else squares.new_zeros(len(squares))
    bias = bias if offset is None else bias + offset
    found = []
    for start in range(0, max(1, len(points)), CHUNK):
        rows = slice(start, start + CHUNK)
        distances = linear(points[rows], towards, bias)
        if known is not None:
            distances += linear(known[rows].to(squares.dtype), squares)
        found.append(_first_smallest(distances))
    if len(found) == 1:
        return found[0]
    indices, scores = zip(*found, strict=True)
    return torch.cat(indices), torch.cat(scores)


def _first_smallest(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Index (N,) of the smallest of K numbers in each row, of equal ones the first; and that number (N,).

    As ``scores.min(1)``, in half the time: the smallest number becomes 0, and whatever exceeds it by a normal
    float has bits above the last ones, where the indices are written. Overwrites the scores.
    """
    scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
    count = scores.shape[1]
    smallest = scores.amin(1, keepdim=True)
    bits = scores.sub_(smallest).view(torch.int64 if scores.dtype == torch.float64 else torch.int32)
    mask = 2 ** (count - 1).bit_length() - 1
    # Without the sign, for -0 less 0 is -0.
    bits.bitwise_and_(torch.iinfo(bits.dtype).max - mask).bitwise_or_(
        torch.arange(count, dtype=bits.dtype, device=bits.device)
    )
    return bits.amin(1).bitwise_and_(mask).long(), smallest[:, 0]


def masked(points: Tensor, known: Tensor | None) -> Tensor:
    """Points (N, D) with zeros for the entries that are not known."""
    return points if known is None else points * known


def cluster_means(points: Tensor, indices: Tensor, clusters: int, known: Tensor | None = None) -> Tensor:
    """Means (K, D) of the points (N, D) of each cluster, over the known entries; 0 where there is none."""
    sums, counts = cluster_sums(masked(points, known), indices, clusters)
    if known is None:
        return sums / counts.clamp_min(1.0)[:, None]
    return sums / cluster_sums(known.to(points.dtype), indices, clusters)[0].clamp_min(1.0)


def cluster_sums(points: Tensor, indices: Tensor, clusters: int) -> tuple[Tensor, Tensor]:
    """Sum and number of the points of each cluster.

    Args:
        points: (N, D) float.
        indices: (N,) int64 in [0, clusters).
        clusters: K.

    Returns:
        Sums (K, D) and counts (K,), both in the dtype of `points`.
    """
    sums = points.new_zeros(clusters, points.shape[1])
    if points.is_cuda:
        # Scattered additions come in any order on CUDA, and so would the last bits of the sums.
        for chunk, index in zip(torch.split(points, CHUNK), torch.split(indices, CHUNK), strict=True):
            one_hot = points.new_zeros(len(chunk), clusters)
            sums.addmm_(one_hot.scatter_(1, index[:, None], 1.0).T, chunk)
    else:
        sums.index_add_(0, indices, points)
    return sums, torch.bincount(indices, minlength=clusters).to(points.dtype)


def kmeans(
    points: Tensor,
    clusters: int,
    generator: torch.Generator,
    *,
    iterations: int = 25,
    tolerance: float = 2e-4,
    seeding_sample: int = 8,
    start: Tensor | None = None,
    known: Tensor | None = None,
) -> Tensor:
    """Centroids found by k-means++ seeding (Arthur & Vassilvitskii 2007) and Lloyd's iterations.

    A cluster that loses its last point is moved to the point that is farthest from its centroid. Entries that
    are not known count neither in distances nor in means, as in k-POD (Chi, Chi & Baraniuk 2016), which
    comes to the same by filling them in from the centroid.

    Args:
        points: (N, D) float, N >= clusters.
        clusters: K.
        generator: CPU generator that owns all randomness.
        iterations: Lloyd iterations at most.
        tolerance: Stop once an iteration lowers the mean squared distance by less than this share.
        seeding_sample: k-means++ looks at this many points per cluster, drawn at random.
        start: (N,) int64 clusters to start from, instead of seeding.
        known: (N, D) bool, False for entries that are missing; None if all are known.

    Returns:
        (K, D) centroids.

    Raises:
        InputError: Fewer points than clusters.
    """
    if len(points) < clusters:
        raise InputError(
            "k-means",
            f"{len(points)} items for {clusters} codes",
            "at least as many training items as codes in a level",
            "Choose smaller levels, for example --levels 64,32,16.",
        )
    points = masked(points, known)
    if start is None:
        centroids = _seed(points, clusters, generator, seeding_sample)
    else:
        centroids = cluster_means(points, start, clusters, known)
    before = torch.inf
    for _ in range(iterations):
        indices, distances = assign(points, centroids, known=known)
        error = float(distances.mean())
        if error >= before * (1.0 - tolerance):
            break
        before = error
        centroids = cluster_means(points, indices, clusters, known)
        empty = torch.nonzero(torch.bincount(indices, minlength=clusters) == 0).flatten()
        if len(empty):
            centroids[empty] = points[distances.topk(len(empty)).indices]
    return centroids


def _seed(points: Tensor, clusters: int, generator: torch.Generator, per_cluster: int) -> Tensor:
    size = min(len(points), per_cluster * clusters)
    sample = points[torch.randperm(len(points), generator=generator)[:size].to(points.device)]
    squared_norms = sample.square().sum(1)
    uniform = torch.rand(clusters, generator=generator, dtype=torch.float64).to(points.device)
    chosen = torch.empty(clusters, dtype=torch.int64, device=points.device)
    weights = torch.ones(size, dtype=torch.float64, device=points.device)
    nearest = torch.full_like(squared_norms, torch.inf)
    for k in range(clusters):
        # An inverse-CDF draw, so that one uniform number decides on every device alike.
        cumulative = weights.cumsum(0)
        chosen[k] = torch.searchsorted(cumulative, uniform[k] * cumulative[-1]).clamp_max(size - 1)
        seed = sample[chosen[k]]
        distances = squared_norms - 2.0 * (sample @ seed) + seed.square().sum()
        nearest = torch.minimum(nearest, distances.clamp_min(0.0))
        weights = nearest.double()
        # Once every point coincides with a seed all weights vanish, and any point is as good as another.
        weights = torch.where(weights.sum() > 0, weights, torch.ones_like(weights))
    return sample[chosen]

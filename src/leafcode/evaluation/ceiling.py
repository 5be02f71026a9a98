"""What the embedding itself allows, without quantising: the ceilings that codes are held against.

Both predict the category of a query from training items, as `prefix_accuracy` does from codes; an item with
several paths teaches its first, and as a query it is predicted right by any of them. A code can beat a
ceiling: the ceilings are two simple classifiers on the raw embedding, not bounds.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import cross_entropy

from leafcode.evaluation._arrays import (
    Int64Array,
    is_any_of,
    majority_vote,
    mean_or_nan,
    row_blocks,
    top_k,
    unit_rows,
)
from leafcode.evaluation._checks import (
    FloatArray,
    check_embeddings,
    check_places,
    check_positive,
    check_widths,
)

# The probe: AdamW from zero weights, its rate falling linearly to 0. Chosen by the held-out accuracy on four
# catalogues of 7,000 to 50,000 items with 20 to 5,000 classes: within one point of the best setting tried,
# but with four items to a class four points below a linear discriminant. More steps help only there.
PROBE_BATCH = 512
PROBE_STEPS = 300
PROBE_EPOCHS = 5
PROBE_LEARNING_RATE = 0.01
PROBE_WEIGHT_DECAY = 0.3


def knn_accuracy(
    train_embeddings: npt.ArrayLike,
    train_ancestors: npt.ArrayLike,
    query_embeddings: npt.ArrayLike,
    query_ancestors: npt.ArrayLike,
    *,
    k: int = 20,
) -> npt.NDArray[np.float64]:
    """Share of queries whose depth-d category is the majority among the k most similar training items.

    The k labelled training items with the largest cosine vote, one vote each; at depth d those vote whose
    path reaches it. Ties in the vote go to the smaller node id, ties in the cosine to the smaller row
    (cosines are computed in float32). If none of the k reaches depth d, the query counts as wrong. Queries
    whose path is shorter than d are left out at d.

    It does not measure: what other classifiers could make of the embedding, or how wrong a wrong
    prediction is. Small categories are outvoted: k is the same for all.

    Args:
        train_embeddings: (n, E) floats.
        train_ancestors: (n, D) node ids, the ancestor at each depth from the top, -1 below the item's
            own node; a row of -1 is an unlabelled item, which does not vote and takes no one's place.
        query_embeddings: (m, E), as `train_embeddings`.
        query_ancestors: (m, D), or (m, P, D) for queries with up to P paths.
        k: Number of votes, 1 or more; all labelled training items vote if they are fewer.

    Returns:
        float64 (D,): index d - 1 holds depth d; NaN where no query reaches that depth.

    Raises:
        InputError: If shapes or types do not fit together, or an embedding is all zeros.

    Example:
        >>> knn_accuracy([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]], [[0, 1], [0, 1], [2, 3]],
        ...              [[1.0, 0.2], [0.1, 1.0]], [[0, 1], [2, 4]], k=1)
        array([1. , 0.5])
    """
    check_positive(k, "k")
    train, train_nodes, query, query_nodes = _check_all(
        train_embeddings, train_ancestors, query_embeddings, query_ancestors
    )
    accuracy = np.full(train_nodes.shape[1], np.nan)
    train, train_nodes = _labelled(train, train_nodes)
    query, query_nodes = _labelled(query, query_nodes)
    k = min(k, len(train))
    neighbors = np.empty((len(query), k), dtype=np.intp)
    if k > 0:
        train_unit, query_unit = unit_rows(train, np.float32), unit_rows(query, np.float32)
        for block in row_blocks(len(query), len(train)):
            neighbors[block] = top_k(query_unit[block] @ train_unit.T, k)
    voter = np.repeat(np.arange(len(query)), k)
    for depth in range(train_nodes.shape[1]):
        votes = train_nodes[neighbors, depth].ravel()
        reached = votes >= 0
        predicted = majority_vote(voter[reached], votes[reached], len(query))
        scored = (query_nodes[:, :, depth] >= 0).any(axis=1)
        accuracy[depth] = mean_or_nan(is_any_of(predicted[scored], query_nodes[scored, :, depth]))
    return accuracy


def probe_accuracy(
    train_embeddings: npt.ArrayLike,
    train_ancestors: npt.ArrayLike,
    query_embeddings: npt.ArrayLike,
    query_ancestors: npt.ArrayLike,
    *,
    seed: int,
) -> npt.NDArray[np.float64]:
    """Share of queries whose depth-d category a linear probe predicts right.

    The probe is a multinomial logistic regression on the embedding scaled to length 1 and then
    standardised by the training items; one probe for each depth, fitted on the training items that reach
    it. The classes are the nodes that have training items: a query of another node counts as wrong.
    Queries whose path is shorter than d are left out at d.

    It does not measure: non-linear structure, or how wrong a wrong prediction is. Training is cut short
    (5 passes over the training items, about 300 steps at least), so it is a lower bound of the best linear
    classifier, the more so the fewer items a class has.

    Source: linear probes as in Alain & Bengio, "Understanding intermediate layers using linear classifier
    probes" (2016).

    Args:
        train_embeddings: (n, E) floats.
        train_ancestors: (n, D) node ids, the ancestor at each depth from the top, -1 below the item's
            own node; a row of -1 is an unlabelled item.
        query_embeddings: (m, E), as `train_embeddings`.
        query_ancestors: (m, D), or (m, P, D) for queries with up to P paths.
        seed: Seed of the order of the training items.

    Returns:
        float64 (D,): index d - 1 holds depth d; NaN where no query reaches that depth.

    Raises:
        InputError: If shapes or types do not fit together, or an embedding is all zeros.

    Example:
        >>> probe_accuracy([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]], [[0], [0], [1]],
        ...                [[1.0, 0.2], [0.1, 1.0]], [[0], [1]], seed=0)
        array([1.])
    """
    train, train_nodes, query, query_nodes = _check_all(
        train_embeddings, train_ancestors, query_embeddings, query_ancestors
    )
    accuracy = np.full(train_nodes.shape[1], np.nan)
    train, train_nodes = _labelled(train, train_nodes)
    query, query_nodes = _labelled(query, query_nodes)
    train, query = _standardize(unit_rows(train, np.float32), unit_rows(query, np.float32))
    for depth in range(train_nodes.shape[1]):
        fitted, scored = train_nodes[:, depth] >= 0, (query_nodes[:, :, depth] >= 0).any(axis=1)
        nodes, rows = query_nodes[scored, :, depth], query[scored]
        right = np.zeros(len(rows), dtype=bool)
        if fitted.any() and scored.any():
            classes, targets = np.unique(train_nodes[fitted, depth], return_inverse=True)
            weight, bias = _fit_probe(train[fitted], targets, len(classes), seed)
            for block in row_blocks(len(rows), len(classes)):
                predicted = classes[(rows[block] @ weight + bias).argmax(axis=1)]
                right[block] = is_any_of(predicted, nodes[block])
        accuracy[depth] = mean_or_nan(right)
    return accuracy


def _standardize(train: FloatArray, query: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both centred and scaled by the training items; a dimension that hardly varies becomes 0."""
    if len(train) == 0:
        return train, query
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    # Scaling it up would blow up noise: some encoders have dead outputs.
    deviation[deviation <= 1e-3 * deviation.max()] = np.inf
    return (train - mean) / deviation, (query - mean) / deviation


def _fit_probe(
    features: FloatArray, targets: Int64Array, n_classes: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Weights (E, n_classes) and biases (n_classes,) of the logistic regression, in float32."""
    x, y = torch.from_numpy(features), torch.from_numpy(targets)
    weight = torch.zeros(x.shape[1], n_classes, requires_grad=True)
    bias = torch.zeros(n_classes, requires_grad=True)
    optimizer = torch.optim.AdamW(
        [{"params": [weight], "weight_decay": PROBE_WEIGHT_DECAY}, {"params": [bias], "weight_decay": 0.0}],
        lr=PROBE_LEARNING_RATE,
        fused=True,
    )
    per_epoch = math.ceil(len(x) / PROBE_BATCH)
    epochs = max(PROBE_EPOCHS, math.ceil(PROBE_STEPS / per_epoch))
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=epochs * per_epoch)
    generator = torch.Generator().manual_seed(seed)
    with torch.enable_grad():
        for _ in range(epochs):
            for rows in torch.split(torch.randperm(len(x), generator=generator), PROBE_BATCH):
                optimizer.zero_grad()
                cross_entropy(torch.addmm(bias, x[rows], weight), y[rows]).backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
    return weight.detach().numpy(), bias.detach().numpy()


def _labelled(embeddings: FloatArray, nodes: Int64Array) -> tuple[FloatArray, Int64Array]:
    """The rows that have a category."""
    rows = (nodes >= 0).any(axis=tuple(range(1, nodes.ndim)))
    return embeddings[rows], nodes[rows]


def _check_all(
    train_embeddings: npt.ArrayLike,
    train_ancestors: npt.ArrayLike,
    query_embeddings: npt.ArrayLike,
    query_ancestors: npt.ArrayLike,
) -> tuple[FloatArray, Int64Array, FloatArray, Int64Array]:
    """The arrays, if they fit together: nodes (n, D) of training items, (m, P, D) of queries."""
    train = check_embeddings(train_embeddings, "train_embeddings")
    query = check_embeddings(query_embeddings, "query_embeddings")
    check_widths(train, query, "query_embeddings")
    train_nodes = check_places(train_ancestors, "train_ancestors", len(train))[:, 0]
    query_nodes = check_places(query_ancestors, "query_ancestors", len(query))
    check_widths(train_nodes, query_nodes[:, 0], "query_ancestors")
    return train, train_nodes, query, query_nodes

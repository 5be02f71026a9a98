"""In-batch softmax with corrections, pair by pair in NumPy, as its formula stands."""

import numpy as np


def in_batch_softmax(queries, items, relevance, log_frequency, temperature):
    """Loss per query, NaN without a negative. Loops on purpose."""
    queries, items = np.asarray(queries, np.float64), np.asarray(items, np.float64)
    n = len(queries)
    relevance = np.zeros((n, n)) if relevance is None else np.asarray(relevance, np.float64)
    log_frequency = np.zeros(n) if log_frequency is None else np.asarray(log_frequency, np.float64)

    def logit(i, j):
        cosine = queries[i] @ items[j] / np.linalg.norm(queries[i]) / np.linalg.norm(items[j])
        return cosine / temperature - log_frequency[j]

    losses = np.full(n, np.nan)
    for i in range(n):
        weights = {j: 1 - relevance[i, j] for j in range(n) if j != i and relevance[i, j] < 1}
        if weights:
            rivals = sum(weight * np.exp(logit(i, j)) for j, weight in weights.items())
            losses[i] = np.log(np.exp(logit(i, i)) + rivals) - logit(i, i)
    return losses

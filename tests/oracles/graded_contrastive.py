"""Graded contrastive loss, pair by pair in NumPy, as its formula stands."""

import numpy as np


def graded_contrastive(
    embeddings, relevance, grades, weights, temperature, candidates=None, pair_weights=None
):
    """Loss per anchor, NaN without a positive. Loops on purpose."""
    embeddings = np.asarray(embeddings, np.float64)
    relevance = np.asarray(relevance, np.float64)
    among_themselves = candidates is None
    candidates = embeddings if among_themselves else np.asarray(candidates, np.float64)
    pair_weights = np.ones_like(relevance) if pair_weights is None else np.asarray(pair_weights, np.float64)
    n = len(embeddings)

    def cosine(i, j):
        norms = np.linalg.norm(embeddings[i]) * np.linalg.norm(candidates[j])
        return 0.0 if norms == 0 else float(embeddings[i] @ candidates[j] / norms)

    def grade(i, j):
        return max((g for g in grades if relevance[i, j] >= g - 1e-9), default=0.0)

    losses = np.full(n, np.nan)
    for i in range(n):
        others = [
            j
            for j in range(len(candidates))
            if not (among_themselves and j == i) and not np.isnan(relevance[i, j])
        ]
        total = weight_sum = 0.0
        for g, weight in zip(grades, weights, strict=True):
            pair_losses, pulls = [], []
            for j in others:
                if grade(i, j) == g:
                    rivals = [np.exp(cosine(i, k) / temperature) for k in others if grade(i, k) <= g]
                    pair_losses.append(-cosine(i, j) / temperature + np.log(np.sum(rivals)))
                    pulls.append(pair_weights[i, j])
            if sum(pulls) > 0:
                total += weight * np.dot(pulls, pair_losses) / np.sum(pulls)
                weight_sum += weight
        if weight_sum > 0:
            losses[i] = total / weight_sum
    return losses

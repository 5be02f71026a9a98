"""Graded contrastive loss, pair by pair in NumPy, as its formula stands."""

import numpy as np


def graded_contrastive(embeddings, relevance, grades, weights, temperature):
    """Loss per anchor, NaN without a positive. Loops on purpose."""
    embeddings = np.asarray(embeddings, np.float64)
    relevance = np.asarray(relevance, np.float64)
    n = len(embeddings)

    def cosine(i, j):
        norms = np.linalg.norm(embeddings[i]) * np.linalg.norm(embeddings[j])
        return 0.0 if norms == 0 else float(embeddings[i] @ embeddings[j] / norms)

    def grade(i, j):
        return max((g for g in grades if relevance[i, j] >= g - 1e-9), default=0.0)

    losses = np.full(n, np.nan)
    for i in range(n):
        others = [j for j in range(n) if j != i and not np.isnan(relevance[i, j])]
        total = weight_sum = 0.0
        for g, weight in zip(grades, weights, strict=True):
            pair_losses = []
            for j in others:
                if grade(i, j) == g:
                    rivals = [np.exp(cosine(i, k) / temperature) for k in others if grade(i, k) <= g]
                    pair_losses.append(-cosine(i, j) / temperature + np.log(np.sum(rivals)))
            if pair_losses:
                total += weight * np.mean(pair_losses)
                weight_sum += weight
        if weight_sum > 0:
            losses[i] = total / weight_sum
    return losses

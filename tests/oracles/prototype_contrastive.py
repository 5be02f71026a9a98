"""Prototype contrastive loss, item by item and depth by depth in NumPy, as its formula stands."""

import numpy as np


def prototype_contrastive(embeddings, prototypes, spans, weights, temperature, item_weights=None):
    """Mean over the items with any weight; 0 without one. Loops on purpose."""
    losses, shares = [], []
    if item_weights is None:
        item_weights = np.ones(len(embeddings))
    for item, own_spans, own_weights, share in zip(embeddings, spans, weights, item_weights, strict=True):
        scores = [
            float(item @ other / (np.linalg.norm(item) * np.linalg.norm(other)) / temperature)
            for other in prototypes
        ]
        total = weight_sum = 0.0
        for (first, last), weight in zip(own_spans, own_weights, strict=True):
            if first < 0:
                continue
            # log of a share of probabilities, with the highest score of each sum taken out.
            inside, everything = (
                max(part) + np.log(sum(np.exp(score - max(part)) for score in part))
                for part in (scores[first:last], scores)
            )
            total -= weight * (inside - everything)
            weight_sum += weight
        if weight_sum > 0:
            losses.append(total / weight_sum)
            shares.append(float(share))
    return float(np.average(losses, weights=shares)) if sum(shares) > 0 else 0.0

"""Prototype contrastive loss, item by item and depth by depth in NumPy, as its formula stands."""

import numpy as np


def prototype_contrastive(embeddings, prototypes, spans, weights, temperature):
    """Mean over the items with any weight; 0 without one. Loops on purpose."""
    losses = []
    for item, own_spans, own_weights in zip(embeddings, spans, weights, strict=True):
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
    return float(np.mean(losses)) if losses else 0.0

"""Slow references for the audit: plain Python, one item, one node or one pair at a time."""

import math

import numpy as np
from tests.oracles.trees import chain, lca, subtree


def common_depth(parents, a, b):
    """Depth of the lowest common ancestor, 0 if there is none."""
    common = lca(parents, a, b)
    return len(chain(parents, common)) if common >= 0 else 0


def category_mean(parents, vectors, nodes, weights, node):
    """Mean of the items beneath a node and of one more at its parent's mean; -1 is the node above all."""
    if node < 0:
        return (weights[:, None] * vectors).sum(0) / weights.sum()
    mine = np.isin(nodes, list(subtree(parents, node)))
    above = category_mean(parents, vectors, nodes, weights, parents[node])
    return ((weights[mine, None] * vectors[mine]).sum(0) + above) / (weights[mine].sum() + 1)


def within_scatter(vectors, nodes, weights):
    """Scatter of the items around the mean of their category."""
    scatter = np.zeros((vectors.shape[1],) * 2)
    for node in set(nodes.tolist()):
        mine = nodes == node
        mean = np.average(vectors[mine], axis=0, weights=weights[mine])
        for vector, weight in zip(vectors[mine], weights[mine], strict=True):
            scatter += weight * np.outer(vector - mean, vector - mean)
    return scatter


def given_probability(parents, categories, given, true, rates):
    """P(given category | true category): the hand keeps it, or moves it within the tree if it can."""
    by_depth = [
        [c for c in categories if c != true and common_depth(parents, true, c) == depth]
        for depth in range(len(rates) - 1)
    ]
    if given == true:
        return rates[0] + sum(rate for rate, alike in zip(rates[1:], by_depth, strict=True) if not alike)
    depth = common_depth(parents, true, given)
    return rates[1 + depth] / len(by_depth[depth])


def softmax(scores):
    exponents = [math.exp(score - max(scores)) for score in scores]
    return [e / sum(exponents) for e in exponents]


def average_precision(wrong, scores):
    """Mean precision at each wrong item, the highest score first."""
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(wrong[order])
    return float(np.mean((hits / np.arange(1, len(hits) + 1))[wrong[order]]))


def margin(unit, nodes, k):
    """A k-NN margin: the largest share of another category among the k nearest, less that of the own."""
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    found = []
    for item, row in enumerate(cosines):
        near = nodes[np.argsort(-row)[:k]]
        other = near[near != nodes[item]]
        most = np.bincount(other).max() if len(other) else 0
        found.append((most - (near == nodes[item]).sum()) / k)
    return np.array(found)

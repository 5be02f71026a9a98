"""Pairs of baskets and sessions and their association, as the definitions read, in plain Python."""

import math
from collections import defaultdict
from itertools import combinations


def count_pairs(baskets, window=None, max_basket=1000):
    """Weight and support of every pair; a basket is a list of items in order."""
    weight, support = defaultdict(float), defaultdict(int)
    for basket in baskets:
        items = list(dict.fromkeys(basket))
        if window is None and len(items) > max_basket:
            continue
        for a, b in combinations(range(len(items)), 2):
            if window is not None and b - a > window:
                continue
            pair = tuple(sorted((items[a], items[b])))
            partners = len(items) - 1
            weight[pair] += 1 / (partners if window is None else min(partners, 2 * window))
            support[pair] += 1
    return weight, support


def association(baskets, kind, smoothing, min_support, **settings):
    """Association and normalised PMI of the pairs that are kept."""
    weight, support = count_pairs(baskets, **settings)
    row = defaultdict(float)
    for (i, j), value in weight.items():
        row[i] += value
        row[j] += value
    total, smoothed = sum(row.values()), sum(value**smoothing for value in row.values())
    kept, normalised = {}, {}
    for (i, j), value in weight.items():
        directions = [
            math.log((value / total) / ((row[a] / total) * (row[b] ** smoothing / smoothed)))
            for a, b in ((i, j), (j, i))
        ]
        pmi = sum(directions) / 2
        if pmi <= 1e-12 or support[i, j] < min_support:
            continue
        normalised[i, j] = min(pmi / -math.log(value / total), 1.0)
        kept[i, j] = {"ppmi": pmi, "npmi": normalised[i, j], "lift": math.exp(pmi)}[kind]
    return kept, normalised


def recall_at_k(ranked, relevant, k):
    """The relevant items of a query are the keys of a dictionary of gains."""
    values = [
        len(set(row[:k]) & {item for item, gain in gains.items() if gain > 0}) / len(gains)
        for row, gains in zip(ranked, relevant, strict=True)
        if gains
    ]
    return sum(values) / len(values) if values else math.nan


def ndcg_at_k(ranked, relevant, k):
    def dcg(gains):
        return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains[:k]))

    values = [
        dcg([gains.get(item, 0) for item in row]) / dcg(sorted(gains.values(), reverse=True))
        for row, gains in zip(ranked, relevant, strict=True)
        if gains
    ]
    return sum(values) / len(values) if values else math.nan

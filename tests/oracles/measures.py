"""The measures as their definitions read, item by item in plain Python."""

import math
from collections import Counter
from itertools import combinations


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else math.nan


def cosine(a, b):
    norms = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / norms if norms else 0.0


def shared_prefix(a, b):
    length = 0
    while length < len(a) and a[length] == b[length]:
        length += 1
    return length


def path(row):
    return [node for node in row if node >= 0]


def shared_depth(a, b):
    depth = 0
    for x, y in zip(path(a), path(b), strict=False):
        if x != y:
            break
        depth += 1
    return depth


def majority(votes):
    counts = Counter(votes)
    return min(node for node in counts if counts[node] == max(counts.values()))


def reconstruction_error(x, x_hat):
    return mean(1 - cosine(a, b) for a, b in zip(x, x_hat, strict=True))


def prefix_accuracy(train_codes, train_paths, test_codes, test_paths, depth):
    """Depth counts from 1; items whose path is shorter are left out."""
    train = [(c, path(p)) for c, p in zip(train_codes, train_paths, strict=True) if len(path(p)) >= depth]
    right = []
    for code, row in zip(test_codes, test_paths, strict=True):
        if len(path(row)) < depth:
            continue
        longest = max((shared_prefix(code, other) for other, _ in train), default=0)
        if longest == 0:
            right.append(False)
            continue
        votes = [p[depth - 1] for other, p in train if shared_prefix(code, other) >= longest]
        right.append(majority(votes) == row[depth - 1])
    return mean(right)


def code_neighbors(train_codes, train_quantized, code, quantized, k):
    def rank(i):
        return -shared_prefix(code, train_codes[i]), -round(cosine(quantized, train_quantized[i]), 9), i

    return sorted(range(len(train_codes)), key=rank)[:k]


def hp_at_k(neighbor_rows, train_paths, query_paths, k):
    scores = []
    for neighbors, row in zip(neighbor_rows, query_paths, strict=True):
        if not path(row):
            continue
        gains = [shared_depth(row, other) / len(path(row)) for other in train_paths]
        best = sum(sorted(gains, reverse=True)[:k])
        if best > 0:
            scores.append(sum(gains[i] for i in neighbors) / best)
    return mean(scores)


def precision_at_k(neighbor_rows, train_paths, query_paths, depth):
    return mean(
        mean(shared_depth(row, train_paths[i]) >= depth for i in neighbors)
        for neighbors, row in zip(neighbor_rows, query_paths, strict=True)
        if len(path(row)) >= depth
    )


def pairs_by_length(codes):
    """Every unordered pair, under the number of leading codes it shares."""
    pairs = {}
    for i, j in combinations(range(len(codes)), 2):
        pairs.setdefault(shared_prefix(codes[i], codes[j]), []).append((i, j))
    return pairs


def shared_prefix_at(train_codes, train_x, query_codes, query_x, threshold, level):
    return mean(
        shared_prefix(query_codes[q], train_codes[t]) >= level
        for q in range(len(query_x))
        for t in range(len(train_x))
        if cosine(query_x[q], train_x[t]) >= threshold
    )


def knn_accuracy(train_x, train_paths, query_x, query_paths, k, depth):
    labelled = [i for i in range(len(train_x)) if path(train_paths[i])]
    right = []
    for x, row in zip(query_x, query_paths, strict=True):
        if len(path(row)) < depth:
            continue
        nearest = sorted(labelled, key=lambda i: (-cosine(x, train_x[i]), i))[:k]
        votes = [path(train_paths[i])[depth - 1] for i in nearest if len(path(train_paths[i])) >= depth]
        right.append(bool(votes) and majority(votes) == row[depth - 1])
    return mean(right)


def mutual_information(a, b):
    n, first, second = len(a), Counter(a), Counter(b)
    return sum(
        count / n * math.log(n * count / (first[x] * second[y]))
        for (x, y), count in Counter(zip(a, b, strict=True)).items()
    )

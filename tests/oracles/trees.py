"""Slow references for trees: plain Python over parent lists, one pair at a time."""

import math
from collections import deque


def chain(parents: list[int], node: int) -> list[int]:
    """Nodes from the root down to ``node``."""
    found = [node]
    while parents[found[0]] >= 0:
        found.insert(0, parents[found[0]])
    return found


def lca(parents: list[int], a: int, b: int) -> int:
    """Deepest node that lies above or on both, -1 if there is none."""
    above_a = set(chain(parents, a))
    node = b
    while node >= 0 and node not in above_a:
        node = parents[node]
    return node


def edges_between(parents: list[int], a: int, b: int) -> int:
    """Length of the shortest path, by breadth-first search; -1 stands for the root above all roots."""
    neighbours: dict[int, list[int]] = {}
    for node, parent in enumerate(parents):
        neighbours.setdefault(node, []).append(parent)
        neighbours.setdefault(parent, []).append(node)
    distance, queue = {a: 0}, deque([a])
    while queue:
        node = queue.popleft()
        for other in neighbours[node]:
            if other not in distance:
                distance[other] = distance[node] + 1
                queue.append(other)
    return distance[b]


def subtree(parents: list[int], node: int) -> set[int]:
    """The node and everything below it."""
    return {v for v in range(len(parents)) if node in chain(parents, v)}


def relevance(parents: list[int], a: int, b: int, kind: str, table: list[float]) -> float:
    """Grade of a pair of categories, -1 for an unlabelled item; NaN for a pair left open."""
    if a < 0 or b < 0:
        return math.nan
    if a == b:
        return 1.0 if kind == "depth" else table[0]
    if a in chain(parents, b) or b in chain(parents, a):
        return math.nan
    common = lca(parents, a, b)
    if common < 0:
        return 0.0
    depth = len(chain(parents, common))
    if kind == "depth":
        return table[depth]
    height = max(len(chain(parents, a)), len(chain(parents, b))) - depth
    return table[height] if height < len(table) else 0.0

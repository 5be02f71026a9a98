"""Kinds of item pairs, told from category paths alone, pair by pair."""

from itertools import combinations


def is_prefix(a, b):
    return b[: len(a)] == a


def kinds_of_pair(a, b, all_paths):
    """The kinds of one pair of paths (tuples of names): any of same, sibling, unrelated."""
    if a == b:
        return {"same"}
    if is_prefix(a, b) or is_prefix(b, a):
        return set()
    kinds = set()
    if len(a) == len(b) >= 2 and a[:-1] == b[:-1]:
        kinds.add("sibling")
    shared = [a[:depth] for depth in range(1, len(a)) if a[:depth] == b[:depth]]
    if all(is_prefix(ancestor, path) for ancestor in shared for path in all_paths):
        kinds.add("unrelated")
    return kinds


def kinds_of_pairs(paths, all_paths):
    """All kinds of pairs among items with these paths."""
    kinds = set()
    for a, b in set(combinations(sorted(paths), 2)):
        kinds |= kinds_of_pair(a, b, set(all_paths))
    return kinds

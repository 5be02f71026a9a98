"""Hypothesis strategies for random category trees and for items filed on them."""

from typing import NamedTuple

from hypothesis import strategies as st

from leafcode.taxonomy import Taxonomy

NAMES = "abcdefgh"


class Forest(NamedTuple):
    """Nodes in an order where a parent precedes its children, but no pre-order in general.

    Names repeat in different branches, never among siblings, so that every node has its own path.
    """

    parents: list[int]
    names: list[str]

    @property
    def paths(self) -> list[tuple[str, ...]]:
        """Names from the root down to each node."""
        paths: list[tuple[str, ...]] = []
        for parent, name in zip(self.parents, self.names, strict=True):
            paths.append((*(paths[parent] if parent >= 0 else ()), name))
        return paths

    @property
    def keys(self) -> list[str]:
        """The paths as text."""
        return [" > ".join(path) for path in self.paths]


@st.composite
def parent_lists(draw: st.DrawFn, max_nodes: int = 24) -> list[int]:
    """Parents with parents[i] < i: ragged depth, several roots, chains of single children, broad families."""
    steps = draw(
        st.lists(st.tuples(st.sampled_from("rcccssaa"), st.integers(0, 10**6)), max_size=max_nodes - 1)
    )
    parents = [-1]
    for kind, number in steps:
        last = len(parents) - 1
        if kind == "r":
            parents.append(-1)
        elif kind == "c":  # one deeper
            parents.append(last)
        elif kind == "s":  # a sibling of the last one
            parents.append(parents[last])
        else:
            parents.append(number % len(parents))
    return parents


@st.composite
def forests(draw: st.DrawFn, max_nodes: int = 24) -> Forest:
    """Random forests with names that repeat in different branches."""
    parents = draw(parent_lists(max_nodes))
    born = [0] * (len(parents) + 1)
    names = []
    for parent in parents:
        order = born[parent]  # index -1 counts the roots
        born[parent] += 1
        names.append(NAMES[order % len(NAMES)] + (str(order // len(NAMES)) if order >= len(NAMES) else ""))
    return Forest(parents, names)


@st.composite
def taxonomies(draw: st.DrawFn, max_nodes: int = 24) -> Taxonomy:
    """Random taxonomies, built from paths."""
    return Taxonomy.from_paths(draw(forests(max_nodes)).keys)[0]


@st.composite
def labelled_trees(
    draw: st.DrawFn,
    max_nodes: int = 24,
    max_items: int = 60,
    leaves_only: bool = False,
    unlabelled: bool = True,
) -> tuple[Taxonomy, list[int]]:
    """A taxonomy and the node of each item: uneven categories, -1 for an unlabelled item."""
    taxonomy = draw(taxonomies(max_nodes))
    nodes = [v for v in range(len(taxonomy)) if taxonomy.is_leaf[v] or not leaves_only]
    choices = st.sampled_from([*nodes, *([-1] if unlabelled else [])])
    return taxonomy, draw(st.lists(choices, min_size=1, max_size=max_items))

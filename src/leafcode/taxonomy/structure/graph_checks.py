"""Faults of a file of categories that no tree survives: repeated ids, missing parents, cycles."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from leafcode.taxonomy._arrays import LongArray
from leafcode.taxonomy._build import text_array
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.structure.finding import FindingKind, Severity, StructureFinding, some_of

REPEATED_ID = FindingKind(
    "repeated id",
    "Which of the rows an item's category means is unknown, so no tree is made.",
    "Give every category an id of its own; one with several parents states them in one row.",
)
MISSING_PARENT = FindingKind(
    "missing parent",
    "The category and all beneath it hang from nothing, so no tree is made.",
    "Add the parent, correct its id, or leave it empty to make the category a root.",
)
CYCLE = FindingKind(
    "cycle",
    "The categories are above and beneath each other, so they have no depth and no common ancestor.",
    "Take out the parent that is really a child.",
)
SEVERAL_PARENTS = FindingKind(
    "several parents",
    "A tree keeps the first parent only: pairs that the other parents relate are taught as negatives.",
    "Put the most telling parent first, or unfold the graph, which places the category beneath each.",
)


class _Edges(NamedTuple):
    """Pairs of a category and one of its parents, as rows of the graph."""

    child: LongArray
    parent: LongArray
    """-1 where the parent is missing; the first of its rows where its id repeats."""
    primary: npt.NDArray[np.bool_]
    """Whether it is the child's first parent."""
    ids: list[str]
    """The parents' ids."""


def repeated_ids(graph: CategoryGraph) -> list[StructureFinding]:
    """Ids that stand in several rows: one finding an id."""
    coded = text_array(graph.ids, graph.source).dictionary_encode()
    code = np.asarray(coded.indices, np.int64)
    order = np.argsort(code, kind="stable")
    rows_of = np.split(order, np.cumsum(np.bincount(code))[:-1])
    return [
        StructureFinding(
            REPEATED_ID,
            "error",
            (graph.ids[rows[0]],),
            f"the id {graph.ids[rows[0]]!r} stands in {len(rows)} rows: "
            + some_of([_place(graph, row) for row in rows.tolist()]),
            len(rows),
        )
        for rows in rows_of
        if len(rows) > 1
    ]


def missing_parents(graph: CategoryGraph) -> list[StructureFinding]:
    """Parents that are no category of the graph (their children are *orphans*): one finding a parent."""
    edges = _edges(graph)
    lost = np.flatnonzero(edges.parent < 0)
    children: dict[str, list[int]] = {}
    for edge in lost.tolist():
        children.setdefault(edges.ids[edge], []).append(int(edges.child[edge]))
    return [
        StructureFinding(
            MISSING_PARENT,
            "error",
            tuple(graph.ids[row] for row in rows),
            f"{parent!r} is the parent of "
            + some_of([f"{graph.ids[row]!r} ({_place(graph, row)})" for row in rows])
            + ", and is missing",
            len(rows),
        )
        for parent, rows in children.items()
    ]


def cycles(graph: CategoryGraph) -> list[StructureFinding]:
    """Categories that are their own ancestors: one finding a strongly connected component.

    An error if first parents alone close the circle; a warning if it takes another parent, for then there is
    a tree, and only the graph cannot be unfolded.
    """
    edges = _edges(graph)
    there = edges.parent >= 0
    component = _components(len(graph), edges.child[there], edges.parent[there])
    first = there & edges.primary
    of_firsts = _components(len(graph), edges.child[first], edges.parent[first])
    found = []
    for label in np.unique(component[component >= 0]).tolist():
        members = np.flatnonzero(component == label)
        primary = members[of_firsts[members] >= 0]
        circle, used = (of_firsts, first) if len(primary) else (component, there)
        start = int(primary[0] if len(primary) else members[0])
        inside = used & (circle[edges.child] == circle[start]) & (circle[edges.parent] == circle[start])
        way = _way_round(start, edges, inside)
        names = " -> ".join(repr(graph.ids[row]) for row in way[:6])
        names += f" -> … ({len(way)} steps)" if len(way) > 6 else f" -> {graph.ids[way[0]]!r}"
        others = len(members) - len(way)
        more = f"; {others} more in circles with these" if others > 0 else ""
        message = f"{names}, from child to parent ({_place(graph, way[0])}){more}"
        severity: Severity = "error" if len(primary) else "warning"
        ids = tuple(graph.ids[row] for row in members.tolist())
        found.append(StructureFinding(CYCLE, severity, ids, message, len(members)))
    return found


def several_parents(graph: CategoryGraph) -> list[StructureFinding]:
    """Categories with more than one parent: one finding a category."""
    return [
        StructureFinding(
            SEVERAL_PARENTS,
            "note",
            (key, *above),
            f"{key!r} has {len(above)} parents: " + some_of(list(map(repr, above))),
            len(above),
        )
        for key, above in zip(graph.ids, map(dict.fromkeys, graph.parents), strict=True)
        if len(above) > 1
    ]


def _edges(graph: CategoryGraph) -> _Edges:
    counts = np.fromiter(map(len, graph.parents), np.int64, len(graph))
    ids = list(itertools.chain.from_iterable(graph.parents))
    known = text_array(graph.ids, graph.source)
    distinct = known.unique()
    first_row = np.asarray(pc.index_in(distinct, value_set=known), np.int64)
    place = np.asarray(pc.index_in(text_array(ids, graph.source), value_set=distinct).fill_null(-1), np.int64)
    parent = np.append(first_row, -1)[place]
    primary = np.zeros(len(ids), bool)
    primary[(np.cumsum(counts) - counts)[counts > 0]] = True
    # A row of a repeated id speaks for its id.
    rows = first_row[np.asarray(pc.index_in(known, value_set=distinct), np.int64)]
    return _Edges(rows[np.repeat(np.arange(len(graph)), counts)], parent, primary, ids)


def _components(count: int, child: LongArray, parent: LongArray) -> LongArray:
    """(count,) number of the strongly connected component of each row, -1 for rows on no circle."""
    matrix = coo_array((np.ones(len(child), bool), (child, parent)), shape=(count, count))
    _, label = connected_components(matrix.tocsr(), directed=True, connection="strong")
    on_circle = np.bincount(label)[label] > 1
    on_circle[child[child == parent]] = True
    return np.where(on_circle, label, -1).astype(np.int64)


def _way_round(start: int, edges: _Edges, inside: npt.NDArray[np.bool_]) -> list[int]:
    """Rows of a circle, upwards, from the edges of a component: each row's first edge that stays inside."""
    chosen = np.flatnonzero(inside)[::-1]
    up = dict(zip(edges.child[chosen].tolist(), edges.parent[chosen].tolist(), strict=True))
    seen: dict[int, int] = {}
    row = start
    while row not in seen:
        seen[row] = len(seen)
        row = up[row]
    return [each for each, step in seen.items() if step >= seen[row]]


def _place(graph: CategoryGraph, row: int) -> str:
    return graph.places[row] if graph.places is not None else f"row {row + 1}"

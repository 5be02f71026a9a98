"""The nearest items of every item, by cosine: exactly, or in a graph where there are many."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from leafcode.errors import InputError

FloatArray = npt.NDArray[np.float32]

_BLOCK_BYTES = 1 << 28
_HNSW_LINKS, _HNSW_BUILD, _HNSW_SEARCH = 16, 80, 96


class Neighbors(NamedTuple):
    """What `nearest_neighbors` returns.

    Attributes:
        items: int64 (n, k), positions of the nearest items, the nearest first, without the item itself.
        similarities: float32 (n, k), their cosines.
    """

    items: npt.NDArray[np.int64]
    similarities: FloatArray


def unit_vectors(
    embeddings: npt.NDArray[np.floating[Any]], items: npt.NDArray[np.integer[Any]] | None = None
) -> FloatArray:
    """Embeddings at unit length, float32, in memory.

    Args:
        embeddings: Floats (n, E), possibly memory-mapped.
        items: Rows to take, in any order; None for all.

    Raises:
        InputError: A row is not finite, or zero.
    """
    # Taking rows makes a copy; one is enough.
    unit = np.array(embeddings, np.float32) if items is None else np.asarray(embeddings[items], np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(unit, axis=1, keepdims=True)
    bad = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if len(bad):
        found = f"a vector of length {lengths[bad[0], 0]}"
        row = int(bad[0] if items is None else items[bad[0]])
        raise InputError(f"embeddings: row {row + 1}", found, "a finite vector that is not zero")
    unit /= lengths
    return unit


def nearest_neighbors(unit: FloatArray, k: int, *, exact: int = 100_000, progress: bool = False) -> Neighbors:
    """The k nearest items of each item.

    Up to `exact` items, all are compared with all, in time n² in blocks. Beyond, they are searched in a
    hierarchical navigable small world graph (Malkov and Yashunin, IEEE TPAMI 2018; by FAISS) in time
    n · log n, which misses few of the k. FAISS builds that graph with several threads in no fixed order: with
    more than one (``OMP_NUM_THREADS``), a few neighbours differ from run to run.

    Args:
        unit: float32 (n, E), each row of unit length.
        k: Number of neighbours, fewer than n.
        exact: Most items that are searched exactly.
        progress: Show a progress bar on standard error.

    Raises:
        InputError: k is not in [1, n), or there are more than `exact` items and FAISS is not installed.

    Example:
        >>> vectors = np.array([[1, 0], [0.8, 0.6], [0, 1]], np.float32)
        >>> nearest_neighbors(vectors, 1).items.tolist()
        [[1], [0], [1]]
    """
    if not 1 <= k < len(unit):
        raise InputError("neighbors", str(k), f"a number in [1, {len(unit)}), for {len(unit)} items")
    search = _search_exactly if len(unit) <= exact else _search_graph
    return search(unit, k, progress)


def _search_exactly(unit: FloatArray, k: int, progress: bool) -> Neighbors:
    n = len(unit)
    items, similarities = np.empty((n, k), np.int64), np.empty((n, k), np.float32)
    vectors = torch.from_numpy(unit)
    rows = max(1, min(1024, _BLOCK_BYTES // (4 * n)))
    for first in tqdm(range(0, n, rows), "neighbours", unit="block", disable=not progress):
        last = min(first + rows, n)
        cosines = vectors[first:last] @ vectors.T
        cosines[torch.arange(last - first), torch.arange(first, last)] = -torch.inf
        top = cosines.topk(k, dim=1)
        items[first:last], similarities[first:last] = top.indices.numpy(), top.values.numpy()
    return Neighbors(items, similarities)


def _search_graph(unit: FloatArray, k: int, progress: bool) -> Neighbors:
    try:
        import faiss
    except ModuleNotFoundError as error:
        hint = "Install leafcode[audit], or raise the number of items that are searched exactly (--exact)."
        raise InputError("neighbors", f"{len(unit):,} items without FAISS", "FAISS", hint) from error
    n = len(unit)
    copies = _Copies.of(unit)
    index = faiss.IndexHNSWFlat(unit.shape[1], _HNSW_LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = _HNSW_BUILD, max(_HNSW_SEARCH, 2 * k)
    items, similarities = np.empty((n, k), np.int64), np.empty((n, k), np.float32)
    step = 1 << 14
    for first in tqdm(
        range(0, len(copies.first), step), "neighbour graph", unit="block", disable=not progress
    ):
        index.add(unit[copies.first[first : first + step]])
    for first in tqdm(range(0, n, step), "neighbours", unit="block", disable=not progress):
        last = min(first + step, n)
        cosines, vectors = index.search(unit[first:last], min(k + 1, len(copies.first)))
        if bool((vectors < 0).any()):
            raise InputError("neighbors", "fewer than k in the graph", "k reachable items", "Raise --exact.")
        found, place = copies.items(vectors, k + 1)
        # Without the item itself, or the last one where the search did not come across it.
        own = found == np.arange(first, last)[:, None]
        out = np.where(own.any(axis=1), own.argmax(axis=1), k)
        kept = np.arange(k + 1) != out[:, None]
        items[first:last] = found[kept].reshape(-1, k)
        similarities[first:last] = np.take_along_axis(cosines, place, 1)[kept].reshape(-1, k)
    return Neighbors(items, similarities)


class _Copies(NamedTuple):
    """Which items have equal vectors. In a graph those would fill each other's links and cut themselves off.

    Attributes:
        first: int64 (V,), of each different vector an item that has it.
        times: int64 (V,), how many items have it.
        members: int64 (n,), the items, those of one vector side by side.
        start: int64 (V,), where those of each vector start.
    """

    first: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    members: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]

    @classmethod
    def of(cls, unit: FloatArray) -> _Copies:
        rows = np.ascontiguousarray(unit).view(f"V{unit.itemsize * unit.shape[1]}").ravel()
        _, first, group, count = np.unique(rows, return_index=True, return_inverse=True, return_counts=True)
        return cls(first, count, np.argsort(group, kind="stable"), np.cumsum(count) - count)

    def items(
        self, vectors: npt.NDArray[np.int64], wanted: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The first items that have the vectors (b, w), and places of their vectors: both (b, wanted)."""
        b, w = vectors.shape
        last = np.cumsum(self.times[vectors], axis=1)
        row, slot = np.arange(b)[:, None], np.arange(wanted)
        stride = len(self.members) + 1  # above all that is counted in a row, so that one search serves all
        ends = (last + row * stride).ravel()
        place = np.searchsorted(ends, row * stride + slot, side="right") - row * w
        chosen = np.take_along_axis(vectors, place, 1)
        before = np.take_along_axis(last, place, 1) - self.times[chosen]
        return self.members[self.start[chosen] + slot - before], place

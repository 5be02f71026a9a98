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


def unit_vectors(embeddings: npt.NDArray[np.floating[Any]]) -> FloatArray:
    """Embeddings (n, E) at unit length, float32, in memory.

    Raises:
        InputError: A row is not finite, or zero.
    """
    unit = np.array(embeddings, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(unit, axis=1, keepdims=True)
    bad = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if len(bad):
        found = f"a vector of length {lengths[bad[0], 0]}"
        raise InputError(f"embeddings: row {bad[0] + 1}", found, "a finite vector that is not zero")
    unit /= lengths
    return unit


def nearest_neighbors(unit: FloatArray, k: int, *, exact: int = 100_000, progress: bool = False) -> Neighbors:
    """The k nearest items of each item.

    Up to `exact` items, all are compared with all, in time n² in blocks. Beyond, they are searched in a
    hierarchical navigable small world graph (Malkov and Yashunin, IEEE TPAMI 2018; by FAISS) in time
    n · log n, which misses few of the k.

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
        hint = "Install leafcode[audit], or raise the number of items that are searched exactly."
        raise InputError("neighbors", f"{len(unit):,} items without FAISS", "FAISS", hint) from error
    n = len(unit)
    index = faiss.IndexHNSWFlat(unit.shape[1], _HNSW_LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = _HNSW_BUILD, max(_HNSW_SEARCH, 2 * k)
    items, similarities = np.empty((n, k), np.int64), np.empty((n, k), np.float32)
    blocks = range(0, n, 1 << 14)
    for first in tqdm(blocks, "neighbour graph", unit="block", disable=not progress):
        index.add(unit[first : first + blocks.step])
    for first in tqdm(blocks, "neighbours", unit="block", disable=not progress):
        last = min(first + blocks.step, n)
        cosines, found = index.search(unit[first:last], k + 1)
        # Without the item itself, or the last one where the search did not come across it.
        own = found == np.arange(first, last)[:, None]
        out = np.where(own.any(axis=1), own.argmax(axis=1), k)
        kept = np.arange(k + 1) != out[:, None]
        items[first:last] = found[kept].reshape(-1, k)
        similarities[first:last] = cosines[kept].reshape(-1, k)
    if bool((items < 0).any()):
        raise InputError("neighbors", "fewer than k in the graph", "k reachable items", "Search exactly.")
    return Neighbors(items, similarities)

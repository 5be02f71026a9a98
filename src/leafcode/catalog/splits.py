"""Deterministic splits: by a hash of the content, or of the category.

Whether an item is held out depends on its own content and the seed alone, so adding or reordering items moves
none of the others, and two items of equal content never fall on different sides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.catalog.rows import Rows
from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy

_CHUNK_ROWS = 4096

BoolArray = npt.NDArray[np.bool_]


def split_by_content(
    content: Sequence[str] | npt.NDArray[np.floating[Any] | np.object_ | np.str_],
    fraction: float = 0.2,
    seed: int = 0,
    salt: str = "",
) -> BoolArray:
    """Hold out about a fraction of the items, chosen by a SHA-256 hash of their content.

    Args:
        content: A text per item, or floats (n, D); embeddings are equal where their float32 values are.
        fraction: Share held out, in [0, 1); the share reached differs by chance, as in a draw of n coins.
        seed: Another seed gives an independent split.
        salt: Sets apart splits with the same seed, such as test and validation.

    Returns:
        bool (n,), True = held out.

    Raises:
        InputError: ``fraction`` is out of range, an item is neither text nor a row of floats.

    Example:
        >>> split_by_content(["milk", "salt", "soap", "milk"], fraction=0.5, seed=3).tolist()
        [False, True, False, False]
    """
    if isinstance(content, np.ndarray | Rows) and content.dtype.kind not in "OU":  # else an array of texts
        if content.ndim != 2 or content.dtype.kind != "f":
            found = f"{content.dtype} {content.shape}"
            raise InputError("content", found, "texts, or floats of shape (n, D)")
        return _held_out(_row_bytes(content), len(content), fraction, seed, salt)
    for row, text in enumerate(content, start=1):
        if not isinstance(text, str):
            raise InputError(f"content: row {row}", repr(text), "text")
    encoded = (text.encode("utf-8", "surrogatepass") for text in content)
    return _held_out(encoded, len(content), fraction, seed, salt)


def split_by_leaf(
    nodes: npt.NDArray[np.integer[Any]],
    taxonomy: Taxonomy,
    fraction: float = 0.2,
    seed: int = 0,
    salt: str = "",
) -> BoolArray:
    """Hold out whole categories, about a fraction of them, chosen by a SHA-256 hash of their keys.

    A category here is a node that items are filed on, inner nodes included; items below such an inner node
    are other categories. Unlabelled items are never held out; an item with several categories is if any of
    them is, so that no item left to train on is of a category that is held out.

    Args:
        nodes: Integers (n,), the category of each item, -1 for unlabelled; or (n, P), all of each item.
        taxonomy: The tree.
        fraction: Share of categories held out, in [0, 1).
        seed: Another seed gives an independent split.
        salt: Sets apart splits with the same seed.

    Returns:
        bool (n,), True = held out.

    Raises:
        InputError: ``fraction`` is out of range, or a node is not in the tree.

    Example:
        >>> tree, nodes = Taxonomy.from_paths(["A > B", "A > C", "A > B", "D", None])
        >>> split_by_leaf(nodes, tree, fraction=0.5, seed=1).tolist()
        [True, False, True, True, False]
    """
    if nodes.ndim not in (1, 2) or not np.issubdtype(nodes.dtype, np.integer):
        raise InputError("nodes", f"{nodes.dtype} {nodes.shape}", "integers of shape (n,) or (n, P)")
    if nodes.size and not -1 <= int(nodes.min()) <= int(nodes.max()) < len(taxonomy):
        found = f"ids from {nodes.min()} to {nodes.max()}"
        raise InputError("nodes", found, f"node ids in [0, {len(taxonomy)}), -1 for unlabelled")
    used, item_node = np.unique(nodes.ravel(), return_inverse=True)
    keys = ["" if node < 0 else taxonomy.keys[node] for node in used.tolist()]
    chosen = _held_out((key.encode() for key in keys), len(used), fraction, seed, salt)
    held_out = chosen[item_node].reshape(nodes.shape) & (nodes >= 0)
    return held_out if nodes.ndim == 1 else np.asarray(held_out.any(axis=1))


def _held_out(content: Iterable[bytes], n: int, fraction: float, seed: int, salt: str) -> BoolArray:
    if not 0 <= fraction < 1:
        raise InputError("fraction", str(fraction), "a share in [0, 1)")
    prefix = hashlib.sha256(f"{seed}\0{salt}\0".encode())
    hashes = bytearray()
    for item in content:
        digest = prefix.copy()
        digest.update(item)
        hashes += digest.digest()[:8]
    # 53 bits are what a float64 holds exactly, so the comparison is the same on every machine.
    uniform = (np.frombuffer(bytes(hashes), ">u8").reshape(n) >> np.uint64(11)) * 2.0**-53
    return np.asarray(uniform < fraction)


def _row_bytes(x: npt.NDArray[Any]) -> Iterable[bytes]:
    for start in range(0, len(x), _CHUNK_ROWS):
        chunk = np.asarray(x[start : start + _CHUNK_ROWS]).astype("<f4") + np.float32(0)  # -0.0 becomes 0.0
        yield from (row.tobytes() for row in chunk)

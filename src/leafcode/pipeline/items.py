"""What the pipeline asks of a catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from leafcode.catalog import Catalog, split_by_content
from leafcode.errors import InputError
from leafcode.report import CatalogueSummary
from leafcode.taxonomy import ancestor_rows


def hold_out(catalog: Catalog, share: float, seed: int, salt: str = "") -> npt.NDArray[np.bool_]:
    """Mask (n,) of the items kept out of training: by content, so that equal items fall on one side."""
    content: Sequence[str] | npt.NDArray[Any] | None = catalog.texts
    if content is None:
        content = catalog.embeddings
    if content is None:
        raise InputError("catalog", "neither texts nor embeddings", "one of them to split by")
    return split_by_content(content, share, seed, salt)


def catalog_embeddings(catalog: Catalog) -> npt.NDArray[np.floating[Any]]:
    """The embeddings of a catalogue that has them.

    Raises:
        InputError: It has none.
    """
    if catalog.embeddings is None:
        raise InputError("catalog", "no embeddings", "a catalogue with embeddings, see CatalogSource.load")
    return catalog.embeddings


def category_ancestors(catalog: Catalog) -> npt.NDArray[np.int32]:
    """Rows (n, D) of the tree's ancestor matrix for each item; -1 throughout for an unlabelled one.

    (n, P, D) where items have several categories, as `leafcode.evaluation.evaluate` takes them.
    """
    if catalog.taxonomy is None:
        return np.empty((len(catalog), 0), np.int32)
    return ancestor_rows(catalog.taxonomy, catalog.nodes if catalog.places is None else catalog.places)


def check_one_path(catalog: Catalog, where: str) -> None:
    """No item of the catalogue has several categories.

    Raises:
        InputError: One has.
    """
    several = 0 if catalog.places is None else int((catalog.places[:, 1:] >= 0).any(axis=1).sum())
    if several:
        raise InputError(
            where,
            f"several categories of {several} item(s)",
            "one each: what is found here takes an item to belong in one place",
            "Name a column of the first ones.",
        )


def catalogue_summary(catalog: Catalog, held_out: int) -> CatalogueSummary:
    """The catalogue in numbers, as pages tell them."""
    tree = catalog.taxonomy
    return CatalogueSummary(
        items=len(catalog),
        labelled=int(catalog.labelled.sum()),
        held_out=held_out,
        categories=0 if tree is None else len(tree),
        depth=0 if tree is None else tree.max_depth,
    )


def category_paths(catalog: Catalog) -> list[str | None]:
    """Names of the categories from the top, joined by " > ", or None for an unlabelled item."""
    paths: list[str | None] = category_path_array(catalog).to_pylist()
    return paths


def text_array(catalog: Catalog) -> pa.Array:
    """Texts of the items as a PyArrow array, nulls where there are none."""
    if catalog.texts is None:
        return pa.nulls(len(catalog), pa.large_string())
    return pa.array(catalog.texts, pa.large_string())


def category_path_array(catalog: Catalog) -> pa.Array:
    """What `category_paths` gives, as a PyArrow array; dictionary-encoded where there is a tree."""
    if catalog.taxonomy is None:
        return pa.nulls(len(catalog), pa.string())
    node = pa.array(catalog.nodes, mask=catalog.nodes < 0)
    return pa.DictionaryArray.from_arrays(node, pa.array(catalog.taxonomy.paths(), pa.string()))

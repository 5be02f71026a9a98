"""What the Semantic IDs of a run say about the categories of audited items."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leafcode.audit import check_codes
from leafcode.catalog import Catalog
from leafcode.errors import RunFolderError
from leafcode.pipeline.run import Run
from leafcode.taxonomy import Taxonomy


def code_columns(
    codes: npt.NDArray[np.int64],
    catalog: Catalog,
    taxonomy: Taxonomy,
    items: npt.NDArray[np.integer[Any]],
) -> dict[str, pa.Array]:
    """Columns for findings.parquet: where the items that share an item's code lie, if not where it does.

    Args:
        codes: (n, L) of all items, see `read_codes`.
        catalog: The items.
        taxonomy: Their tree.
        items: (m,) positions of the items wanted.

    Returns:
        code_path, the category in which most of those items lie, and code_depth, its depth, from which on the
        code speaks against the item's own category; both null where it does not. See `check_codes`.

    """
    check = check_codes(codes, catalog.nodes, taxonomy)
    node, depth = check.node()[items], check.depth[items]
    keys = pa.array(taxonomy.keys, pa.string())
    agrees = node < 0
    return {
        "code_path": keys.take(pa.array(node, mask=agrees)),
        "code_depth": pa.array(depth, pa.int32(), mask=agrees),
    }


def read_codes(run: Run, catalog: Catalog) -> npt.NDArray[np.int64]:
    """The codes that the items of a catalogue have in a run.

    Returns:
        int64 (n, L), rows in the order of the catalogue.

    Raises:
        RunFolderError: An item has no codes.
    """
    table = run.ids()
    row = pc.index_in(catalog.ids.cast(pa.string()), value_set=table["id"].combine_chunks())
    if row.null_count:
        raise RunFolderError(
            str(run.folder.ids),
            f"no ID for {row.null_count} items of the catalogue",
            "an ID for every one",
            "Give them IDs with leafcode encode.",
        )
    levels = [table[f"c{level + 1}"].take(row).to_numpy() for level in range(len(run.model.config.sizes))]
    return np.stack(levels, axis=1).astype(np.int64)

"""findings.parquet: a row for each labelled item, with its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from leafcode.audit import KINDS, PROBABLE, Kind, LabelAudit
from leafcode.catalog import Catalog
from leafcode.files import replacing
from leafcode.taxonomy import Taxonomy, lca_depth

EVIDENCE = 10
"""Similar items that are kept of each finding, the most similar ones."""

_ROWS = 1 << 16


def suggestions(audit: LabelAudit, nodes: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    """Where items belong, int64 (m,).

    That is the suggested node; for a duplicate, where the other one is; and for an item that is unlike those
    of every category nowhere, -1.

    Args:
        audit: The findings.
        nodes: (n,) the category of each item of the catalogue.
    """
    own, suggested = nodes[audit.items], audit.suggested.astype(np.int64)
    duplicates = np.flatnonzero(audit.kind == KINDS.index(Kind.DUPLICATE_ELSEWHERE))
    near = nodes[audit.neighbors.items[duplicates]]
    nearest_elsewhere = (near != own[duplicates, None]).argmax(axis=1)
    suggested[duplicates] = near[np.arange(len(duplicates)), nearest_elsewhere]
    nowhere = (audit.kind == KINDS.index(Kind.NO_FITTING_PLACE)) & (audit.probability < PROBABLE)
    suggested[nowhere | (suggested == own)] = -1
    return suggested


def common_depth(
    taxonomy: Taxonomy, own: npt.NDArray[np.integer[Any]], suggested: npt.NDArray[np.integer[Any]]
) -> npt.NDArray[np.int64]:
    """Depth of the lowest common ancestor, int64 (m,); 0 if there is none, or no suggestion (-1)."""
    depth = lca_depth(taxonomy, own, np.maximum(suggested, 0))
    return np.where(suggested >= 0, depth, 0).astype(np.int64)


def write_findings(
    path: Path,
    catalog: Catalog,
    taxonomy: Taxonomy,
    audit: LabelAudit,
    more: Mapping[str, pa.Array] | None = None,
) -> None:
    """Write findings.parquet in parts, so that memory does not grow with the evidence of all items.

    Args:
        path: The file.
        catalog: What was audited.
        taxonomy: Its tree.
        audit: The findings.
        more: Further columns, by name; a value for each labelled item, in the order of the catalogue.

    Raises:
        InputError: The file cannot be written.
    """
    parts = _parts(catalog, taxonomy, audit, more or {})
    first = next(parts)
    with replacing(path) as beside, pq.ParquetWriter(beside, first.schema) as writer:
        writer.write_table(first)
        for part in parts:
            writer.write_table(part)


def _parts(
    catalog: Catalog, taxonomy: Taxonomy, audit: LabelAudit, more: Mapping[str, pa.Array]
) -> Iterator[pa.Table]:
    keys, kinds = pa.array(taxonomy.keys, pa.string()), pa.array([str(kind) for kind in KINDS], pa.string())
    ids = catalog.ids.cast(pa.string())
    texts = pa.nulls(len(ids), pa.string()) if catalog.texts is None else pa.array(catalog.texts, pa.string())
    nodes = catalog.nodes.astype(np.int64)
    suggested = suggestions(audit, nodes)

    def places(of: npt.NDArray[np.int64]) -> pa.Array:
        return keys.take(pa.array(of, mask=of < 0))

    for start in range(0, len(audit.items), _ROWS):
        rows = audit.order[start : start + _ROWS]
        items, elsewhere = audit.items[rows], suggested[rows]
        similar = audit.neighbors.items[rows, :EVIDENCE]
        each = similar.ravel()
        evidence = pa.StructArray.from_arrays(
            [
                ids.take(pa.array(each)),
                pa.array(audit.neighbors.similarities[rows, :EVIDENCE].ravel(), pa.float32()),
                places(nodes[each]),
            ],
            ["id", "similarity", "path"],
        )
        offsets = np.arange(len(rows) + 1, dtype=np.int32) * similar.shape[1]
        columns = {
            "id": ids.take(pa.array(items)),
            "text": texts.take(pa.array(items)),
            "probability": pa.array(audit.probability[rows], pa.float32()),
            "kind": kinds.take(pa.array(audit.kind[rows])),
            "path": places(nodes[items]),
            "suggested_path": places(elsewhere),
            "depth": pa.array(common_depth(taxonomy, nodes[items], elsewhere), pa.int32()),
            "neighbors": pa.ListArray.from_arrays(pa.array(offsets), evidence),
            "item": pa.array(items, pa.int64()),
        }
        yield pa.table(columns | {name: column.take(pa.array(rows)) for name, column in more.items()})

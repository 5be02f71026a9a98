"""A small catalogue in which some items are filed wrongly, audited."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.catalogues import Files, clustered, write

from leafcode.pipeline import CatalogSource

MOVED = (20, 61, 104, 142, 183, 221)
"""Rows that stand in another root than they belong in."""


def misfiled(folder: Path) -> Files:
    """The catalogue of `tests.catalogues.clustered`, six items of which were moved to another root."""
    rows, vectors = clustered()
    for row in MOVED:
        rows[row]["path"] = (
            "Root B > Leaf B0" if rows[row]["path"].startswith("Root A") else "Root A > Leaf A1"
        )
    return write(folder, rows, vectors)


def source_of(files: Files) -> CatalogSource:
    return CatalogSource(
        items=str(files.items), path_column="path", embeddings_file=str(files.vectors), separator=" > "
    )


def labelled_rows(files: Files) -> list[int]:
    return np.flatnonzero([row["path"] is not None for row in files.rows]).tolist()

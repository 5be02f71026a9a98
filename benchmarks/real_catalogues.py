"""The catalogues that benchmarks read: a folder each, with an items.parquet (id, text, path)."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from leafcode import CatalogSource
from leafcode.catalog import Catalog, read_catalog
from leafcode.cli.options import cache_folder

CATALOGUES = (
    "usda_foods",
    "naics_2017",
    "instacart",
    "icd10cm",
    "amazon_beauty",
    "bigbasket",
    "onet_tools_unspsc",
    "gutenberg_books",
)
SAMPLES = {"gutenberg_books": 20_000}
"""Catalogues of which only so many items are used."""


def source_of(data: Path, name: str) -> CatalogSource:
    """Where a catalogue lies."""
    return CatalogSource(items=str(data / name / "items.parquet"), path_column="path")


def load(
    data: Path, name: str, device: str = "cpu", *, sample: int | None = None, progress: bool = True
) -> Catalog:
    """A catalogue with embeddings, or those `sample` items of it whose ids have the smallest SHA-256.

    Args:
        data: Folder with a folder per catalogue.
        name: Of the catalogue.
        device: To embed on what is not in the cache.
        sample: Number of items; None for those in `SAMPLES`, or all.
        progress: Show progress bars.
    """
    source, sample = source_of(data, name), sample or SAMPLES.get(name)
    catalog = read_catalog(source.items, path_column=source.path_column)
    if sample is not None and sample < len(catalog):
        digests = [hashlib.sha256(str(identity).encode()).hexdigest() for identity in catalog.ids]
        catalog = catalog.subset(np.sort(np.argsort(digests)[:sample]))
    vectors = source.embed(catalog.texts or [], cache=cache_folder(), device=device, progress=progress)
    return dataclasses.replace(catalog, embeddings=vectors)

"""What is made from a file of items, wherever that happens: their vectors, or their codes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from leafcode.catalog import Catalog, Embedder, check_embeddings, read_catalog
from leafcode.codes import encode_codes
from leafcode.errors import InputError
from leafcode.pipeline.items import catalog_embeddings, category_paths
from leafcode.pipeline.source import CatalogSource
from leafcode.quantizers import RQVAE
from leafcode.serving import RunFolder

EMBEDDING_COLUMN = "embedding"
"""Where `EmbedWork` puts the vectors."""


@dataclass(frozen=True)
class ItemReader:
    """Reads items with their vectors from one file after the other, and loads the embedding model once.

    Attributes:
        source: How to read them; its own file of items is left aside.
        device: Torch device of the embedding model.
        cache: Folder in which vectors of texts are kept, on the machine that computes them.
    """

    source: CatalogSource
    device: str
    cache: Path | None = None

    def read(self, items: Path) -> Catalog:
        """The items of a Parquet file, with vectors.

        Raises:
            InputError: Anything wrong with the file, a column, a row or a vector.
        """
        catalog = read_catalog(items, **self.source.columns)
        if catalog.embeddings is not None:
            return catalog
        return dataclasses.replace(catalog, embeddings=self._embedder.embed(catalog.texts or []))

    @property
    def origin(self) -> tuple[str, ...]:
        """What the vectors depend on beside the file. A model of the Hugging Face hub goes by its name."""
        source, model = self.source, ""
        if source.embeds_texts:
            model = source.model if self._embedder.folder is None else self._embedder.fingerprint
        return repr(source.columns), model

    @cached_property
    def _embedder(self) -> Embedder:
        return Embedder(self.source.model, cache=self.cache, device=self.device, progress=False)


@dataclass(frozen=True, eq=False)
class EncodeWork:
    """Codes of the items of a file: columns id, c1 to cL (int32), text and path (string or null).

    Attributes:
        reader: Reads the items.
        model: The trained model.
        fingerprint: Of the model and of how items are read.
    """

    reader: ItemReader
    model: RQVAE
    fingerprint: str

    @classmethod
    def of(cls, reader: ItemReader, model: RQVAE, folder: RunFolder) -> EncodeWork:
        """With the model of a run folder."""
        with folder.model.open("rb") as file:
            weights = hashlib.file_digest(file, "sha256").hexdigest()
        return cls(
            reader, model, _digest(json.dumps(dataclasses.asdict(model.config)), weights, *reader.origin)
        )

    def __call__(self, items: Path) -> pa.Table:
        """The codes.

        Raises:
            InputError: Items that cannot be read, or vectors of another dimension than the model's.
        """
        catalog = self.reader.read(items)
        self.reader.source.check_dimension(catalog, self.model.config.embedding_dim, str(items))
        codes = encode_codes(self.model, catalog_embeddings(catalog), device=self.reader.device)
        columns = {"id": pa.array(catalog.ids, pa.string())}
        for level, column in enumerate(codes.T, start=1):
            columns[f"c{level}"] = pa.array(column, pa.int32())
        texts = [None] * len(catalog) if catalog.texts is None else catalog.texts
        columns["text"] = pa.array(texts, pa.string())
        columns["path"] = pa.array(category_paths(catalog), pa.string())
        return pa.table(columns)


@dataclass(frozen=True)
class EmbedWork:
    """A file of items with one more column, ``embedding``: a list of floats per item.

    Attributes:
        reader: Reads the items and embeds their texts.
        half: float16 instead of float32.
        fingerprint: Of both.
    """

    reader: ItemReader
    half: bool
    fingerprint: str

    @classmethod
    def of(cls, reader: ItemReader, *, half: bool) -> EmbedWork:
        """Float16 or float32."""
        return cls(reader, half, _digest(str(half), *reader.origin))

    def __call__(self, items: Path) -> pa.Table:
        """The items with vectors.

        Raises:
            InputError: Items that cannot be read, that have such a column already, or a number too large for
                float16.
        """
        with pq.ParquetFile(items) as file:
            table = file.read()
        if EMBEDDING_COLUMN in table.column_names:
            found = f"a column {EMBEDDING_COLUMN!r}"
            raise InputError(str(items), found, "items without vectors")
        vectors = catalog_embeddings(self.reader.read(items))
        if self.half:
            with np.errstate(over="ignore"):  # what overflows becomes infinite, which the check reports
                vectors = vectors.astype(np.float16)
            check_embeddings(vectors, f"{items}: vectors as float16")
        lists = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
        return table.append_column(EMBEDDING_COLUMN, lists)


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()

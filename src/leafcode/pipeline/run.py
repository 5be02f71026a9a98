"""A finished run: encode more items, measure it again, find similar items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from leafcode.catalog import Catalog
from leafcode.codes import encode_codes, encode_items
from leafcode.errors import InputError, RunFolderError
from leafcode.pipeline.baselines import train_baselines
from leafcode.pipeline.engagement import model_inputs
from leafcode.pipeline.items import catalog_embeddings, category_paths, hold_out
from leafcode.pipeline.measure import measure
from leafcode.pipeline.source import CatalogSource, content_digest
from leafcode.quantizers import RQVAE
from leafcode.serving import CodeIndex, RunConfig, RunFolder, ids_table, settings_from_json
from leafcode.training import TrainingConfig


@dataclass(frozen=True)
class Run:
    """A finished run, opened from its folder.

    Args:
        folder: The run folder.
        config: What was trained, how, and on what.
        model: The trained model, on the CPU.

    Example:
        >>> run = Run.open("run")  # doctest: +SKIP
        >>> run.similar(run.source.embed(["whole bean coffee"])[0])["text"][0]  # doctest: +SKIP
        'Organic whole bean coffee'
    """

    folder: RunFolder
    config: RunConfig
    model: RQVAE

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Open a run folder.

        Raises:
            RunFolderError: No run, an unfinished one, one of another format version, or a damaged file.
        """
        folder = RunFolder(Path(path))
        config = folder.read_config()
        if not folder.finished:
            raise RunFolderError(
                str(path), "a run that was stopped", "a finished one", "Finish it with leafcode fit --resume."
            )
        return cls(folder, config, folder.load_model())

    @property
    def source(self) -> CatalogSource:
        """Where the run's catalogue came from.

        Raises:
            RunFolderError: The run was made from arrays, not from a file.
        """
        value = self.config.source.get("catalog")
        where = f"{self.folder.config}: 'source'"
        if value is None:
            raise RunFolderError(where, "a catalogue that was not read from a file", "the path of one")
        return settings_from_json(CatalogSource, value, where)

    def ids(self) -> pa.Table:
        """The Semantic IDs that items have now: the active rows of ids.parquet."""
        table = self._all_ids()
        return table.filter(table["active"])

    def _all_ids(self) -> pa.Table:
        """ids.parquet, once it is known to hold codes of this model."""
        table, where, sizes = self.folder.read_ids(), str(self.folder.ids), self.model.config.sizes
        levels = table.column_names.index("suffix") - 1
        if levels != len(sizes):
            raise RunFolderError(where, f"{levels} codes per item", f"{len(sizes)}, as the model has levels")
        for level, size in enumerate(sizes, start=1):
            bounds = pc.min_max(table[f"c{level}"]).as_py()
            if len(table) and not 0 <= bounds["min"] <= bounds["max"] < size:
                found = f"codes from {bounds['min']} to {bounds['max']}"
                raise RunFolderError(f"{where}: column 'c{level}'", found, f"codes in [0, {size})")
        return table

    def encode(self, catalog: Catalog, *, progress: bool = False) -> pa.Table:
        """Give items their Semantic IDs and enter the new ones in ids.parquet.

        An item that was encoded before gets the ID that it has, and no other item's ID ever changes.

        Args:
            catalog: Items with embeddings of the kind that the run was trained on; categories, where there
                are any, are noted beside the IDs and have no part in them.
            progress: Show a progress bar.

        Returns:
            A row per item, in their order: id, c1 to cL, suffix, semantic_id.

        Raises:
            InputError: No embeddings, or of another dimension.
        """
        codes = encode_codes(self.model, catalog_embeddings(catalog), progress=progress)
        return self.register(catalog.ids, codes, paths=category_paths(catalog), texts=catalog.texts)

    def register(
        self,
        ids: npt.NDArray[np.object_],
        codes: npt.NDArray[np.integer[Any]],
        *,
        paths: Sequence[str | None] | None = None,
        texts: Sequence[str | None] | None = None,
    ) -> pa.Table:
        """Give items with codes their Semantic IDs and enter the new ones in ids.parquet; see `encode`.

        Args:
            ids: n unique texts.
            codes: (n, L) what the run's model makes of the items.
            paths: (n,) category paths; None where unknown.
            texts: (n,) texts; None where unknown.

        Returns:
            What `encode` returns. The order of the items decides that of the rows, and nothing else.

        Raises:
            InputError: An id that comes twice.
        """
        previous = self._all_ids()
        _, registry = self.folder.read_registry().assign(ids, codes)
        old = previous.filter(previous["active"])
        items = pa.array(ids, pa.string())
        row = pc.index_in(items, value_set=old["id"].combine_chunks())
        # Items that are known keep their split and, if nothing newer is known, their path and text.
        splits = pc.fill_null(old["split"].combine_chunks().take(row), "encoded")
        known = {
            name: pc.coalesce(
                pa.nulls(len(items), pa.string()) if given is None else pa.array(given, pa.string()),
                old[name].combine_chunks().take(row),
            )
            for name, given in (("path", paths), ("text", texts))
        }
        table = ids_table(
            registry,
            ids,
            splits=splits.to_pylist(),
            paths=known["path"].to_pylist(),
            texts=known["text"].to_pylist(),
            previous=previous,
        )
        self.folder.write_ids(table)
        self.__dict__.pop("_index", None)
        active = table.filter(table["active"])
        place = pc.index_in(items, value_set=active["id"].combine_chunks())
        columns = ["id", *(f"c{level + 1}" for level in range(codes.shape[1])), "suffix", "semantic_id"]
        return active.select(columns).take(place)

    def evaluate(
        self,
        catalog: Catalog,
        *,
        baselines: bool = False,
        device: str = "cpu",
        progress: bool = True,
    ) -> dict[str, Any]:
        """Measure the run again; rewrites metrics.json and report.html.

        Args:
            catalog: The catalogue that the run was fitted on.
            baselines: Train the baselines if the run has none yet.
            device: Where to train them.
            progress: Show progress bars.

        Returns:
            The contents of metrics.json; baselines are in it whenever the run has them.

        Raises:
            InputError: Not the run's catalogue.
        """
        source = self.source if self.config.source.get("catalog") else None
        if content_digest(catalog, source) != self.config.source.get("content"):
            raise InputError(
                source.items if source else "catalog",
                "other items, texts, categories or vectors than the run was fitted on",
                "the same catalogue, since measures compare training items with those held out",
                "Fit again to measure on a new catalogue.",
            )
        known = pc.is_in(pa.array(catalog.ids, pa.string()), value_set=self.ids()["id"].combine_chunks())
        without = len(catalog) - known.true_count
        if without:
            found = f"no ID for {without} items of the catalogue"
            raise RunFolderError(str(self.folder.ids), found, "an ID for every one")
        held_out = hold_out(catalog, self.config.split["holdout"], self.config.split["seed"])
        if baselines and not self.folder.baselines.exists():
            training = settings_from_json(TrainingConfig, self.config.training, str(self.folder.config))
            vectors = catalog_embeddings(catalog)[np.flatnonzero(~held_out)]
            tensors = train_baselines(
                self.model.config,
                vectors,
                training,
                device=device,
                checkpoint=self.folder.baseline_checkpoint,
                progress=progress,
            )
            self.folder.save_baselines(tensors)
            self.folder.baseline_checkpoint.unlink(missing_ok=True)
        history = self.folder.load_engagement(len(catalog))
        encoded = encode_items(self.model, model_inputs(catalog_embeddings(catalog), history))
        return measure(self.folder, self.model, catalog, held_out, encoded, progress=progress)

    def similar(self, query: str | npt.NDArray[np.floating[Any]], *, k: int = 10) -> pa.Table:
        """The items nearest by code: by length of the shared prefix, then by cosine of quantised vectors.

        Args:
            query: The id of an item of the run, which is then left out, or an embedding (E,).
            k: Number of items.

        Returns:
            semantic_id, shared_prefix, cosine, id, text and path, best first.

        Raises:
            InputError: An unknown id, or an embedding of another dimension.
        """
        table, index = self._index
        exclude: int | None = None
        if isinstance(query, str):
            exclude = index.find(query)
            codes = index.codes[exclude]
            quantized = self._quantized(codes[None, :])[0]
        else:
            encoded = encode_items(self.model, np.asarray(query)[None, :])
            codes, quantized = encoded.codes[0], encoded.quantized[0]
        found = index.neighbors(codes, quantized, k, exclude=exclude)
        rows = table.take(pa.array(found.positions))
        rows = rows.select(["semantic_id", "id", "text", "path"])
        rows = rows.add_column(1, "shared_prefix", pa.array(found.shared_prefix))
        return rows.add_column(2, "cosine", pa.array(found.cosines))

    @cached_property
    def _index(self) -> tuple[pa.Table, CodeIndex]:
        table = self.ids()
        names = [f"c{level + 1}" for level in range(len(self.model.config.sizes))]
        codes = np.stack([table[name].to_numpy() for name in names], axis=1).astype(np.int64)
        return table, CodeIndex(
            codes, self._quantized(codes), table["id"].to_pylist(), table["text"].to_pylist()
        )

    def _quantized(self, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Quantised vectors (n, Q) of codes (n, L)."""
        books = [book.detach().numpy() for book in self.model.quantizer.codebooks]
        vectors = np.stack([book[codes[:, level]] for level, book in enumerate(books)])
        return np.asarray(vectors.sum(axis=0), np.float32)

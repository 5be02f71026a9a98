"""A finished run: encode more items, measure it again, find similar items."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from leafcode.catalog import Catalog, CatalogPart, row_view
from leafcode.codes import IdRegistry, encode_codes, encode_items, plain_strings, semantic_id_array
from leafcode.errors import FileRows, InputError, RunFolderError
from leafcode.evaluation import sample_rows
from leafcode.files import locked, remove_halves
from leafcode.memory import give_back
from leafcode.pipeline.baselines import train_baselines
from leafcode.pipeline.coding import code_items
from leafcode.pipeline.engagement import model_inputs
from leafcode.pipeline.items import catalog_embeddings, category_path_array, hold_out, text_array
from leafcode.pipeline.measure import measure
from leafcode.pipeline.repeated_texts import RepeatedTexts, first_known
from leafcode.pipeline.source import CatalogSource, content_digest
from leafcode.quantizers import RQVAE
from leafcode.serving import (
    CodeIndex,
    RunConfig,
    RunFolder,
    ids_batches,
    quantized_vectors,
    settings_from_json,
)
from leafcode.training import TrainingConfig

_ID_ROWS = 1 << 18
"""Rows of an encoded table given at once."""


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
        table = self.folder.read_ids()
        self._check_codes(table)
        return table.filter(table["active"])

    def _registry(self) -> IdRegistry:
        """Every ID of the run, once they are known to be made of codes of this model."""
        registry = self.folder.read_registry()
        self._check_codes(registry.table)
        return registry

    def _check_codes(self, table: pa.Table) -> None:
        """The codes in a table of ids.parquet are some of this model."""
        where, sizes = str(self.folder.ids), self.model.config.sizes
        levels = table.column_names.index("suffix") - 1
        if levels != len(sizes):
            raise RunFolderError(where, f"{levels} codes per item", f"{len(sizes)}, as the model has levels")
        for level, size in enumerate(sizes, start=1):
            bounds = pc.min_max(table[f"c{level}"]).as_py()
            if len(table) and not 0 <= bounds["min"] <= bounds["max"] < size:
                found = f"codes from {bounds['min']} to {bounds['max']}"
                raise RunFolderError(f"{where}: column 'c{level}'", found, f"codes in [0, {size})")

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
        part = CatalogPart(catalog, FileRows(("catalog",), (len(catalog),)))
        tables = list(self.encode_stream([part], progress=progress))
        return pa.concat_tables(tables).combine_chunks()

    def encode_stream(
        self, parts: Iterable[CatalogPart], *, device: str = "cpu", progress: bool = False
    ) -> Iterator[pa.Table]:
        """What `encode` does, of items that are read a part at a time; see `CatalogSource.load_parts`.

        Vectors are let go of part by part. Ids and codes of all items are held in memory, and so are the ids
        of the run, and texts and paths where there are any.

        Args:
            parts: Items with embeddings, at least one part.
            device: Where to compute; it makes no difference to the codes.
            progress: Show a progress bar.

        Returns:
            The rows that `encode` gives, a batch after the other; all IDs are in ids.parquet by then.

        Raises:
            InputError: As for `encode`, or an id that comes twice, naming its places.
        """
        ids, codes, texts, paths = [], [], [], RepeatedTexts()
        rows: dict[str, int] = {}
        rest = iter(parts)
        first = next(rest)  # a mistake in it is told before there is a bar
        for part in tqdm(itertools.chain([first], rest), desc="encode", unit="part", disable=not progress):
            vectors = catalog_embeddings(part.catalog)
            codes.append(encode_codes(self.model, vectors, device=device).astype(np.int32))
            ids.append(part.catalog.ids)
            texts.append(text_array(part.catalog))
            paths.add(category_path_array(part.catalog))
            for file, count in zip(part.rows.files, part.rows.counts, strict=True):
                rows[file] = rows.get(file, 0) + count
        names, chosen = pa.concat_arrays(ids), np.concatenate(codes)
        given = {"path": paths.array(), "text": pa.concat_arrays(texts)}
        del first, part, vectors, ids, codes, texts, paths
        give_back()
        suffix = self._enter(names, chosen, given, FileRows(tuple(rows), tuple(rows.values())))
        return _id_rows(names, chosen, suffix)

    def register(
        self, ids: pa.Array, codes: npt.NDArray[np.integer[Any]], given: dict[str, pa.Array], where: FileRows
    ) -> pa.Table:
        """Give items with codes their Semantic IDs and enter the new ones in ids.parquet; see `encode`.

        Args:
            ids: n unique texts.
            codes: (n, L) what the run's model makes of the items.
            given: Columns ``path`` and ``text`` (n,), null where unknown.
            where: Where the items stand, for errors.

        Returns:
            What `encode` returns. The order of the items decides that of the rows, and nothing else.

        Raises:
            InputError: An id that comes twice.
        """
        chosen = codes.astype(np.int32)
        suffix = self._enter(ids, chosen, dict(given), where)
        return pa.concat_tables(_id_rows(ids, chosen, suffix)).combine_chunks()

    def _enter(
        self, ids: pa.Array, codes: npt.NDArray[np.int32], given: dict[str, pa.Array], where: FileRows
    ) -> npt.NDArray[np.int64]:
        """Enter items in ids.parquet, one process after the other; their suffixes. Changes what is given."""
        with locked(self.folder.ids):
            remove_halves(self.folder.ids)
            before = self._registry()
            # Items that are known keep their split and, if nothing new is given, their path and text.
            row = before.items_of_rows(ids)
            row[~before.active] = -1
            suffix, registry = before.assign(ids, codes, where)
            del before
            self._add_known(given, row)
            del row
            give_back()
            batches = ids_batches(registry, ids, given, self.folder.read_id_batches())
            self.folder.write_id_batches(batches)
        self.__dict__.pop("_index", None)
        return suffix

    def _add_known(self, given: dict[str, pa.Array], row: npt.NDArray[np.int32]) -> None:
        """Fill in what is known of n items, and their split.

        Args:
            given: Columns ``path`` and ``text`` (n,), null where nothing new is given; changed in place.
            row: (rows of ids.parquet,) which item each row is the ID of; -1 for none.
        """
        paths, splits, texts = RepeatedTexts(), RepeatedTexts(), [pa.array([], pa.large_string())]
        start = 0
        for batch in self.folder.read_id_batches():
            named = batch.filter(pa.array(row[start : start + batch.num_rows] >= 0)).combine_chunks()
            paths.add(named["path"].combine_chunks())
            splits.add(named["split"].combine_chunks())
            texts.append(named["text"].combine_chunks().cast(pa.large_string()))
            start += batch.num_rows
        count = len(given["path"])
        place = np.full(count, -1, np.int32)  # of each item among the known ones
        place[row[row >= 0]] = np.arange(np.count_nonzero(row >= 0))
        index = pa.array(place, mask=place < 0)
        new = pa.DictionaryArray.from_arrays(np.zeros(count, np.int32), ["encoded"])
        given["path"] = first_known(given["path"], paths.array().take(index))
        if any(some.null_count < len(some) for some in texts):
            given["text"] = first_known(given["text"], pa.concat_arrays(texts).take(index))
        given["split"] = first_known(splits.array().take(index), new)

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
                source.place if source else "catalog",
                "other items, texts, categories or vectors than the run was fitted on",
                "the same catalogue, since measures compare training items with those held out",
                "Fit again to measure on a new catalogue.",
            )
        registry = self._registry()
        without = len(catalog) - np.count_nonzero(
            registry.active & (registry.items_of_rows(catalog.ids) >= 0)
        )
        del registry
        if without:
            found = f"no ID for {without} items of the catalogue"
            raise RunFolderError(str(self.folder.ids), found, "an ID for every one")
        held_out = hold_out(catalog, self.config.split["holdout"], self.config.split["seed"])
        if baselines and not self.folder.baselines.exists():
            training = settings_from_json(TrainingConfig, self.config.training, str(self.folder.config))
            vectors = row_view(catalog_embeddings(catalog), np.flatnonzero(~held_out))
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
        inputs = model_inputs(catalog_embeddings(catalog), history)
        rows = sample_rows(held_out, self.config.split["seed"])
        encode, codes = partial(encode_items, self.model), partial(encode_codes, self.model)
        coding = code_items(encode, inputs, rows, only_codes=codes, progress=progress)
        return measure(self.folder, self.model, catalog, held_out, coding, progress=progress)

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
            quantized = quantized_vectors(codes[None, :], index.codebooks)[0]
        else:
            vector = np.asarray(query)
            if vector.ndim != 1:
                raise InputError("query", f"shape {vector.shape}", "an id, or one embedding (E,)")
            encoded = encode_items(self.model, vector[None, :])
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
        codes = np.stack([table[name].to_numpy() for name in names], axis=1)
        books = [book.detach().numpy() for book in self.model.quantizer.codebooks]
        return table, CodeIndex(codes, books, table["id"])


def _id_rows(
    ids: pa.Array, codes: npt.NDArray[np.int32], suffix: npt.NDArray[np.int64]
) -> Iterator[pa.Table]:
    """id, c1 to cL, suffix and semantic_id of items, a batch after the other."""
    names = ["id", *(f"c{level + 1}" for level in range(codes.shape[1])), "suffix", "semantic_id"]
    for start in range(0, len(ids), _ID_ROWS):
        rows = slice(start, start + _ID_ROWS)
        numbers = [*codes[rows].T, suffix[rows].astype(np.int32)]
        texts = plain_strings(ids, rows), semantic_id_array(codes[rows], suffix[rows])
        yield pa.Table.from_arrays([texts[0], *map(pa.array, numbers), texts[1]], names)

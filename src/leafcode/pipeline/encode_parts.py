"""Semantic IDs for items in many files, and vectors for their texts, on one machine or more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from leafcode.errors import FileRows
from leafcode.pipeline.part_folder import PartFolder
from leafcode.pipeline.part_work import EmbedWork, EncodeWork, ItemReader
from leafcode.pipeline.parts import Engine, PartJob, list_parts, make_parts
from leafcode.pipeline.repeated_texts import RepeatedTexts
from leafcode.pipeline.run import Run
from leafcode.pipeline.source import CatalogSource

CODES = "_codes"
"""Folder of the codes in the folder of the IDs; readers of Parquet folders pass over such names."""


def encode_parts(
    run: Run, source: CatalogSource, items: str, out: str, engine: Engine, *, cache: Path | None = None
) -> int:
    """Give the items of a folder of Parquet files their Semantic IDs, a file of IDs for each file of items.

    The codes of each file are made first, by any process and in any order, and kept in `CODES`; called again,
    this goes on with those that are missing or whose file has changed. Then this process gives all items
    their suffixes at once, enters the IDs in the run's ids.parquet and writes the files. So the IDs are those
    of `Run.encode` on all the items, however they are divided into files.

    Args:
        run: A run on this machine.
        source: How to read the files; its own file of items is left aside.
        items: A folder, see `PartFolder.open`.
        out: A folder, made if missing. Each file has a row per item, in their order: id, c1 to cL, suffix,
            semantic_id.
        engine: Has the codes made.
        cache: Folder in which vectors of texts are kept, on the machine that computes them.

    Returns:
        The number of items.

    Raises:
        InputError: Anything wrong with a file, a column, a row or a vector; an id that comes twice; or files
            in ``out`` that were made by another model, of other items or not by this function.
    """
    folder = PartFolder.open(out)
    inputs, parts = list_parts(items, folder)
    work = EncodeWork.of(ItemReader(source, engine.device, cache), run.model, run.folder)
    codes, ids = PartJob(work, inputs, folder.below(CODES)), PartJob(work, inputs, folder)
    there = folder.names()
    for part in parts:
        if part.name in there:
            ids.is_made(part)  # complains of a file of another origin, before anything is computed
    make_parts(engine, codes, parts)

    tables = [codes.outputs.read(part.name) for part in parts]
    table = pa.concat_tables(tables)
    levels = [table[f"c{level + 1}"].to_numpy() for level in range(len(run.model.config.sizes))]
    paths = RepeatedTexts()
    for some in table["path"].chunks:
        paths.add(some)
    # One array of plain strings ends at 2 GiB of them.
    names, texts = (table[name].cast(pa.large_string()).combine_chunks() for name in ("id", "text"))
    columns = {"path": paths.array(), "text": texts}
    where = FileRows(tuple(inputs.where(part.name) for part in parts), tuple(map(len, tables)))
    given = run.register(names, np.stack(levels, axis=1), columns, where)
    start = 0
    for part, rows in zip(parts, tables, strict=True):
        folder.write(part.name, given.slice(start, len(rows)), ids.mark(part))
        start += len(rows)
    folder.remove_halves({part.name for part in parts})
    return int(given.num_rows)


def embed_parts(
    source: CatalogSource,
    items: str,
    out: str,
    engine: Engine,
    *,
    half: bool = False,
    cache: Path | None = None,
) -> int:
    """Copy Parquet files of items with one more column, ``embedding``: the vectors of their texts.

    Called again, this goes on with the files that are missing or whose items have changed.

    Args:
        source: How to read the files, and the embedding model; its own file of items is left aside.
        items: A folder or a file, see `PartFolder.open`.
        out: A folder, made if missing.
        engine: Has the vectors computed.
        half: Write float16 instead of float32.
        cache: Folder in which vectors of texts are kept, on the machine that computes them.

    Returns:
        The number of files.

    Raises:
        InputError: Anything wrong with a file, a column, a row or a vector; or files in ``out`` that were
            made by another model, of other items or not by this function.
    """
    outputs = PartFolder.open(out)
    inputs, parts = list_parts(items, outputs)
    work = EmbedWork.of(ItemReader(source, engine.device, cache), half=half)
    make_parts(engine, PartJob(work, inputs, outputs), parts)
    return len(parts)

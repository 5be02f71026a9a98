"""Vectors kept on disk by a hash of what they were computed from: one SQLite file per model."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from leafcode.errors import InputError

_KEYS_PER_QUERY = 500  # SQLite allows 999 variables in old builds

FloatArray = npt.NDArray[np.float32]


class VectorCache:
    """A folder of vectors that outlives the process; a context manager.

    Every write is committed when `write` returns, so an interrupted run loses at most the vectors it had not
    written. Several processes may use one folder.

    Args:
        folder: Made if missing. One file ``<hash of the fingerprint>.sqlite`` per model.
        fingerprint: What identifies the model; another fingerprint uses another file.

    Raises:
        InputError: The folder cannot be written, or the file is damaged.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, VectorCache(Path(folder), "model-1") as cache:
        ...     cache.write([b"a"], np.ones((1, 2), np.float32))
        ...     cache.read([b"a", b"b"])
        (array([[1., 1.],
               [0., 0.]], dtype=float32), array([ True, False]))
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.path = folder / f"{hashlib.sha256(fingerprint.encode()).hexdigest()[:32]}.sqlite"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                str(folder), f"a folder that cannot be made ({error})", "a cache folder"
            ) from error
        with self._explained():
            self._connection = sqlite3.connect(self.path, timeout=60)
        try:
            with self._explained(), self._connection:
                self._connection.execute(
                    "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)"
                )
        except InputError:
            self.close()
            raise

    def __enter__(self) -> VectorCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def read(self, keys: Sequence[bytes]) -> tuple[FloatArray | None, npt.NDArray[np.bool_]]:
        """Look up vectors.

        Args:
            keys: Distinct keys.

        Returns:
            float32 (len(keys), D), zeros where a key is unknown, or None if all are; and bool (len(keys),),
            True where a key is known.
        """
        place = {key: i for i, key in enumerate(keys)}
        known = np.zeros(len(keys), bool)
        vectors: FloatArray | None = None
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            chunk = keys[start : start + _KEYS_PER_QUERY]
            query = f"SELECT key, vector FROM vectors WHERE key IN ({','.join('?' * len(chunk))})"
            with self._explained():
                rows = self._connection.execute(query, chunk).fetchall()
            if not rows:
                continue
            if vectors is None:
                vectors = np.zeros((len(keys), len(rows[0][1]) // 4), np.float32)
            if any(len(blob) != 4 * vectors.shape[1] for _, blob in rows):
                self._damaged("vectors of different lengths")
            places = [place[key] for key, _ in rows]
            values = np.frombuffer(b"".join(blob for _, blob in rows), "<f4")
            vectors[places] = values.reshape(len(rows), -1)
            known[places] = True
        return vectors, known

    def write(self, keys: Sequence[bytes], vectors: FloatArray) -> None:
        """Store vectors, float32 (len(keys), D), and commit; a key that is there already is replaced."""
        rows = [(key, row.tobytes()) for key, row in zip(keys, vectors.astype("<f4"), strict=True)]
        with self._explained(), self._connection:
            self._connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            self._damaged(str(error), error)

    def _damaged(self, found: str, cause: Exception | None = None) -> NoReturn:
        hint = "If the file is damaged, delete it; its vectors are computed again."
        raise InputError(str(self.path), found, "a cache of vectors that can be read", hint) from cause

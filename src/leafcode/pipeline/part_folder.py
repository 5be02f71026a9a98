"""A folder of Parquet files on any filesystem, whose files say what they were made from."""

from __future__ import annotations

import contextlib
import hashlib
import json
import posixpath
import tempfile
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from leafcode.errors import InputError
from leafcode.files import replacing

SUFFIXES = (".parquet", ".pq")
_MARK = b"leafcode.part"


@dataclass(frozen=True)
class Part:
    """A file of items, as it was when its folder was listed.

    Attributes:
        name: Path below the folder, with slashes.
        size: Bytes.
        version: When it was last changed, in nanoseconds; on a filesystem that does not say, the SHA-256 of
            its content.
    """

    name: str
    size: int
    version: str


@dataclass(frozen=True)
class PartFolder:
    """A folder of Parquet files on a filesystem that PyArrow knows. Use `open`.

    Attributes:
        place: How the user named it.
        filesystem: Where it is.
        path: Its path there.

    Example:
        >>> with tempfile.TemporaryDirectory() as place:
        ...     folder = PartFolder.open(place)
        ...     folder.write("day=1/a.parquet", pa.table({"id": ["7"]}), {"made by": "hand"})
        ...     folder.read_mark("day=1/a.parquet"), sorted(folder.names())
        ({'made by': 'hand'}, ['day=1/a.parquet'])
    """

    place: str
    filesystem: fs.FileSystem
    path: str

    @classmethod
    def open(cls, place: str) -> PartFolder:
        """The folder of that name, which need not exist.

        Args:
            place: A local path, or a URI such as ``s3://bucket/items`` or ``fsspec+memory://items``.

        Raises:
            InputError: A filesystem that PyArrow does not know, or that cannot be reached.
        """
        if "://" not in place:
            return cls(place, fs.LocalFileSystem(), str(Path(place).resolve()))
        try:
            filesystem, path = fs.FileSystem.from_uri(place)
        except (pa.ArrowException, OSError, ImportError, ValueError) as error:
            expected = "a folder on a filesystem that PyArrow knows, such as s3://bucket/folder"
            raise InputError(place, f"a place that cannot be opened ({error})", expected) from error
        return cls(place, filesystem, path.rstrip("/"))

    def below(self, name: str) -> PartFolder:
        """A folder in this one."""
        return PartFolder(self.where(name), self.filesystem, f"{self.path}/{name}")

    def where(self, name: str) -> str:
        """A file's place, for messages."""
        return f"{self.place.rstrip('/')}/{name}"

    def names(self) -> set[str]:
        """All Parquet files in this folder and beneath; none in a folder that does not exist.

        Names that begin with a dot or an underscore are left out, folders' too.
        """
        return set(self._parquet_files())

    def parts(self) -> list[Part]:
        """The files of `names` as they are now, sorted by name."""
        return [self.part(name, info) for name, info in sorted(self._parquet_files().items())]

    def part(self, name: str, info: fs.FileInfo) -> Part:
        """The file that has this information."""
        if info.mtime_ns is not None:
            return Part(name, info.size, str(info.mtime_ns))
        with self.filesystem.open_input_stream(info.path) as file:
            return Part(name, info.size, hashlib.file_digest(file, "sha256").hexdigest())

    def remove_halves(self, names: Collection[str]) -> None:
        """Remove what processes that were killed had written of these files, see `write`."""
        for name in self._files():
            folder, base = posixpath.split(name)
            whole, _, _ = base.removesuffix(".tmp").removeprefix(".").rpartition(".")
            if base.startswith(".") and base.endswith(".tmp") and posixpath.join(folder, whole) in names:
                self.filesystem.delete_file(f"{self.path}/{name}")

    @contextlib.contextmanager
    def local(self, name: str) -> Iterator[Path]:
        """A file as one of this machine: itself if it is one, else a copy for as long as the block lasts."""
        if isinstance(self.filesystem, fs.LocalFileSystem):
            yield Path(self.path, name)
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder, posixpath.basename(name))
            fs.copy_files(f"{self.path}/{name}", str(copy), self.filesystem, fs.LocalFileSystem())
            try:
                yield copy
            except InputError as error:
                where = error.where.replace(str(copy), self.where(name))
                raise InputError(where, error.found, error.expected, error.hint) from error

    def write(self, name: str, table: pa.Table, mark: dict[str, Any]) -> None:
        """Write a file in one piece, with a mark in its metadata by which it is known again."""
        marked = {**(table.schema.metadata or {}), _MARK: json.dumps(mark).encode()}
        table = table.replace_schema_metadata(marked)
        path = f"{self.path}/{name}"
        folder, base = posixpath.split(path)
        self.filesystem.create_dir(folder, recursive=True)
        if isinstance(self.filesystem, fs.LocalFileSystem):
            with replacing(Path(path)) as whole:
                pq.write_table(table, whole)
            return
        beside = f"{folder}/.{base}.{uuid.uuid4().hex}.tmp"
        with self.filesystem.open_output_stream(beside) as sink:
            pq.write_table(table, sink)
        self.filesystem.move(beside, path)

    def read(self, name: str) -> pa.Table:
        """Read a file."""
        with self._reading(name) as file:
            return file.read()

    def read_mark(self, name: str) -> dict[str, Any] | None:
        """The mark of a file, or None if there is no such file.

        Raises:
            InputError: A file that `write` did not write.
        """
        if self.filesystem.get_file_info(f"{self.path}/{name}").type == fs.FileType.NotFound:
            return None
        with self._reading(name) as file:
            text = (file.schema_arrow.metadata or {}).get(_MARK)
        if text is None:
            expected, hint = "a result of this command", "Choose another folder."
            raise InputError(self.where(name), "a Parquet file of another origin", expected, hint)
        mark: dict[str, Any] = json.loads(text)
        return mark

    @contextlib.contextmanager
    def _reading(self, name: str) -> Iterator[pq.ParquetFile]:
        path = f"{self.path}/{name}"
        try:
            with self.filesystem.open_input_file(path) as source, pq.ParquetFile(source) as file:
                yield file
        except pa.ArrowInvalid as error:
            hint = "Delete it, and it is made again."
            found = f"content that cannot be read ({error})"
            raise InputError(self.where(name), found, "a whole Parquet file", hint) from error

    def _parquet_files(self) -> dict[str, fs.FileInfo]:
        return {
            name: info
            for name, info in self._files().items()
            if name.endswith(SUFFIXES) and not any(step[0] in "._" for step in name.split("/"))
        }

    def _files(self) -> dict[str, fs.FileInfo]:
        """All files beneath, by name."""
        selector = fs.FileSelector(self.path, allow_not_found=True, recursive=True)
        found = self.filesystem.get_file_info(selector)
        return {info.path[len(self.path) + 1 :]: info for info in found if info.is_file}

"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import contextlib
import glob
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout
from safetensors import SafetensorError

from leafcode.errors import InputError


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place once the block ends without an error.

    What stood at `path` stays whole until then; after an error (a full disk, say) it is still there and
    the temporary file is gone.

    Raises:
        InputError: The file cannot be written.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     target = Path(folder) / "a.txt"
        ...     with replacing(target) as beside:
        ...         _ = beside.write_text("whole")
        ...     target.read_text(), len(list(Path(folder).iterdir()))
        ('whole', 1)
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        os.close(handle)
        beside = Path(name)
        try:
            yield beside
            # mkstemp makes files that only their owner may read, as do libraries that replace the file
            # themselves; the umask decides for everything else.
            umask = os.umask(0)
            os.umask(umask)
            beside.chmod(0o666 & ~umask)
            with beside.open("rb") as file:
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except (OSError, SafetensorError) as error:  # safetensors reports the system's errors as its own
        raise InputError(
            str(path),
            f"a file that cannot be written ({error})",
            "a disk with room that may be written to",
            "The file that was there before, if any, is unchanged.",
        ) from error


def remove_halves(path: Path) -> None:
    """Remove what processes that were killed had written of a file, see `replacing`.

    Whoever writes the file at the moment loses what is written; hold its lock where that may be.
    """
    for half in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        half.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a file that is read, changed and replaced: other processes that want to hold it wait.

    It is the file's neighbour ``.NAME.lock`` that is locked, for the file itself is replaced. Who asks for no
    lock may read and write as ever, and a process that dies lets go.

    Args:
        path: The file, which need not be there.
        wait: Wait for another process that holds it.

    Raises:
        InputError: The folder cannot be written to, or another process holds the file and `wait` is False.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with locked(Path(folder) / "ids.parquet"):
        ...         [file.name for file in Path(folder).iterdir()]
        ['.ids.parquet.lock']
    """
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout as error:
        raise InputError(
            str(path.parent), "a folder that another process is working on", "one that is free"
        ) from error
    except OSError as error:
        found = f"a folder that cannot be written to ({error})"
        raise InputError(str(path.parent), found, "one in which files may be changed") from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def held(path: Path, make_ready: Callable[[], None]) -> Iterator[None]:
    """Hold a file, and with it the folder that it stands in, which is first made ready.

    A file that is there is held already then, so that nothing is changed under a process that works on it.
    One that is not may have no folder yet.

    Args:
        path: As for `locked`, which is told not to wait.
        make_ready: Makes the folder ready, or raises why it cannot be used.

    Raises:
        InputError: As `locked`.
    """
    with contextlib.ExitStack() as stack:
        there = path.exists()
        if there:
            stack.enter_context(locked(path, wait=False))
        make_ready()
        if not there:
            stack.enter_context(locked(path, wait=False))
        yield


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file in one piece."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")

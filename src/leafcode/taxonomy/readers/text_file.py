"""Text files, whole or line by line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from leafcode.errors import InputError


def read_text(path: str | Path) -> str:
    """The text of a UTF-8 file, without a byte order mark.

    Raises:
        InputError: The file is missing, a folder, or not UTF-8.
    """
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        found = f"a file that cannot be read ({error})"
        raise InputError(str(path), found, "a UTF-8 text file") from error


def numbered_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    r"""Lines of a UTF-8 text file that are not blank, without line ends, and their numbers from 1.

    Raises:
        InputError: The file is missing, a folder, or not UTF-8.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "genres.txt")
        ...     _ = file.write_text("Fiction\r\n\n  Poetry\n")
        ...     list(numbered_lines(file))
        [(1, 'Fiction'), (3, '  Poetry')]
    """
    # Not splitlines(): titles may hold signs such as U+2028 that it takes for line ends.
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            yield number, line

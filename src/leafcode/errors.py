"""Errors that a user of leafcode can cause, and can mend.

Every message says where the fault is, what was found there and what was expected. The command line
prints such a message without a traceback and exits with status 2; anything else is a bug.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Mapping
from typing import NamedTuple


class LeafcodeError(Exception):
    """Base of every error that leafcode raises on purpose."""


class InputError(LeafcodeError, ValueError):
    """A file, column, row or argument does not hold what it must hold.

    Args:
        where: The place: a file, ``file: column 'x'``, ``file: row 12``, or an argument's name.
        found: What stands there.
        expected: What should stand there.
        hint: What to do about it, if that is not obvious.

    Example:
        >>> str(InputError("items.csv: row 3", "an empty text", "some text to embed"))
        'items.csv: row 3: found an empty text; expected some text to embed'
    """

    def __init__(self, where: str, found: str, expected: str, hint: str | None = None) -> None:
        self.where, self.found, self.expected, self.hint = where, found, expected, hint
        message = f"{where}: found {found}; expected {expected}"
        super().__init__(f"{message}. {hint}" if hint else message)

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, str, str | None]]:
        """So that it reaches another process; an exception is otherwise made anew from its message alone."""
        return type(self), (self.where, self.found, self.expected, self.hint)


class RunFolderError(InputError):
    """A run folder is incomplete, damaged, or of another format version."""


class TrainingError(LeafcodeError):
    """Training cannot go on: the loss became NaN, or the configuration contradicts the data."""


class LostProcessError(TrainingError):
    """Of the processes that train one model together, another one has ended or cannot be reached."""


class FileRows(NamedTuple):
    """Where in several files the rows of a table stand that was read from one after the other.

    Attributes:
        files: Names of the files, at least one.
        counts: Number of rows of each.
        columns: Names of the columns that are spoken of; none for whole rows.
        first: Rows of the first file that stand before those spoken of.

    Example:
        >>> rows = FileRows(("a.parquet", "b.parquet"), (2, 3), ("id",))
        >>> str(rows), rows.row(2)
        ("a.parquet … b.parquet: column 'id'", "b.parquet: column 'id': row 1")
    """

    files: tuple[str, ...]
    counts: tuple[int, ...]
    columns: tuple[str, ...] = ()
    first: int = 0

    def __str__(self) -> str:
        """All files, and the column."""
        return (self.files[0] if len(self.files) == 1 else f"{self.files[0]} … {self.files[-1]}") + self._of

    def row(self, row: int) -> str:
        """The file of a row, counted from 0 over all files, and its row there, counted from 1."""
        starts = [0, *itertools.accumulate(self.counts)]
        file = bisect.bisect_right(starts, row, hi=len(self.files)) - 1
        before = 0 if file else self.first
        return f"{self.files[file]}{self._of}: row {row - starts[file] + before + 1}"

    def after(self, rows: int) -> FileRows:
        """The same without so many rows at the beginning, fewer than there are.

        Example:
            >>> FileRows(("a.npy", "b.npy"), (2, 3)).after(3).row(0)
            'b.npy: row 2'
        """
        starts = [0, *itertools.accumulate(self.counts)]
        file = bisect.bisect_right(starts, rows, hi=len(self.files)) - 1
        within = rows - starts[file]
        counts = (self.counts[file] - within, *self.counts[file + 1 :])
        return self._replace(
            files=self.files[file:], counts=counts, first=within + (0 if file else self.first)
        )

    @property
    def _of(self) -> str:
        return f": column {' + '.join(map(repr, self.columns))}" if self.columns else ""


def row_place(where: str | FileRows, row: int) -> str:
    """Where a row is, counted from 0, of a place that is one table or several files.

    Example:
        >>> row_place("items.csv: column 'id'", 6)
        "items.csv: column 'id': row 7"
    """
    return where.row(row) if isinstance(where, FileRows) else f"{where}: row {row + 1}"


def check_settings(where: str, settings: object, checks: Mapping[str, tuple[bool, str]]) -> None:
    """Refuse settings out of range, naming all of them at once.

    Args:
        where: What they are settings of.
        settings: Has them as attributes.
        checks: Of each setting, whether it is in range and what is expected of it.

    Raises:
        InputError: At least one is out of range.
    """
    wrong = [name for name, (good, _) in checks.items() if not good]
    if wrong:
        raise InputError(
            where,
            ", ".join(f"{name}={getattr(settings, name)!r}" for name in wrong),
            "; ".join(f"{name}: {checks[name][1]}" for name in wrong),
        )

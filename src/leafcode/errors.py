"""Errors that a user of leafcode can cause, and can mend.

Every message says where the fault is, what was found there and what was expected. The command line
prints such a message without a traceback and exits with status 2; anything else is a bug.
"""

from __future__ import annotations

from collections.abc import Mapping


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

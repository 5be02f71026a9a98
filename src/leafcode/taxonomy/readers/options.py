"""Options of a reader: which there are, and their values from the words of a command line."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from leafcode.errors import InputError

_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def reader_options(read: Callable[..., Any]) -> tuple[str, ...]:
    """Names of a reader's options: its parameters but the first, which is the path.

    Example:
        >>> from leafcode.taxonomy import read_path_list
        >>> reader_options(read_path_list)
        ('separator',)
    """
    return tuple(inspect.signature(read).parameters)[1:]


def check_options(read: Callable[..., Any], names: Iterable[str], where: str) -> None:
    """Refuse options that a reader does not have.

    Raises:
        InputError: Naming the options that it has.
    """
    known = reader_options(read)
    unknown = [name for name in names if name not in known]
    if unknown:
        found = f"the option {', '.join(map(repr, unknown))}"
        raise InputError(where, found, f"one of {', '.join(known)}" if known else "no option")


def parse_options(read: Callable[..., Any], words: Sequence[str], where: str) -> Mapping[str, Any]:
    """Values of options from words such as ``name=value``; what they are is read off the reader's types.

    Args:
        read: The reader, whose options are texts, whole numbers, yes or no, or tuples of texts or numbers.
        words: ``name=value`` each; the values of a tuple are joined by commas. A name may have hyphens.
        where: Place named in errors.

    Returns:
        Arguments for the reader.

    Raises:
        InputError: A word of another form, an unknown option, an option given twice, or a value that does
            not fit it.

    Example:
        >>> def read(path: str, lengths: tuple[int, ...] = (), header: bool = True) -> None: ...
        >>> parse_options(read, ["lengths=2,4", "header=no"], "options")
        {'lengths': (2, 4), 'header': False}
    """
    types = typing.get_type_hints(read)
    options: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise InputError(where, repr(word), "an option such as name=value")
        check_options(read, [name], where)
        if name in options:
            raise InputError(where, f"{name} twice", "every option once")
        options[name] = _value(types[name], text, f"{where}: {name}")
    return options


def _value(kind: Any, text: str, where: str) -> Any:  # noqa: ANN401 (any type of a parameter)
    kinds = [each for each in typing.get_args(kind) if each is not type(None)]
    if typing.get_origin(kind) is tuple:
        return tuple(_value(kinds[0], part.strip(), where) for part in text.split(","))
    if kind is bool:
        if text.lower() not in _TRUTH:
            raise InputError(where, repr(text), "yes or no")
        return _TRUTH[text.lower()]
    if kind is int:
        try:
            return int(text)
        except ValueError as error:
            raise InputError(where, repr(text), "a whole number") from error
    if len(kinds) == 1 and not isinstance(kinds[0], str):  # such as tuple[int, ...] | None
        return _value(kinds[0], text, where)
    return text

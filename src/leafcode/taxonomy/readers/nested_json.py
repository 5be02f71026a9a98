"""Nested JSON: categories that hold their children."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from leafcode.errors import InputError
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.readers.text_file import read_text
from leafcode.taxonomy.tree import MAX_DEPTH


class _Entry(NamedTuple):
    """A category, and the value that holds those beneath it; both with their JSON pointers."""

    pointer: str
    name: Any
    key: str | None
    children: Any
    children_pointer: str


def read_nested_json(
    path: str | Path,
    name_key: str = "name",
    children_key: str = "children",
    id_key: str = "id",
    separator: str = " > ",
) -> CategoryGraph:
    r"""Read a tree from nested JSON, in either of two forms.

    - Nodes: ``{"name": "Pantry", "children": [{"name": "Spices"}]}``, or a list of such objects. A child may
      be a text, its name.
    - Mappings: ``{"Pantry": {"Spices": {}, "Oils": null}}``, where the key is the name. The value is a
      mapping, a list of names, or null or an empty text for a category without children.

    The file is taken for nodes if its first object has a text under ``name_key`` or ``id_key``.

    Args:
        path: A UTF-8 file of one JSON document.
        name_key: Key of a node's name; a node without one goes by its id.
        children_key: Key of the list of its children.
        id_key: Key of its id, text or a whole number. A node without one, and every category of a mapping,
            has the names from the root down as its id.
        separator: Joins those names.

    Returns:
        The categories depth-first, siblings in the order of the file. Other keys are left out.

    Raises:
        InputError: Naming the file and the line of a syntax error, or the JSON pointer (RFC 6901) of a value
            that is no category, a name that is empty or a key that occurs twice in an object; or a file that
            cannot be read or holds no category.

    References:
        RFC 6901, JavaScript Object Notation (JSON) Pointer (2013): https://www.rfc-editor.org/rfc/rfc6901

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "taxonomy.json")
        ...     _ = file.write_text('{"Pantry": {"Spices": {}, "Oils": null}}')
        ...     read_nested_json(file).ids
        ('Pantry', 'Pantry > Spices', 'Pantry > Oils')
    """
    where = str(path)
    document = _parse(read_text(path), where)
    first = document[0] if isinstance(document, list) and document else document
    is_nodes = isinstance(first, dict) and any(isinstance(first.get(key), str) for key in (name_key, id_key))

    def below(value: Any, pointer: str) -> list[_Entry]:  # noqa: ANN401 (JSON)
        if not is_nodes:
            return _mapping(value, pointer, where)
        return _nodes(value, pointer, (name_key, children_key, id_key), where)

    if is_nodes and isinstance(document, dict):
        top = [_node(document, "", (name_key, children_key, id_key), where)]
    else:
        top = below(document, "")
    ids: list[str] = []
    parents: list[tuple[str, ...]] = []
    names: list[str] = []
    places: list[str] = []
    todo: list[tuple[_Entry, tuple[str, ...], tuple[str, ...]]] = [(each, (), ()) for each in reversed(top)]
    while todo:  # no recursion: a file may be nested deeper than Python's stack
        entry, parent, path_above = todo.pop()
        place = entry.pointer or "the document"
        _check_name(entry.name, f"{where}: {place}")
        names_down = (*path_above, entry.name)
        key = separator.join(names_down) if entry.key is None else entry.key
        ids.append(key)
        parents.append(parent)
        names.append(entry.name)
        places.append(place)
        children = below(entry.children, entry.children_pointer)
        todo += [(each, (key,), names_down) for each in reversed(children)]
    if not ids:
        raise InputError(where, "no category", "at least one")
    return CategoryGraph(
        tuple(ids), tuple(parents), tuple(names), source=where, places=tuple(places), ordered=True
    )


def _nodes(value: Any, pointer: str, keys: tuple[str, str, str], where: str) -> list[_Entry]:  # noqa: ANN401
    """Categories of a list of nodes."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise InputError(f"{where}: {pointer}", _shown(value), "a list of categories")
    return [_node(each, f"{pointer}/{i}", keys, where) for i, each in enumerate(value)]


def _node(value: Any, pointer: str, keys: tuple[str, str, str], where: str) -> _Entry:  # noqa: ANN401
    if isinstance(value, str):
        return _Entry(pointer, value, None, None, pointer)
    name_key, children_key, id_key = keys
    if not isinstance(value, dict):
        raise InputError(f"{where}: {pointer}", _shown(value), "an object or a name")
    key: str | None = None
    if id_key in value:
        given = value[id_key]
        is_number = isinstance(given, int) and not isinstance(given, bool)
        _check_name(key := str(given) if is_number else given, f"{where}: {pointer}/{_escaped(id_key)}")
    name = value.get(name_key, key)
    return _Entry(pointer, name, key, value.get(children_key), f"{pointer}/{_escaped(children_key)}")


def _mapping(value: Any, pointer: str, where: str) -> list[_Entry]:  # noqa: ANN401
    """Categories of a mapping, or of a list of names and mappings."""
    if value is None or value == "":
        return []
    if isinstance(value, dict):
        inside = ((name, each, f"{pointer}/{_escaped(name)}") for name, each in value.items())
        return [_Entry(place, name, None, each, place) for name, each, place in inside]
    if not isinstance(value, list):
        raise InputError(f"{where}: {pointer}", _shown(value), "an object, a list of names, or null")
    entries: list[_Entry] = []
    for i, each in enumerate(value):
        place = f"{pointer}/{i}"
        if isinstance(each, dict):
            entries += _mapping(each, place, where)
        else:
            entries.append(_Entry(place, each, None, None, place))
    return entries


def _parse(text: str, where: str) -> Any:  # noqa: ANN401 (JSON)
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):  # JSON lets the last one win, and a branch would be lost
            keys = [key for key, _ in pairs]
            repeated = next(key for key in keys if keys.count(key) > 1)
            raise InputError(where, f"the key {repeated!r} twice in one object", "every key once")
        return found

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        hint = "A table of one JSON object per line is the format parent-table." if error.lineno > 1 else None
        raise InputError(f"{where}: line {error.lineno}", error.msg, "one JSON document", hint) from error
    except RecursionError as error:
        raise InputError(where, "JSON nested too deeply to read", f"at most {MAX_DEPTH} levels") from error


def _check_name(name: Any, where: str) -> None:  # noqa: ANN401 (JSON)
    """Raise an InputError unless it is a text that is not blank and that UTF-8 can hold."""
    if not isinstance(name, str) or not name.strip():
        raise InputError(where, _shown(name), "a text that names a category")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InputError(where, f"{name!r}, half of a character", "a text") from error


def _escaped(key: str) -> str:
    """A key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _shown(value: Any) -> str:  # noqa: ANN401 (JSON)
    return {dict: "an object", list: "a list", type(None): "null"}.get(type(value), repr(value))

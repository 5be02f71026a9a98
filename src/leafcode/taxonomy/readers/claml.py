"""ClaML, the XML in which the WHO publishes ICD-10 and its relatives."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from leafcode.errors import InputError
from leafcode.taxonomy.graph import CategoryGraph


def read_claml(path: str | Path) -> CategoryGraph:
    """Read a classification in ClaML (EN 14463): ICD-10, ICD-10-GM, ICF, OPS.

    Every ``Class`` is a category, chapters and blocks too; its ``SuperClass`` elements are its parents and
    its preferred rubric is its name. Modifiers, which multiply codes by a further character, are not applied:
    the codes that they make are not in the tree.

    Args:
        path: An XML file. Nothing outside it is loaded, and a file that declares entities is refused.

    Returns:
        The categories, whose ids are the codes, in the order of the file, with names by language.

    Raises:
        InputError: Naming the file and the line: XML that is not well-formed, an entity, or a class without a
            code; also if there is no class, or the file cannot be read.

    References:
        ICD-10 in ClaML: https://icdcdn.who.int/icd10/clamlinfo.html

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "icd10.xml")
        ...     _ = file.write_text('''<ClaML version="2.0.0">
        ...         <Class code="I" kind="chapter"><SubClass code="A00-A09"/></Class>
        ...         <Class code="A00-A09" kind="block"><SuperClass code="I"/><Rubric kind="preferred">
        ...             <Label xml:lang="en">Intestinal infectious diseases</Label></Rubric></Class>
        ...     </ClaML>''')
        ...     graph = read_claml(file)
        >>> graph.ids, graph.parents, graph.names[1]
        (('I', 'A00-A09'), ((), ('I',)), 'Intestinal infectious diseases')
    """
    document = _Document(str(path))
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(str(path), f"a file that cannot be read ({error})", "a ClaML file") from error
    try:
        document.parser.Parse(content, True)
    except expat.ExpatError as error:
        found = f"XML that is not well-formed ({expat.ErrorString(error.code)})"
        raise InputError(f"{path}: line {error.lineno}", found, "a ClaML file") from error
    if not document.ids:
        raise InputError(str(path), "no element Class", "a ClaML file")
    labels = document.labels
    default = next(iter(labels.values()), {})
    names = [
        default.get(key) or next((each[key] for each in labels.values() if key in each), key)
        for key in document.ids
    ]
    return CategoryGraph(
        ids=tuple(document.ids),
        parents=tuple(map(tuple, document.parents)),
        names=tuple(names),
        labels=labels,
        source=str(path),
        places=tuple(document.places),
        ordered=True,
    )


class _Document:
    """What the parser has met so far."""

    def __init__(self, source: str) -> None:
        self.ids: list[str] = []
        self.parents: list[list[str]] = []
        self.places: list[str] = []
        self.labels: dict[str, dict[str, str]] = {}
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._entity
        self._source = source
        self._in_class = self._preferred = False
        self._language: str | None = None  # of the label that is open
        self._label: list[str] = []

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "Class":
            self._in_class = True
            self.ids.append(self._code(name, attributes))
            self.parents.append([])
            self.places.append(f"line {self.parser.CurrentLineNumber}")
        elif name == "SuperClass" and self._in_class:
            self.parents[-1].append(self._code(name, attributes))
        elif name == "Rubric":
            self._preferred = attributes.get("kind") == "preferred"
        elif name == "Label" and self._in_class and self._preferred:
            self._language = attributes.get("xml:lang", "und")
            self._label = []

    def _end(self, name: str) -> None:
        if name == "Label" and self._language is not None:
            text = " ".join("".join(self._label).split())
            if text:
                self.labels.setdefault(self._language, {}).setdefault(self.ids[-1], text)
            self._language = None
        elif name == "Class":
            self._in_class = False

    def _text(self, text: str) -> None:
        if self._language is not None:
            self._label.append(text)

    def _code(self, name: str, attributes: dict[str, str]) -> str:
        code = attributes.get("code", "").strip()
        if not code:
            place = f"{self._source}: line {self.parser.CurrentLineNumber}"
            raise InputError(place, f"an element {name} without a code", "the code of a class")
        return code

    def _entity(self, name: str, *_: object) -> NoReturn:
        # Entities can be made to grow without bound, or to read other files.
        place = f"{self._source}: line {self.parser.CurrentLineNumber}"
        raise InputError(place, f"the declaration of an entity {name!r}", "a file without entities")

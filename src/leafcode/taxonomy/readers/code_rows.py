"""Lists of codes and titles, as tables or as lines of text."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple, get_args

from leafcode.errors import InputError
from leafcode.taxonomy.readers.table_file import read_columns, text_column
from leafcode.taxonomy.readers.text_file import numbered_lines

Missing = Literal["error", "nearest"]
"""What becomes of a code whose parent is not in the file.

``"error"`` keeps the missing parent's code in the graph, so that `CategoryGraph.taxonomy` refuses it, naming
file and row; ``"nearest"`` files the code beneath the nearest ancestor that is there, and makes it a root
where there is none.
"""


class CodeRows(NamedTuple):
    """Codes, their titles (the code where there is none) and where each stands in the file."""

    codes: list[str]
    titles: list[str]
    places: list[str]


def read_code_rows(path: str | Path, code_column: str = "code", title_column: str = "title") -> CodeRows:
    r"""Read codes and titles from lines ``code title`` (.txt) or from a table (see `read_columns`).

    In a line the code ends at the first tab, or else at the first space. Blank lines and lines that start
    with ``#`` are skipped; so are table rows without code and title.

    Args:
        path: The file; a suffix other than ``.txt`` is that of a table.
        code_column: Column of the codes, text or whole numbers.
        title_column: Column of the titles.

    Raises:
        InputError: Naming the file and the row of a title without a code; there is no code; or the file
            cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "naics.txt")
        ...     _ = file.write_text("11 Agriculture\n\n111\tCrop Production\n")
        ...     read_code_rows(file)
        CodeRows(codes=['11', '111'], titles=['Agriculture', 'Crop Production'], places=['line 1', 'line 3'])
    """
    rows = _lines(path) if Path(path).suffix.lower() == ".txt" else _table(path, code_column, title_column)
    if not rows.codes:
        raise InputError(str(path), "no code", "at least one code")
    return rows


def _lines(path: str | Path) -> CodeRows:
    rows = CodeRows([], [], [])
    for number, line in numbered_lines(path):
        if line.startswith("#"):
            continue
        code, _, title = line.strip().partition("\t" if "\t" in line.strip() else " ")
        rows.codes.append(code.strip())
        rows.titles.append(title.strip() or code.strip())
        rows.places.append(f"line {number}")
    return rows


def _table(path: str | Path, code_column: str, title_column: str) -> CodeRows:
    table = read_columns(path, [code_column, title_column])
    codes = text_column(table, code_column, str(path)).to_pylist()
    titles = text_column(table, title_column, str(path), numbers=True).to_pylist()
    rows = CodeRows([], [], [])
    for number, (code, title) in enumerate(zip(codes, titles, strict=True), start=1):
        code, title = (code or "").strip(), (title or "").strip()
        if not code and title:
            found = f"the title {title!r} without a code"
            raise InputError(f"{path}: row {number}", found, f"a code in column {code_column!r}")
        if code:
            rows.codes.append(code)
            rows.titles.append(title or code)
            rows.places.append(f"row {number}")
    return rows


def check_missing(missing: str) -> None:
    """Refuse a value of the option ``missing`` that is none of `Missing`."""
    if missing not in get_args(Missing):
        raise InputError("missing", repr(missing), "'error' or 'nearest'")

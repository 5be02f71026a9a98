"""ICD-10 and ICD-10-CM as lists of codes: the order file, or a table with blocks and chapters."""

from __future__ import annotations

import re
from pathlib import Path

from leafcode.errors import InputError
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.readers.code_rows import CodeRows, Missing, check_missing, read_code_rows
from leafcode.taxonomy.readers.nested_ranges import innermost
from leafcode.taxonomy.readers.standard_sections import ICD10_CHAPTERS, Section
from leafcode.taxonomy.readers.text_file import numbered_lines

_ORDER_LINE = re.compile(r"\d{5} ([A-Z][0-9A-Z]{2,6}) +[01] .{60} ?(.*)")
_CODE = re.compile(r"([A-Z][0-9A-Z]{2})(?:\.?([0-9A-Z]{1,4}))?")
_RANGE = re.compile(r"([A-Z][0-9A-Z]{2})\s*[-–]\s*([A-Z][0-9A-Z]{2})")
# Categories that the tabular list of ICD-10-CM has out of alphabetical order, and what they come after:
# C4A is in the block C43-C44, C7A is before C76-C80 and not in it.
_FILED_AFTER = {"C4A": "C43", "C7A": "C75", "C7B": "C75", "D3A": "D36", "M1A": "M10", "Z3A": "Z36"}


def read_icd10(
    path: str | Path,
    sections: bool = False,
    missing: Missing = "error",
    code_column: str = "code",
    title_column: str = "title",
) -> CategoryGraph:
    r"""Read ICD-10 or ICD-10-CM from its order file, from lines ``code title``, or from a table.

    A code lies beneath the longest shorter code that begins it (``W00.0XXA`` beneath ``W00.0``, for the
    placeholder X makes no category), a category of three characters beneath the block right around it
    (``A00-A09``), a block beneath its chapter (``A00-B99``). The order file has no blocks and no chapters;
    `read_claml` reads those of the WHO.

    Args:
        path: The order file or lines ``code title`` (.txt), or a table; codes with or without the dot.
        sections: Add the chapters; for a file that has none.
        missing: What to do with a code whose category is not in the file; see `Missing`.
        code_column: Column of the codes in a table.
        title_column: Column of the titles in a table.

    Returns:
        The categories, whose ids are the codes as the file writes them, in the order of the file. Names from
        the order file are the long descriptions.

    Raises:
        InputError: Naming the file and the row of a code or a range of another form, a code with the dot
            and without it, or a line of an order file that is none; or a file that cannot be read.

    References:
        Centers for Medicare & Medicaid Services, ICD-10-CM order file: columns 1-5 order number, 7-13 code,
        15 whether it is valid for billing, 17-76 short and from 78 long description.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "order.txt")
        ...     _ = file.write_text(
        ...         f"00001 A00     0 {'Cholera':<60} Cholera\n"
        ...         f"00002 A000    1 {'Cholera biovar cholerae':<60} Cholera due to biovar cholerae\n"
        ...     )
        ...     read_icd10(file, sections=True).taxonomy().path(2)[1:]
        ('Cholera', 'Cholera due to biovar cholerae')
    """
    check_missing(missing)
    rows = _order_rows(path) or read_code_rows(path, code_column, title_column)
    stated = set(rows.codes)
    chapters = [chapter for chapter in ICD10_CHAPTERS if sections and chapter.code not in stated]
    parents = _parents(chapters, rows, missing, str(path))
    in_use = set(parents)
    used = [chapter for chapter in chapters if (chapter.code,) in in_use]
    return CategoryGraph(
        ids=(*(chapter.code for chapter in used), *rows.codes),
        parents=(*((),) * len(used), *parents),
        names=(*(chapter.title for chapter in used), *rows.titles),
        source=str(path),
        places=(*(f"chapter {chapter.code} of ICD-10" for chapter in used), *rows.places),
        ordered=True,
    )


def _order_rows(path: str | Path) -> CodeRows | None:
    """Rows of an order file; None if the first line is none of an order file."""
    if Path(path).suffix.lower() != ".txt":
        return None
    rows = CodeRows([], [], [])
    for number, line in numbered_lines(path):
        match = _ORDER_LINE.fullmatch(line.rstrip("\r"))
        if match is None:
            if not rows.codes:
                return None
            expected = "a line of the order file: order number, code, 0 or 1, short and long description"
            raise InputError(f"{path}: line {number}", repr(line.rstrip()), expected)
        rows.codes.append(match[1])
        rows.titles.append(match[2].strip() or match[1])
        rows.places.append(f"line {number}")
    return rows if rows.codes else None


def _parents(chapters: list[Section], rows: CodeRows, missing: Missing, source: str) -> list[tuple[str, ...]]:
    """The parent of every row; chapters are ranges beside those of the file."""
    bare_of: dict[str, str] = {}  # codes without the dot, by the code as written
    written: dict[str, str] = {}  # the other way round
    spans = {chapter.code: (chapter.first, chapter.last) for chapter in chapters}
    for code, place in zip(rows.codes, rows.places, strict=True):
        span, match = _RANGE.fullmatch(code), _CODE.fullmatch(code)
        if span is not None and _position(span[1]) <= _position(span[2]):
            spans[code] = (span[1], span[2])
        elif match is not None:
            bare = bare_of[code] = match[1] + (match[2] or "")
            other = written.setdefault(bare, code)
            if other != code:
                found = f"the code {code!r}, which the file writes as {other!r} too"
                raise InputError(f"{source}: {place}", found, "one way to write a code")
        else:
            raise InputError(f"{source}: {place}", repr(code), "a code such as A00.1, or a range as A00-A09")
    # Those that are not in the file count too: a code of theirs may lie in a block.
    categories = list(dict.fromkeys(bare[:3] for bare in written))
    # Ranges come first: a block may be as wide as the one category that it holds.
    names = [*spans, *categories]
    ends = [*spans.values(), *((category, category) for category in categories)]
    around = innermost([_position(first) for first, _ in ends], [_position(last) for _, last in ends])
    block = {name: names[i] for name, i in zip(names, around, strict=True) if i >= 0}

    def parents(code: str) -> tuple[str, ...]:
        bare = bare_of.get(code)
        if bare is not None and len(bare) > 3:
            found = next((bare[:n] for n in range(len(bare) - 1, 2, -1) if bare[:n] in written), None)
            if found is not None:
                return (written[found],)
            if missing == "error":
                return (bare[:3],)
        above = block.get(code if bare is None else bare[:3])
        return () if above is None else (above,)

    return [parents(code) for code in rows.codes]


def _position(category: str) -> tuple[str, str]:
    """Place of a category of three characters in the tabular list."""
    return _FILED_AFTER.get(category, category), category

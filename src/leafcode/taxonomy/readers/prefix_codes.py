"""Classifications whose hierarchy is in the prefixes of their codes: NAICS, ISIC, HS, UNSPSC and others."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from leafcode.errors import InputError
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.readers.code_rows import CodeRows, Missing, check_missing, read_code_rows
from leafcode.taxonomy.readers.code_schemes import CodeScheme

_RANGE = re.compile(r"(\d+)\s*[-–]\s*(\d+)")


def read_prefix_codes(
    path: str | Path,
    scheme: CodeScheme,
    *,
    sections: bool = False,
    missing: Missing = "error",
    code_column: str = "code",
    title_column: str = "title",
) -> CategoryGraph:
    r"""Read a classification in which the code of a parent is a prefix of its children's.

    A row may stand for a range at the first level: beneath ``31-33`` lie 311 to 339, as in NAICS. Sections,
    which no prefix tells (the letters of ISIC and SIC, the Roman numerals of HS), are used once the file
    holds one of them; a code that no section covers is a root.

    Args:
        path: Lines ``code title`` (.txt) or a table.
        scheme: How the codes are made, such as `NAICS`.
        sections: Add the sections that the file leaves out and its codes lie in.
        missing: What to do with a code whose parent is not in the file; see `Missing`.
        code_column: Column of the codes in a table.
        title_column: Column of the titles in a table.

    Returns:
        The categories, whose ids are the codes as the file writes them, in the order of the file.

    Raises:
        InputError: Naming the file and the row: a code with a length of no level or with signs other than
            letters and digits, a range that is none, a code that two rows write differently. Also sections
            that the scheme lacks, or a file that cannot be read.

    References:
        NAICS: Executive Office of the President, North American Industry Classification System, 2022.

    Example:
        >>> import tempfile
        >>> from leafcode.taxonomy.readers.code_schemes import NAICS
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "naics.txt")
        ...     _ = file.write_text("31-33 Manufacturing\n311 Food Manufacturing\n3111 Animal Food\n")
        ...     read_prefix_codes(file, NAICS).taxonomy().path(2)
        ('Manufacturing', 'Food Manufacturing', 'Animal Food')
    """
    check_missing(missing)
    if sections and not scheme.sections:
        raise InputError(f"{path}: sections", "True", f"False, for {scheme.name} has none")
    rows = read_code_rows(path, code_column, title_column)
    stated = set(rows.codes)
    left_out = [section for section in scheme.sections if sections and section.code not in stated]
    known = _Known(rows, scheme, str(path), {section.code for section in left_out})
    parents = [known.parents(code, missing) for code in rows.codes]
    in_use = set(parents)
    added = [section for section in left_out if (section.code,) in in_use]
    return CategoryGraph(
        ids=(*(section.code for section in added), *rows.codes),
        parents=(*((),) * len(added), *parents),
        names=(*(section.title for section in added), *rows.titles),
        source=str(path),
        places=(*(f"section {section.code} of {scheme.name}" for section in added), *rows.places),
        ordered=True,
    )


def scheme_reader(scheme: CodeScheme) -> Callable[..., CategoryGraph]:
    """`read_prefix_codes` for one scheme, for the table of formats."""

    def read(
        path: str | Path,
        missing: Missing = "error",
        code_column: str = "code",
        title_column: str = "title",
    ) -> CategoryGraph:
        return read_prefix_codes(
            path, scheme, missing=missing, code_column=code_column, title_column=title_column
        )

    def read_with_sections(
        path: str | Path,
        sections: bool = False,
        missing: Missing = "error",
        code_column: str = "code",
        title_column: str = "title",
    ) -> CategoryGraph:
        return read_prefix_codes(
            path,
            scheme,
            sections=sections,
            missing=missing,
            code_column=code_column,
            title_column=title_column,
        )

    return read_with_sections if scheme.sections else read


def read_codes(
    path: str | Path,
    lengths: tuple[int, ...] = (),
    padding: str = "",
    missing: Missing = "error",
    code_column: str = "code",
    title_column: str = "title",
) -> CategoryGraph:
    """`read_prefix_codes` for codes of one's own.

    Args:
        path: Lines ``code title`` (.txt) or a table.
        lengths: Characters of a code at each level, such as ``(2, 4, 6)``.
        padding: Sign that fills the codes of upper levels up to the full length; empty if they are shorter.
        missing: What to do with a code whose parent is not in the file; see `Missing`.
        code_column: Column of the codes in a table.
        title_column: Column of the titles in a table.

    Raises:
        InputError: No lengths, or such that do not ascend; and see `read_prefix_codes`.
    """
    width = max(lengths, default=0) if padding else 0
    scheme = CodeScheme("codes", "codes of one's own", tuple(lengths), padding, width)
    return read_prefix_codes(
        path, scheme, missing=missing, code_column=code_column, title_column=title_column
    )


class _Known:
    """The codes of a file, by what the scheme makes of them."""

    def __init__(self, rows: CodeRows, scheme: CodeScheme, source: str, sections: set[str]) -> None:
        self._scheme = scheme
        section_codes = {each.code for each in scheme.sections}
        self._sections = sections | section_codes.intersection(rows.codes)
        self._bare: dict[str, str] = {}  # by the code as written; no range, no section
        self._written: dict[str, str] = {}  # by the bare code
        self._range_of: dict[str, str] = {}  # by the code at the first level
        first: dict[str, str] = {}  # place by the bare code
        for code, place in zip(rows.codes, rows.places, strict=True):
            where = f"{source}: {place}"
            if code in section_codes:
                continue
            match = _RANGE.fullmatch(code)
            if match is not None:
                self._range_of |= dict.fromkeys(self._span(match, code, where), code)
                continue
            bare = self._bare[code] = scheme.bare(code, where)
            other = self._written.setdefault(bare, code)
            if other != code:
                found = f"the code {code!r}, which {first[bare]} writes as {other!r}"
                raise InputError(where, found, "one way to write a code")
            first.setdefault(bare, place)

    def parents(self, code: str, missing: Missing) -> tuple[str, ...]:
        """The parent of a code of the file, or nothing for a root."""
        bare = self._bare.get(code)
        if bare is None:  # a section, or a range, which may lie in a section
            match = _RANGE.fullmatch(code)
            return () if match is None else self._section(match[1], missing)
        above = list(self._scheme.above(bare))
        span = self._range_of.get(self._scheme.first_level(bare))
        for prefix in above:
            if prefix in self._written:
                return (self._written[prefix],)
            stands_in = prefix == above[-1] and span is not None
            if missing == "error" and not stands_in:
                return (self._scheme.cut(code, prefix),)
        return (span,) if span is not None else self._section(bare, missing)

    def _section(self, bare: str, missing: Missing) -> tuple[str, ...]:
        section = self._scheme.section_of(bare) if self._sections else None
        if section is None or (missing == "nearest" and section.code not in self._sections):
            return ()
        return (section.code,)

    def _span(self, match: re.Match[str], code: str, where: str) -> list[str]:
        first, last = match.groups()
        width = self._scheme.lengths[0]
        if not (len(first) == len(last) == width and first < last):
            expected = f"a range of codes of {width} digits, such as 31-33"
            raise InputError(where, f"the range {code!r}", expected)
        return [str(number).zfill(width) for number in range(int(first), int(last) + 1)]

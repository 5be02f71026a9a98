"""The Library of Congress Classification: letters, and ranges of numbers within them."""

from __future__ import annotations

import re
from pathlib import Path

from leafcode.errors import InputError
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.readers.code_rows import Missing, check_missing, read_code_rows
from leafcode.taxonomy.readers.nested_ranges import innermost
from leafcode.taxonomy.readers.standard_sections import LCC_CLASSES

_CALL_NUMBER = re.compile(
    r"(?P<letters>[A-Z]{1,3})"
    r"(?:\s*(?P<first>\d+(?:\.\d+)?)"
    r"(?:\s*[-–]\s*(?P<again>[A-Z]{1,3})?(?P<last>\d+(?:\.\d+)?)|\s*(?P<cutter>\.[A-Z]\d+))?)?"
)
_PAST_CUTTERS = "~"  # sorts after every Cutter number: a range ends with all that its last number holds


def read_lcc(
    path: str | Path,
    sections: bool = False,
    missing: Missing = "error",
    code_column: str = "code",
    title_column: str = "title",
) -> CategoryGraph:
    r"""Read rows of the Library of Congress Classification, such as its outline.

    ``QA`` lies beneath ``Q``; so does every subclass lie right beneath its class, for a third letter is no
    further level (``DAW`` is not beneath ``DA``). A range, a number or a number with a Cutter (``QA76.73``,
    ``QA76.73.P98``) lies beneath the range right around it in its subclass, else beneath the subclass. Of
    ranges that overlap, the one that starts last counts. Tables, which call numbers can be extended by, and
    ranges of letters are not read.

    Args:
        path: Lines ``code title`` (.txt) or a table.
        sections: Add the classes (``Q``) that the file leaves out and its codes lie in.
        missing: What to do with a code whose subclass or class is not in the file; see `Missing`.
        code_column: Column of the codes in a table.
        title_column: Column of the titles in a table.

    Returns:
        The categories, whose ids are the codes as the file writes them, in the order of the file.

    Raises:
        InputError: Naming the file and the row of a code of another form, or a range that ends before it
            starts or in another subclass; or a file that cannot be read.

    References:
        Library of Congress Classification Outline: https://www.loc.gov/catdir/cpso/lcco/

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "lcc.txt")
        ...     _ = file.write_text("Q Science\nQA Mathematics\nQA71-90 Machines\nQA76 Computers\n")
        ...     read_lcc(file).taxonomy().path(3)
        ('Science', 'Mathematics', 'Machines', 'Computers')
    """
    check_missing(missing)
    rows = read_code_rows(path, code_column, title_column)
    spans: dict[str, list[tuple[str, tuple[float, str], tuple[float, str]]]] = {}
    letters_of: dict[str, str] = {}
    for code, place in zip(rows.codes, rows.places, strict=True):
        match = _CALL_NUMBER.fullmatch(code)
        if match is None or match["again"] not in (None, match["letters"]):
            expected = "letters, a number or a range of numbers, such as QA, QA76 or QA75.5-76.95"
            raise InputError(f"{path}: {place}", repr(code), expected)
        if code in letters_of:
            continue
        letters_of[code] = match["letters"]
        if match["first"] is not None:
            first, last = float(match["first"]), float(match["last"] or match["first"])
            if last < first:
                raise InputError(
                    f"{path}: {place}", f"the range {code!r}", "a range that ends after its start"
                )
            cutter = match["cutter"]
            span = (first, cutter or ""), (last, cutter or _PAST_CUTTERS)
            spans.setdefault(match["letters"], []).append((code, *span))

    around: dict[str, str] = {}
    for within in spans.values():
        inside = innermost([start for _, start, _ in within], [end for _, _, end in within])
        around |= {code: within[i][0] for (code, _, _), i in zip(within, inside, strict=True) if i >= 0}
    left_out = [letter for letter in LCC_CLASSES if sections and letter not in letters_of]
    stated = {*letters_of, *left_out}

    def parents_of(code: str) -> tuple[str, ...]:
        letters = letters_of[code]
        if code in around:
            return (around[code],)
        above = [each for each in dict.fromkeys((letters, letters[0])) if each != code]
        if missing == "nearest":
            above = [each for each in above if each in stated]
        return tuple(above[:1])

    parents = [parents_of(code) for code in rows.codes]
    in_use = set(parents)
    added = [letter for letter in left_out if (letter,) in in_use]
    return CategoryGraph(
        ids=(*added, *rows.codes),
        parents=(*((),) * len(added), *parents),
        names=(*(LCC_CLASSES[letter] for letter in added), *rows.titles),
        source=str(path),
        places=(*(f"class {letter} of LCC" for letter in added), *rows.places),
        ordered=True,
    )

"""How published classifications write their hierarchy into their codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from leafcode.errors import InputError
from leafcode.taxonomy.readers.standard_sections import (
    HS_SECTIONS,
    ISIC4_SECTIONS,
    ISIC5_SECTIONS,
    SIC_DIVISIONS,
    Section,
)


@dataclass(frozen=True)
class CodeScheme:
    """A hierarchy by prefixes of codes.

    Args:
        name: Short name of the classification, also that of its format.
        title: Its full name.
        lengths: Characters of a code at each level, ascending.
        padding: Sign that fills the codes of upper levels up to `width`; empty if they are simply shorter.
        width: Characters that every padded code has at least.
        ignored: Signs within codes that do not count, such as the dots of ``01.11``.
        sections: Groups above the first level, which no prefix tells.

    Raises:
        InputError: Lengths that do not ascend from 1 or more, or padding that is not a single sign.

    Example:
        >>> list(NAICS.above("111110"))
        ['11111', '1111', '111', '11']
        >>> list(UNSPSC.above("43211500"))
        ['43210000', '43000000']
        >>> NACE2.bare("01.11", "line 4"), NACE2.cut("01.11", "011")
        ('0111', '01.1')
    """

    name: str
    title: str
    lengths: tuple[int, ...]
    padding: str = ""
    width: int = 0
    ignored: str = ""
    sections: tuple[Section, ...] = ()

    def __post_init__(self) -> None:
        ascending = all(a < b for a, b in zip((0, *self.lengths), self.lengths, strict=False))
        if not self.lengths or not ascending:
            raise InputError("lengths", str(self.lengths), "ascending numbers of characters, such as 2,4,6")
        if len(self.padding) > 1:
            raise InputError("padding", repr(self.padding), "one sign, such as '0', or nothing")

    def bare(self, code: str, where: str) -> str:
        """The code without signs that do not count.

        Raises:
            InputError: The code is not of this scheme; `where` is the place that it names.
        """
        bare = code.translate({ord(sign): None for sign in self.ignored})
        if not (bare.isascii() and bare.isalnum()):
            raise InputError(where, f"the code {code!r}", f"letters and digits, for a code of {self.name}")
        allowed = [length for length in self.lengths if length >= self.width]
        if len(bare) not in allowed:
            shown = ", ".join(map(str, allowed[:5])) + (" or more" if len(allowed) > 5 else "")
            lost = bare.isdigit() and len(bare) + 1 in allowed
            hint = "Did a leading zero get lost, for example in a spreadsheet?" if lost else None
            found = f"the code {code!r} of {len(bare)} characters"
            raise InputError(where, found, f"{shown} characters, for a code of {self.name}", hint)
        return bare

    def above(self, bare: str) -> Iterator[str]:
        """Bare codes of all levels above a bare code, the nearest first."""
        before = bare
        for length in reversed(self.lengths):
            if length < len(bare):
                prefix = bare[:length]
                prefix = prefix.ljust(self.width, self.padding) if self.padding else prefix
                if prefix != before:
                    yield prefix
                before = prefix

    def cut(self, code: str, prefix: str) -> str:
        """How a bare code above a code would be written: as far as it goes, in the code's own writing."""
        if len(prefix) <= self.width:
            return prefix
        signs = 0
        for end, sign in enumerate(code, start=1):
            signs += sign not in self.ignored
            if signs == len(prefix):
                return code[:end]
        return prefix

    def first_level(self, bare: str) -> str:
        """The first characters of a bare code, by which sections and ranges are stated."""
        return bare[: self.lengths[0]]

    def section_of(self, bare: str) -> Section | None:
        """The section that a code lies in, if any."""
        top = self.first_level(bare)
        return next((section for section in self.sections if section.first <= top <= section.last), None)


NAICS = CodeScheme("naics", "North American Industry Classification System", (2, 3, 4, 5, 6))
SIC = CodeScheme("sic", "Standard Industrial Classification, US 1987", (2, 3, 4), sections=SIC_DIVISIONS)
ISIC4 = CodeScheme("isic4", "ISIC Rev. 4, economic activities", (2, 3, 4), sections=ISIC4_SECTIONS)
ISIC5 = CodeScheme("isic5", "ISIC Rev. 5, economic activities", (2, 3, 4), sections=ISIC5_SECTIONS)
# NACE has the sections and divisions of ISIC: Rev. 2 those of Rev. 4, Rev. 2.1 those of Rev. 5.
NACE2 = CodeScheme(
    "nace2", "NACE Rev. 2, economic activities", (2, 3, 4), ignored=".", sections=ISIC4_SECTIONS
)
NACE21 = CodeScheme(
    "nace2.1", "NACE Rev. 2.1, economic activities", (2, 3, 4), ignored=".", sections=ISIC5_SECTIONS
)
GICS = CodeScheme("gics", "Global Industry Classification Standard", (2, 4, 6, 8))
HS = CodeScheme("hs", "Harmonized System, goods in trade", (2, 4, 6), ignored=".", sections=HS_SECTIONS)
UNSPSC = CodeScheme("unspsc", "UNSPSC, products and services", (2, 4, 6, 8), padding="0", width=8)
# Three digits, then after the point a level for each; no printed number comes near 30 digits.
DEWEY = CodeScheme(
    "dewey", "Dewey Decimal Classification", tuple(range(1, 31)), padding="0", width=3, ignored="."
)

SCHEMES = {
    scheme.name: scheme for scheme in (NAICS, SIC, ISIC4, ISIC5, NACE2, NACE21, GICS, HS, UNSPSC, DEWEY)
}
"""The schemes of published classifications by name."""

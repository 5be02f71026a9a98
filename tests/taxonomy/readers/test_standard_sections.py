from itertools import pairwise

import pytest

from leafcode.taxonomy.readers.standard_sections import (
    HS_SECTIONS,
    ICD10_CHAPTERS,
    ISIC4_SECTIONS,
    ISIC5_SECTIONS,
    LCC_CLASSES,
    MESH_CATEGORIES,
    SIC_DIVISIONS,
)


def divisions(sections):
    return {str(n).zfill(2) for each in sections for n in range(int(each.first), int(each.last) + 1)}


@pytest.mark.parametrize(
    ("sections", "count", "codes"),
    [(ISIC4_SECTIONS, 21, 88), (ISIC5_SECTIONS, 22, 87), (SIC_DIVISIONS, 11, None), (HS_SECTIONS, 21, 97)],
)
def test_sections_follow_one_another(sections, count, codes):
    """The numbers of sections and divisions are those that the standards state."""
    assert len({section.code for section in sections}) == len(sections) == count
    ends = [text for section in sections for text in (section.first, section.last)]
    assert ends == sorted(ends)
    assert all(a.last < b.first for a, b in pairwise(sections))
    if codes is not None:
        assert len(divisions(sections)) == codes


def test_isic_5_moved_what_comes_after_information():
    letters = {section.code: (section.first, section.title) for section in ISIC5_SECTIONS}
    assert letters["C"][0] == "10"
    assert letters["K"][0] == "61"
    assert letters["L"] == ("64", "Financial and insurance activities")
    assert letters["V"][0] == "99"


def test_icd_has_22_chapters_side_by_side():
    assert len(ICD10_CHAPTERS) == 22
    assert all(a.last < b.first for a, b in pairwise(ICD10_CHAPTERS))


def test_letters():
    assert "".join(LCC_CLASSES) == "ABCDEFGHJKLMNPQRSTUVZ"
    assert "".join(MESH_CATEGORIES) == "ABCDEFGHIJKLMNVZ"

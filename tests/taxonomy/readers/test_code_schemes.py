import pytest

from leafcode.errors import InputError
from leafcode.taxonomy.readers.code_schemes import (
    DEWEY,
    HS,
    ISIC4,
    ISIC5,
    NACE2,
    NAICS,
    UNSPSC,
    CodeScheme,
)


@pytest.mark.parametrize(
    ("scheme", "code", "above"),
    [
        (NAICS, "311111", ["31111", "3111", "311", "31"]),
        (NACE2, "01.11", ["011", "01"]),
        (HS, "0901.11", ["0901", "09"]),
        (UNSPSC, "43211503", ["43211500", "43210000", "43000000"]),
        (UNSPSC, "43210000", ["43000000"]),
        (UNSPSC, "43000000", []),
        (UNSPSC, "43210015", ["43210000", "43000000"]),  # the class 00 is the family
        (DEWEY, "516.35", ["5163", "516", "510", "500"]),
        (DEWEY, "510", ["500"]),
        (DEWEY, "005", ["000"]),
        (DEWEY, "000", []),
    ],
)
def test_codes_above(scheme, code, above):
    assert list(scheme.above(scheme.bare(code, "here"))) == above


def test_what_is_above_is_written_like_the_code():
    assert [DEWEY.cut("516.35", bare) for bare in DEWEY.above("51635")] == ["516.3", "516", "510", "500"]
    assert [NACE2.cut("01.11", bare) for bare in NACE2.above("0111")] == ["01.1", "01"]


def test_sections():
    assert ISIC4.section_of("6201").code == "J"
    assert ISIC5.section_of("6201").code == "K"
    assert HS.section_of("9903") is None


@pytest.mark.parametrize(
    ("scheme", "code", "message"),
    [
        (HS, "901", r"row 3: found the code '901' of 3 characters; expected 2, 4, 6 .*leading zero"),
        (UNSPSC, "4321", "expected 8 characters, for a code of unspsc"),
        (DEWEY, "51", "expected 3, 4, 5, 6, 7 or more"),
        (NAICS, "11 1", "expected letters and digits"),
        (NAICS, "", "expected letters and digits"),
    ],
)
def test_codes_of_another_form_are_refused(scheme, code, message):
    with pytest.raises(InputError, match=message):
        scheme.bare(code, "row 3")


@pytest.mark.parametrize("lengths", [(), (2, 2), (4, 2), (0, 1)])
def test_lengths_ascend(lengths):
    with pytest.raises(InputError, match="ascending"):
        CodeScheme("mine", "", lengths)


def test_padding_is_one_sign():
    with pytest.raises(InputError, match="padding"):
        CodeScheme("mine", "", (2, 4), padding="00", width=4)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from leafcode.codes import parse_semantic_id, semantic_id_text
from leafcode.errors import InputError


@given(
    hnp.arrays(np.int64, st.tuples(st.integers(0, 5), st.integers(2, 6)), elements=st.integers(0, 2**31 - 1))
)
def test_text_reads_back(numbers):
    texts = semantic_id_text(numbers[:, :-1], numbers[:, -1])
    assert texts == ["_".join(map(str, row)) for row in numbers.tolist()]
    parsed = [parse_semantic_id(text, levels=numbers.shape[1] - 1) for text in texts]
    assert [[*one.codes, one.suffix] for one in parsed] == numbers.tolist()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1_2_3",
        "1_2_3_4_5",
        "1_2_3_",
        "1_2_-3_4",
        "1_2_x_4",
        "1_02_3_4",
        "1_2_3_٤",
        "1_2_3_4\n",
        " 1_2_3_4",
    ],
)
def test_other_texts_are_refused(text):
    with pytest.raises(
        InputError, match=r"--id: found .*; expected 3 codes and a suffix, such as '35_7_120_18'"
    ):
        parse_semantic_id(text, levels=3, where="--id")


def test_numbers_beyond_int32_are_refused():
    assert parse_semantic_id("2147483647_0", levels=1).codes == (2**31 - 1,)
    with pytest.raises(InputError, match="2147483648_0"):
        parse_semantic_id("2147483648_0", levels=1)


def test_a_suffix_for_every_item():
    with pytest.raises(InputError, match="suffix: found 1 rows; expected 2"):
        semantic_id_text([[1], [2]], [0])

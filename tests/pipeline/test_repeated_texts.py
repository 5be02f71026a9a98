import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from leafcode.pipeline.repeated_texts import RepeatedTexts, first_known

texts = st.none() | st.sampled_from("abcd")


@given(st.lists(st.tuples(st.lists(texts), st.booleans()), max_size=4))
def test_parts_are_put_end_to_end(parts):
    column = RepeatedTexts()
    for values, coded in parts:
        array = pa.array(values, pa.large_string())
        column.add(array.dictionary_encode() if coded else array)
    found = column.array()
    assert found.to_pylist() == [value for values, _ in parts for value in values]
    assert len(found.dictionary.unique()) == len(found.dictionary)


@given(st.lists(st.tuples(texts, texts)), st.booleans())
def test_the_first_that_is_known(pairs, coded):
    first, second = (pa.array([pair[side] for pair in pairs], pa.string()) for side in (0, 1))
    if coded:
        first, second = first.dictionary_encode(), second.dictionary_encode()
    expected = [one if one is not None else other for one, other in pairs]
    assert first_known(first, second).to_pylist() == expected

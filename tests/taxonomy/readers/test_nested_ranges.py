from hypothesis import given
from hypothesis import strategies as st

from leafcode.taxonomy.readers.nested_ranges import innermost

RANGES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).map(sorted), max_size=12)


@given(RANGES)
def test_agrees_with_the_definition(ranges):
    found = innermost([(start,) for start, _ in ranges], [(end,) for _, end in ranges])
    for i, (start, end) in enumerate(ranges):
        around = [
            (s, -e, j)
            for j, (s, e) in enumerate(ranges)
            if s <= start and end <= e and ((s, e) != (start, end) or j < i)
        ]
        # The one that starts last; then the one that ends first; of equal ones the last in order.
        assert found[i] == (max(around)[2] if around else -1)

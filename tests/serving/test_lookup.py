import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from leafcode.errors import InputError
from leafcode.serving import CodeIndex

BOOKS = np.eye(2), np.ones((3, 2))
INDEX = CodeIndex([[0, 1], [0, 2]], BOOKS, ["a", "b"])


@st.composite
def indexes(draw):
    n = draw(st.integers(1, 20))
    codes = draw(hnp.arrays(np.int64, (n, 2), elements=st.integers(0, 2)))
    # Small integers give many equal cosines, and vectors of zeros.
    books = draw(hnp.arrays(np.float32, (2, 3, 2), elements=st.integers(-1, 2).map(float)))
    return codes, books


@given(indexes(), st.integers(1, 25), st.booleans(), st.data())
def test_neighbors_against_brute_force(index, k, leave_out, data):
    codes, books = index
    vectors = books[0][codes[:, 0]] + books[1][codes[:, 1]]
    code = data.draw(hnp.arrays(np.int64, 2, elements=st.integers(0, 3)))
    vector = data.draw(hnp.arrays(np.float64, 2, elements=st.integers(-1, 2).map(float)))
    exclude = data.draw(st.integers(0, len(codes) - 1)) if leave_out else None

    ranked = []
    for i, (other, quantized) in enumerate(zip(codes.tolist(), vectors.astype(float), strict=True)):
        shared = next((level for level in range(2) if other[level] != code[level]), 2)
        lengths = np.linalg.norm(quantized) * np.linalg.norm(vector)
        cosine = float(quantized @ vector) / lengths if lengths else 0.0
        if i != exclude:
            ranked.append((-shared, -round(cosine, 9), i))
    expected = sorted(ranked)[:k]

    found = CodeIndex(codes, books, [str(i) for i in range(len(codes))]).neighbors(
        code, vector, k, exclude=exclude
    )
    assert found.positions.tolist() == [i for _, _, i in expected]
    assert found.shared_prefix.tolist() == [-shared for shared, _, _ in expected]
    np.testing.assert_allclose(found.cosines, [-cosine for _, cosine, _ in expected], atol=1e-8)


def test_find():
    assert INDEX.find("b") == 1
    assert len(INDEX) == 2
    with pytest.raises(InputError, match="id: found 'c'; expected the id of one of the 2 items"):
        INDEX.find("c")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0, 1]], BOOKS, ["a", "b"]), "codes: found 1 rows; expected 2"),
        (([[0]], BOOKS, ["a"]), "codes: found 1 levels; expected 2 levels"),
        (([[0, 3]], BOOKS, ["a"]), r"codebooks\[1\]: found 3 codewords; expected one for the code 3"),
        (
            ([[0, 1]], (np.eye(2), np.ones((3, 1))), ["a"]),
            r"codebooks\[1\]: found an array of shape \(3, 1\)",
        ),
        (([[0]], [np.array([[np.nan]])], ["a"]), "not all finite"),
    ],
)
def test_an_index_of_what_does_not_fit(arguments, message):
    with pytest.raises(InputError, match=message):
        CodeIndex(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0], [0.0, 1.0], 1), "code: found 1 levels; expected 2 levels"),
        (([0, 1], [1.0], 1), r"quantized: found an array of shape \(1,\)"),
        (([0, 1], [np.inf, 1.0], 1), "expected finite floats"),
        (([0, 1], [0.0, 1.0], 0), "k: found 0; expected at least 1"),
    ],
)
def test_queries_of_what_does_not_fit(arguments, message):
    with pytest.raises(InputError, match=message):
        INDEX.neighbors(*arguments)

import pyarrow as pa
import pytest

from leafcode.catalog.listed_texts import listed_texts
from leafcode.errors import InputError


def column(values, kind=None):
    return pa.table({"path": pa.array(values, kind)})


@pytest.mark.parametrize(
    ("values", "kind", "separator", "expected"),
    [
        (["A", None], None, None, ["A", None]),
        (["A|B", None, "C"], None, "|", [["A", "B"], None, ["C"]]),
        (["A; B"], pa.large_string(), "; ", [["A", "B"]]),
        (["A|B"], pa.dictionary(pa.int32(), pa.string()), "|", [["A", "B"]]),
        ([["A", "B"], None, []], pa.list_(pa.string()), None, [["A", "B"], None, []]),
        ([["A", None]], pa.large_list(pa.large_string()), None, [["A", None]]),
        ([["A"], ["B"]], pa.list_(pa.dictionary(pa.int8(), pa.string())), None, [["A"], ["B"]]),
        ([[7, 8]], pa.list_(pa.int64()), None, [["7", "8"]]),
        ([7], pa.int64(), None, ["7"]),
        ([[], None], pa.list_(pa.null()), None, [[], None]),
    ],
)
def test_one_text_or_several(values, kind, separator, expected):
    assert listed_texts(column(values, kind), "path", "items", separator) == expected


@pytest.mark.parametrize(
    ("values", "separator", "named"),
    [
        ([[1.5]], None, r"items: column 'path': found values of type double; expected text or whole numbers"),
        ([1.5], "|", "items: column 'path': found values of type double"),
        ([{"a": "A"}], None, "items: column 'path': found values of type struct"),
        ([["A"]], "|", r"items: column 'path': found lists, and '\|' between the paths of an item"),
        (["A"], "", "separator of paths: found an empty text"),
    ],
)
def test_what_cannot_be_listed(values, separator, named):
    with pytest.raises(InputError, match=named):
        listed_texts(column(values), "path", "items", separator)

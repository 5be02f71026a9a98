import pytest

from leafcode.errors import InputError
from leafcode.taxonomy.readers.options import check_options, parse_options, reader_options


def reader(
    path: str,
    name: str | None = None,
    lengths: tuple[int, ...] | None = None,
    columns: tuple[str, ...] = (),
    depth: int = 3,
    header: bool = True,
) -> None:
    """A reader with an option of every type."""


def test_values_have_the_type_of_the_option():
    words = ["name=a=b", "lengths=2, 4,6", "columns=a,b", "depth=7", "header=no"]
    assert parse_options(reader, words, "options") == {
        "name": "a=b",
        "lengths": (2, 4, 6),
        "columns": ("a", "b"),
        "depth": 7,
        "header": False,
    }
    assert parse_options(reader, [], "options") == {}
    assert reader_options(reader) == ("name", "lengths", "columns", "depth", "header")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["name"], r"options: found 'name'; expected an option such as name=value"),
        (["nane=a"], r"options: found the option 'nane'; expected one of name, lengths"),
        (["name=a", "name=b"], r"options: found name twice"),
        (["depth=x"], r"options: depth: found 'x'; expected a whole number"),
        (["lengths=2,x"], r"options: lengths: found 'x'"),
        (["header=2"], r"options: header: found '2'; expected yes or no"),
    ],
)
def test_wrong_words(words, message):
    with pytest.raises(InputError, match=message):
        parse_options(reader, words, "options")


def test_a_reader_without_options():
    with pytest.raises(InputError, match="expected no option"):
        check_options(lambda path: path, ["name"], "options")

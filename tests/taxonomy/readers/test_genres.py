import pytest

from leafcode.errors import InputError
from leafcode.taxonomy.readers import read_taxonomy

PATHS = """FICTION / General
FICTION / Fantasy / General
FICTION / Fantasy / Epic
POETRY
"""
INDENTED = """FICTION
\tGeneral
\tFantasy
\t\tGeneral
\t\tEpic
POETRY
"""


def write(folder, text):
    (folder / "genres.txt").write_text(text, encoding="utf-8")
    return folder / "genres.txt"


def test_paths_and_indentation_say_the_same(tmp_path):
    paths = read_taxonomy(write(tmp_path, PATHS), "genres")
    assert paths.ids == (
        "FICTION",
        "FICTION / General",
        "FICTION / Fantasy",
        "FICTION / Fantasy / General",
        "FICTION / Fantasy / Epic",
        "POETRY",
    )
    for text in (INDENTED, INDENTED.replace("\t", "  "), INDENTED.replace("\n", "\r\n") + "\n# end\n"):
        indented = read_taxonomy(write(tmp_path, text), "genres")
        assert (indented.ids, indented.parents, indented.names) == (paths.ids, paths.parents, paths.names)
    tree = paths.taxonomy()
    assert tree.keys == paths.ids
    assert tree.path(4) == ("FICTION", "Fantasy", "Epic")


def test_codes_are_ids(tmp_path):
    text = "FIC009000\tFICTION / Fantasy\nFIC009020\tFICTION / Fantasy / Epic\n"
    graph = read_taxonomy(write(tmp_path, text), "genres")
    assert graph.ids == ("FICTION", "FIC009000", "FIC009020")
    assert graph.parents == ((), ("FICTION",), ("FIC009000",))


def test_a_code_may_come_after_what_lies_beneath_it(tmp_path):
    text = "FIC009020\tFICTION / Fantasy / Epic\nFIC009000\tFICTION / Fantasy\n"
    graph = read_taxonomy(write(tmp_path, text), "genres")
    assert graph.taxonomy().keys == ("FICTION", "FIC009000", "FIC009020")


def test_a_code_of_two_genres_is_left_for_the_check(tmp_path):
    graph = read_taxonomy(write(tmp_path, "X1\tA\nX1\tB\n"), "genres")
    with pytest.raises(InputError, match="line 2: found the id 'X1' again"):
        graph.taxonomy()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A / B\nA /  / C\n", r"genres.txt: line 2: found 'A /  / C'; expected names"),
        ("A / B\nC\nA / B\n", r"genres.txt: line 3: found the genre 'A / B' of line 1 again"),
        ("A\n    B\n  C\n", r"genres.txt: line 3: found the indentation of '  C'"),
        ("A\n\tB\n        C\n", r"genres.txt: line 3: found the indentation"),
        ("  A\nB\n", r"genres.txt: line 2: found the indentation"),
        ("# none\n", "found no category"),
    ],
)
def test_errors_name_the_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_taxonomy(write(tmp_path, text), "genres")


def test_another_separator(tmp_path):
    file = write(tmp_path, "Rock::Punk\nRock::Metal\n")
    assert read_taxonomy(file, "genres", separator="::").ids == ("Rock", "Rock::Punk", "Rock::Metal")
    with pytest.raises(InputError, match="separator"):
        read_taxonomy(file, "genres", separator=" ")

import random

import pytest

from leafcode.errors import InputError
from leafcode.taxonomy import read_path_list

LINES = [
    "# Product_Taxonomy_Version: 2021-09-21",
    "1 - Animals & Pet Supplies",
    "3237 - Animals & Pet Supplies > Live Animals",
    "",
    "2 - Animals & Pet Supplies > Pet Supplies",
    "3 - Animals & Pet Supplies > Pet Supplies > Bird - Supplies",
    "166 - Apparel",
]


def write(folder, lines, **options):
    file = folder / "taxonomy.txt"
    file.write_text("\n".join(lines), **{"encoding": "utf-8"} | options)
    return file


def test_reads_ids_and_paths(tmp_path):
    tree = read_path_list(write(tmp_path, LINES))
    assert tree.keys == ("1", "3237", "2", "3", "166")
    assert tree.parents.tolist() == [-1, 0, 0, 2, -1]
    assert tree.path(tree.find("3")) == ("Animals & Pet Supplies", "Pet Supplies", "Bird - Supplies")


def test_line_order_line_ends_and_byte_order_mark_do_not_matter(tmp_path):
    tree = read_path_list(write(tmp_path, LINES))
    shuffled = LINES[1:]
    random.Random(3).shuffle(shuffled)
    assert read_path_list(write(tmp_path, [*LINES[:1], *shuffled])) == tree
    assert read_path_list(write(tmp_path, LINES, encoding="utf-8-sig", newline="\r\n")) == tree


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([*LINES, "just a name"], r"taxonomy.txt: row 8: found 'just a name'; expected a line 'id - A > B'"),
        ([*LINES, " - Name"], r"row 8: found"),
        ([*LINES, "7 - "], r"row 8: found"),
        ([*LINES, "166 - Apparel > Shoes"], r"row 8: found the id '166' of row 7 again"),
        ([*LINES, "9 - Apparel"], r"row 8: found the path 'Apparel' of row 7 again"),
        ([*LINES, "9 - Home > Beds"], r"no line for 'Home', which row 8 lies below"),
        ([*LINES, "9 - Home >  > Beds"], r"row 8: found an empty segment"),
        (["# nothing"], r"taxonomy.txt: found no category path"),
    ],
)
def test_errors_name_the_line(tmp_path, lines, message):
    with pytest.raises(InputError, match=message):
        read_path_list(write(tmp_path, lines))


def test_unreadable_files(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.txt: found a file that cannot be read"):
        read_path_list(tmp_path / "nowhere.txt")
    with pytest.raises(InputError, match="cannot be read"):
        read_path_list(tmp_path)
    (tmp_path / "latin.txt").write_bytes("1 - Café".encode("latin-1"))
    with pytest.raises(InputError, match="expected a UTF-8 text file"):
        read_path_list(tmp_path / "latin.txt")

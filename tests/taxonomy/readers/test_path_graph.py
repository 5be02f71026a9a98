import random

import pytest

from leafcode.errors import InputError
from leafcode.taxonomy import read_path_list
from leafcode.taxonomy.readers.path_graph import read_path_graph

# Google's product taxonomy.
LINES = [
    "# Google_Product_Taxonomy_Version: 2021-09-21",
    "1 - Animals & Pet Supplies",
    "3237 - Animals & Pet Supplies > Live Animals",
    "2 - Animals & Pet Supplies > Pet Supplies",
    "",
    "166 - Apparel & Accessories",
]


def write(folder, lines):
    file = folder / "taxonomy.txt"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def test_the_tree_is_that_of_the_list_whatever_the_order_of_the_lines(tmp_path):
    tree = read_path_list(write(tmp_path, LINES))
    graph = read_path_graph(write(tmp_path, LINES))
    assert graph.taxonomy() == tree
    assert graph.places == ("line 2", "line 3", "line 4", "line 6")
    shuffled = LINES[1:]
    random.Random(1).shuffle(shuffled)
    assert read_path_graph(write(tmp_path, shuffled)).taxonomy() == tree


def test_faults_are_kept_until_a_tree_is_asked_for(tmp_path):
    lines = [
        *LINES,
        "5 - Toys > Games > Chess",
        "166 - Apparel & Accessories > Shoes",
        "7 - Apparel & Accessories",
    ]
    graph = read_path_graph(write(tmp_path, lines))
    parents = dict(zip(graph.names, graph.parents, strict=True))
    assert parents["Chess"] == ("Toys > Games",)
    assert parents["Shoes"] == ("166",)
    assert graph.ids.count("166") == 2
    with pytest.raises(InputError, match=r"taxonomy.txt: line 8: found the id '166' again, as in line 6"):
        graph.taxonomy()


@pytest.mark.parametrize("line", ["Apparel", " - Apparel", "166 - ", "166 - Apparel >  > Shoes"])
def test_lines_of_another_form(tmp_path, line):
    with pytest.raises(InputError, match=r"taxonomy.txt: line 7: found .*expected a line 'id - A > B'"):
        read_path_graph(write(tmp_path, [*LINES, line]))


def test_no_separator_and_no_line(tmp_path):
    with pytest.raises(InputError, match="separator: found an empty text"):
        read_path_graph(write(tmp_path, LINES), separator="")
    with pytest.raises(InputError, match="at least one category"):
        read_path_graph(write(tmp_path, ["# nothing"]))

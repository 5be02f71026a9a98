"""Rows of the Library of Congress Classification Outline."""

import pytest

from leafcode.errors import InputError
from leafcode.taxonomy.readers import read_taxonomy

OUTLINE = """D World history
DA Great Britain
DAW Central Europe
E History of the Americas
E11-143 America
E51-73 Pre-Columbian America
Q Science
QA Mathematics
QA1-939 Mathematics
QA71-90 Instruments and machines
QA75-76.95 Calculating machines
QA75.5-76.95 Electronic computers. Computer science
QA76 General
QA76.73 Programming languages
QA76.73.P98 Python
QA101-145 Elementary mathematics. Arithmetic
QB Astronomy"""


def write(folder, text):
    (folder / "lcc.txt").write_text(text, encoding="utf-8")
    return folder / "lcc.txt"


def path_of(tree, key):
    return " / ".join(tree.keys[v] for v in tree.ancestors[tree.find(key)].tolist() if v >= 0)


def test_the_outline(tmp_path):
    graph = read_taxonomy(write(tmp_path, OUTLINE), "lcc")
    tree = graph.taxonomy()
    computers = "Q / QA / QA1-939 / QA71-90 / QA75-76.95 / QA75.5-76.95"
    assert path_of(tree, "QA76.73.P98") == f"{computers} / QA76.73 / QA76.73.P98"
    assert path_of(tree, "QA76") == f"{computers} / QA76"
    assert path_of(tree, "QA101-145") == "Q / QA / QA1-939 / QA101-145"
    assert path_of(tree, "DAW") == "D / DAW"
    assert path_of(tree, "E51-73") == "E / E11-143 / E51-73"
    assert tree.keys == graph.ids


def test_numbers_are_decimal_and_not_text(tmp_path):
    tree = read_taxonomy(
        write(tmp_path, "Q S\nQA M\nQA9-10.3 Logic\nQA9.58 A\nQA10 B\nQA11 C"), "lcc"
    ).taxonomy()
    assert path_of(tree, "QA9.58") == "Q / QA / QA9-10.3 / QA9.58"
    assert path_of(tree, "QA10") == "Q / QA / QA9-10.3 / QA10"
    assert path_of(tree, "QA11") == "Q / QA / QA11"


def test_missing_classes(tmp_path):
    file = write(tmp_path, "QA Mathematics\nQB1-10 General")
    assert read_taxonomy(file, "lcc").parents == (("Q",), ("QB",))
    with pytest.raises(InputError, match="line 1: found the parent 'Q' of 'QA'"):
        read_taxonomy(file, "lcc").taxonomy()
    assert read_taxonomy(file, "lcc", missing="nearest").parents == ((), ())
    tree = read_taxonomy(file, "lcc", missing="nearest", sections=True).taxonomy()
    assert path_of(tree, "QB1-10") == "Q / QB1-10"
    assert tree.names[tree.find("Q")] == "Science"


@pytest.mark.parametrize("code", ["qa76", "KJ-KKZ", "QA76-QB3", "76", "ABCD", "QA76.73.P98.2", "QA90-71"])
def test_other_codes_are_refused(tmp_path, code):
    with pytest.raises(InputError, match=r"lcc\.txt: line 2: found"):
        read_taxonomy(write(tmp_path, f"Q Science\n{code} Something"), "lcc")


def test_a_range_may_repeat_its_letters(tmp_path):
    assert read_taxonomy(write(tmp_path, "Q S\nQA M\nQA71-QA90 I\nQA76 G"), "lcc").parents[3] == (
        "QA71-QA90",
    )

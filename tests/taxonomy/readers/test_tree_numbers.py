"""Excerpts of MeSH: headings and their tree numbers."""

import pytest

from leafcode.errors import InputError
from leafcode.taxonomy.readers import read_taxonomy

HEADINGS = [
    ("D001829", "Body Regions", ["A01"]),
    ("D006257", "Head", ["A01.456"]),
    ("D005145", "Face", ["A01.456.505"]),
    ("D005123", "Eye", ["A01.456.505.420", "A09.371"]),
    ("D012679", "Sense Organs", ["A09"]),
    ("D005260", "Female", []),
]
PARENTS = {
    "D001829": (),
    "D006257": ("D001829",),
    "D005145": ("D006257",),
    "D005123": ("D005145", "D012679"),
    "D012679": (),
    "D005260": (),
}


def descriptors(headings):
    return "\n".join(
        "\n".join(
            ["*NEWRECORD", "RECTYPE = D", f"MH = {name}", "ENTRY = Other Name|T023"]
            + [f"MN = {number}" for number in numbers]
            + [f"UI = {key}", ""]
        )
        for key, name, numbers in headings
    )


def write(folder, text, name="d2024.bin"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_the_descriptor_file(tmp_path):
    graph = read_taxonomy(write(tmp_path, descriptors(HEADINGS)))
    assert dict(zip(graph.ids, graph.parents, strict=True)) == PARENTS
    assert graph.names[3] == "Eye"
    tree = graph.taxonomy()
    assert tree.path(tree.find("D005123")) == ("Body Regions", "Head", "Face", "Eye")  # the first number
    assert len(graph.unfold().nodes["D005123"]) == 2


def test_tables_say_the_same(tmp_path):
    one = "id,name,tree_number\n" + "".join(f"{key},{name},{'; '.join(n)}\n" for key, name, n in HEADINGS)
    graph = read_taxonomy(write(tmp_path, one, "one.csv"), "mesh")
    assert dict(zip(graph.ids, graph.parents, strict=True)) == PARENTS
    several = "id,name,tree_number\n" + "".join(
        f"{key},{name},{number}\n" for key, name, n in HEADINGS for number in n or [""]
    )
    again = read_taxonomy(write(tmp_path, several, "several.csv"), "mesh")
    assert (again.ids, again.parents) == (graph.ids, graph.parents)


def test_the_list_of_trees_has_names_for_ids(tmp_path):
    lines = sorted((number, name) for _, name, numbers in HEADINGS for number in numbers)
    graph = read_taxonomy(write(tmp_path, "\n".join(f"{name};{number}" for number, name in lines)), "mesh")
    assert dict(zip(graph.ids, graph.parents, strict=True))["Eye"] == ("Face", "Sense Organs")


def test_places_as_categories(tmp_path):
    graph = read_taxonomy(write(tmp_path, descriptors(HEADINGS)), node="number")
    tree = graph.taxonomy()
    assert tree.keys == ("A01", "A01.456", "A01.456.505", "A01.456.505.420", "A09", "A09.371")
    assert [tree.names[i] for i in (3, 5)] == ["Eye", "Eye"]


def test_letters_are_the_roots(tmp_path):
    graph = read_taxonomy(write(tmp_path, descriptors(HEADINGS)), sections=True)
    tree = graph.taxonomy()
    assert [tree.names[v] for v in tree.children(-1).tolist()] == ["Anatomy", "Female"]
    assert tree.path(tree.find("D012679")) == ("Anatomy", "Sense Organs")


def test_a_missing_place(tmp_path):
    file = write(tmp_path, descriptors([HEADINGS[0], HEADINGS[3]]))
    graph = read_taxonomy(file)
    assert graph.parents[1] == ("A01.456.505", "A09")
    with pytest.raises(InputError, match=r"d2024.bin: line 8: found the parent 'A01.456.505' of 'D005123'"):
        graph.taxonomy()
    assert read_taxonomy(file, missing="nearest").parents[1] == ("D001829",)
    assert read_taxonomy(file, missing="nearest", sections=True).parents[2] == ("D001829", "A")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Head;A01\nEye", r"d2024.bin: line 2: found 'Eye'; expected a line 'name;tree number'"),
        ("Head;A01\nEye;A1.2", r"d2024.bin: line 2: found the tree number 'A1.2'"),
        (
            "Head;A01\nEye;A02\nHead;A02",
            r"line 2: found the tree number 'A02', which 'Head' has too \(line 3\)",
        ),
        ("Head;A01\nEye;A01", r"line 2: found the tree number 'A01', which 'Head' has too"),
        ("*NEWRECORD\nMH = Eye\n", r"line 1: found a record with 0 elements UI"),
        (
            "*NEWRECORD\nUI = D1\nMH = Eye\n*NEWRECORD\nUI = D2\n",
            r"line 4: found a record with 0 elements MH",
        ),
        ("", "found no heading"),
    ],
)
def test_errors_name_the_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        read_taxonomy(write(tmp_path, text))


def test_a_row_without_an_id_and_an_unknown_kind_of_category(tmp_path):
    file = write(tmp_path, "id,name,tree_number\nD1,Head,A01\n,Eye,A02\n", "mesh.csv")
    with pytest.raises(InputError, match=r"mesh.csv: row 2: column 'id': found no id"):
        read_taxonomy(file, "mesh")
    with pytest.raises(InputError, match="expected 'heading' or 'number'"):
        read_taxonomy(file, "mesh", node="place")

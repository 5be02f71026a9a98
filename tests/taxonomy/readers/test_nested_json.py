import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy
from leafcode.taxonomy.readers.nested_json import read_nested_json

NODES = {
    "name": "Pantry",
    "id": 7,
    "children": [
        {"name": "Spices", "children": ["Salt"], "colour": "red"},
        {"name": "Oils", "children": None},
    ],
}


def read(folder, document, **options):
    file = folder / "taxonomy.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return read_nested_json(file, **options)


def test_nodes_that_hold_their_children(tmp_path):
    graph = read(tmp_path, NODES)
    assert graph.ids == ("7", "Pantry > Spices", "Pantry > Spices > Salt", "Pantry > Oils")
    assert graph.parents == ((), ("7",), ("Pantry > Spices",), ("7",))
    assert graph.names == ("Pantry", "Spices", "Salt", "Oils")
    assert graph.places == ("the document", "/children/0", "/children/0/children/0", "/children/1")
    assert graph.taxonomy().keys == graph.ids  # the order of the file, not of the names


def test_names_of_keys_are_options(tmp_path):
    forest = [{"code": "01", "titel": "Tiere", "unter": [{"code": "011", "titel": "Rinder"}]}, {"code": "02"}]
    graph = read(tmp_path, forest, name_key="titel", children_key="unter", id_key="code")
    assert graph.ids == ("01", "011", "02")
    assert graph.names == ("Tiere", "Rinder", "02")
    assert graph.parents == ((), ("01",), ())


def test_mappings_of_mappings(tmp_path):
    document = {"Pantry": {"Spices": ["Salt", {"Pepper": ["Black"]}], "Oils": {}, "a/b": None}, "Dairy": ""}
    graph = read(tmp_path, document, separator="/")
    assert graph.ids == (
        "Pantry",
        "Pantry/Spices",
        "Pantry/Spices/Salt",
        "Pantry/Spices/Pepper",
        "Pantry/Spices/Pepper/Black",
        "Pantry/Oils",
        "Pantry/a/b",
        "Dairy",
    )
    assert graph.places is not None
    assert graph.places[4] == "/Pantry/Spices/1/Pepper/0"
    assert graph.places[6] == "/Pantry/a~1b"


mappings = st.recursive(
    st.none(),
    lambda below: st.dictionaries(st.sampled_from("abcd"), below, min_size=1, max_size=3),
    max_leaves=12,
)


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from("abcd"), mappings, min_size=1))
def test_a_mapping_holds_the_paths_that_lead_to_its_ends(tmp_path_factory, document):
    def paths(value, above=()):
        for name, below in (value or {}).items():
            yield (*above, name)
            yield from paths(below, (*above, name))

    graph = read(tmp_path_factory.mktemp("json"), document)
    expected, _ = Taxonomy.from_paths([" > ".join(path) for path in paths(document)])
    assert sorted(zip(graph.ids, graph.names, strict=True)) == sorted(
        zip(expected.keys, expected.names, strict=True)
    )
    assert len(graph.taxonomy()) == len(expected)


def test_deeper_than_the_stack_of_python(tmp_path):
    depth = 900
    graph = read(tmp_path, '{"a":' * depth + "{}" + "}" * depth)
    assert graph.taxonomy().max_depth == depth


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ('{"name": "a",\n"children": [}', r"taxonomy.json: line 2: found Expecting value"),
        ('{"a": 1}\n{"a": 2}', r"line 2: found Extra data.*parent-table"),
        (
            {"name": "a", "children": [{"name": "b"}, 3]},
            r"taxonomy.json: /children/1: found 3; expected an object",
        ),
        ({"name": "a", "children": {"name": "b"}}, r"/children: found an object; expected a list"),
        ({"name": "a", "children": [{"name": " "}]}, r"/children/0: found ' '; expected a text that names"),
        ({"name": "a", "children": [{"children": []}]}, r"/children/0: found null"),
        ({"name": "a", "id": True}, r"taxonomy.json: /id: found True"),
        ({"a": {"b": 3}}, r"taxonomy.json: /a/b: found 3; expected an object, a list of names, or null"),
        ({"a": ["b", 3]}, r"/a/1: found 3; expected a text"),
        ({"": {}}, r"taxonomy.json: /: found ''"),
        ('{"a": {"b": null, "b": {"c": null}}}', r"found the key 'b' twice in one object"),
        ('{"\\ud800": null}', r"half of a character"),
        ("[]", r"taxonomy.json: found no category"),
        ("7", r"found 7; expected an object"),
        ("[" * 100_000, r"nested too deeply"),
    ],
)
def test_errors_name_the_line_or_the_pointer(tmp_path, document, message):
    with pytest.raises(InputError, match=message):
        read(tmp_path, document)


def test_unreadable_files(tmp_path):
    with pytest.raises(InputError, match=r"nowhere.json: found a file that cannot be read"):
        read_nested_json(tmp_path / "nowhere.json")

"""Excerpts are of the published classifications."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy
from leafcode.taxonomy.readers import read_taxonomy
from leafcode.taxonomy.readers.code_schemes import CodeScheme
from leafcode.taxonomy.readers.prefix_codes import read_prefix_codes

EXCERPTS = {
    "naics": """
        11 Agriculture, Forestry, Fishing and Hunting
        111 Crop Production
        31-33 Manufacturing
        311 Food Manufacturing
        3111 Animal Food Manufacturing
        31111 Animal Food Manufacturing
        311111 Dog and Cat Food Manufacturing
        334 Computer and Electronic Product Manufacturing""",
    "sic": """
        A Agriculture, Forestry, And Fishing
        01 Agricultural Production - Crops
        011 Cash Grains
        0111 Wheat
        D Manufacturing
        20 Food And Kindred Products""",
    "isic4": """
        A Agriculture, forestry and fishing
        01 Crop and animal production, hunting
        J Information and communication
        62 Computer programming, consultancy
        620 Computer programming, consultancy
        6201 Computer programming activities""",
    "nace2": """
        A AGRICULTURE, FORESTRY AND FISHING
        01 Crop and animal production
        01.1 Growing of non-perennial crops
        01.11 Growing of cereals""",
    "gics": """
        45 Information Technology
        4510 Software & Services
        451030 Software
        45103010 Application Software""",
    "hs": """
        09 Coffee, tea, mate and spices
        0901 Coffee
        0901.11 Coffee; not roasted, not decaffeinated""",
    "unspsc": """
        43000000 Information Technology Broadcasting and Telecommunications
        43210000 Computer Equipment and Accessories
        43211500 Computers
        43211503 Notebook computers""",
    "dewey": """
        500 Natural sciences and mathematics
        510 Mathematics
        516 Geometry
        516.3 Analytic geometries""",
}
PATHS = {
    "naics": [("311111", "31-33 311 3111 31111 311111"), ("334", "31-33 334"), ("111", "11 111")],
    "sic": [("0111", "A 01 011 0111"), ("20", "D 20")],
    "isic4": [("6201", "J 62 620 6201"), ("01", "A 01")],
    "nace2": [("01.11", "A 01 01.1 01.11")],
    "gics": [("45103010", "45 4510 451030 45103010")],
    "hs": [("0901.11", "09 0901 0901.11")],
    "unspsc": [("43211503", "43000000 43210000 43211500 43211503")],
    "dewey": [("516.3", "500 510 516 516.3")],
}


def write(folder, text):
    file = folder / "codes.txt"
    file.write_text("\n".join(line.strip() for line in text.strip().splitlines()), encoding="utf-8")
    return file


def path_of(tree: Taxonomy, key):
    return " ".join(tree.keys[v] for v in tree.ancestors[tree.find(key)].tolist() if v >= 0)


@pytest.mark.parametrize("name", EXCERPTS)
def test_published_classifications(tmp_path, name):
    graph = read_taxonomy(write(tmp_path, EXCERPTS[name]), name)
    assert [(key, path_of(graph.taxonomy(), key)) for key, _ in PATHS[name]] == PATHS[name]


def test_a_sector_that_is_a_range_and_its_first_subsector_keep_their_order(tmp_path):
    tree = read_taxonomy(write(tmp_path, EXCERPTS["naics"]), "naics").taxonomy()
    assert tree.keys == ("11", "111", "31-33", "311", "3111", "31111", "311111", "334")


def test_a_range_may_lie_around_codes_that_are_there(tmp_path):
    file = write(tmp_path, "01-03 Agriculture\n01 Crops\n011 Cereals\n031 Fishing")
    tree = read_taxonomy(file, "codes", lengths=(2, 3)).taxonomy()
    assert path_of(tree, "011") == "01-03 01 011"
    assert path_of(tree, "031") == "01-03 031"


def test_sections_of_the_standard(tmp_path):
    file = write(tmp_path, EXCERPTS["hs"] + "\n99 National use\n97 Works of art\n01 Live animals")
    assert read_taxonomy(file, "hs").taxonomy().path(0) == ("Coffee, tea, mate and spices",)
    tree = read_taxonomy(file, "hs", sections=True).taxonomy()
    assert path_of(tree, "0901") == "II 09 0901"
    assert tree.names[tree.find("II")] == "Vegetable products"
    assert path_of(tree, "99") == "99"
    roots = [tree.keys[v] for v in tree.children(-1).tolist()]
    assert roots == ["I", "II", "XXI", "99"]  # those in use, in the order of the standard


def test_a_section_that_the_file_lacks_while_it_has_others(tmp_path):
    file = write(tmp_path, EXCERPTS["isic4"] + "\n55 Accommodation")
    with pytest.raises(InputError, match=r"codes.txt: line 7: found the parent 'I' of '55'"):
        read_taxonomy(file, "isic4").taxonomy()
    assert path_of(read_taxonomy(file, "isic4", missing="nearest").taxonomy(), "55") == "55"
    assert path_of(read_taxonomy(file, "isic4", sections=True).taxonomy(), "55") == "I 55"


@pytest.mark.parametrize(
    ("scheme", "text", "parent", "nearest"),
    [
        ("gics", "45 Technology\n45103010 Application Software", "451030", ("45",)),
        ("unspsc", "43000000 Technology\n43211503 Notebooks", "43211500", ("43000000",)),
        ("dewey", "000 General\n020 Libraries\n025 Work\n025.04 Retrieval", "025.0", ("025",)),
        ("nace2", "01 Crops\n01.11 Cereals", "01.1", ("01",)),
        ("hs", "10 Cereals\n0901 Coffee", "09", ()),
    ],
)
def test_a_missing_parent(tmp_path, scheme, text, parent, nearest):
    file = write(tmp_path, text)
    graph = read_taxonomy(file, scheme)
    assert graph.parents[-1] == (parent,)
    with pytest.raises(InputError, match=rf"codes.txt: line {len(graph)}: found the parent"):
        graph.taxonomy()
    assert read_taxonomy(file, scheme, missing="nearest").parents[-1] == nearest


def test_padded_codes_of_ones_own(tmp_path):
    file = write(tmp_path, EXCERPTS["unspsc"])
    own = read_taxonomy(file, "codes", lengths=(2, 4, 6, 8), padding="0")
    assert own.taxonomy() == read_taxonomy(file, "unspsc").taxonomy()


def test_a_repeated_code_is_left_for_the_check(tmp_path):
    graph = read_taxonomy(write(tmp_path, "11 A\n111 B\n111 C"), "naics")
    assert graph.ids == ("11", "111", "111")
    with pytest.raises(InputError, match=r"line 3: found the id '111' again"):
        graph.taxonomy()


@pytest.mark.parametrize(
    ("scheme", "text", "options", "message"),
    [
        ("naics", "11 A\n1 B", {}, r"codes.txt: line 2: found the code '1' of 1 characters"),
        ("naics", "11 A\n33-31 B", {}, r"codes.txt: line 2: found the range '33-31'"),
        ("naics", "11 A\n311-333 B", {}, r"expected a range of codes of 2 digits"),
        ("hs", "0901 A\n09.01 B", {}, r"line 2: found the code '09.01', which line 1 writes as '0901'"),
        ("naics", "11 A", {"sections": True}, "options of the format naics: found the option 'sections'"),
        ("naics", "11 A", {"missing": "drop"}, "expected 'error' or 'nearest'"),
        ("codes", "11 A", {}, "lengths: found"),
    ],
)
def test_errors_name_the_line(tmp_path, scheme, text, options, message):
    with pytest.raises(InputError, match=message):
        read_taxonomy(write(tmp_path, text), scheme, **options)


def test_sections_that_a_scheme_lacks(tmp_path):
    with pytest.raises(InputError, match="for mine has none"):
        read_prefix_codes(write(tmp_path, "11 A"), CodeScheme("mine", "", (2,)), sections=True)


@settings(max_examples=60, deadline=None)
@given(
    codes=st.sets(st.text("012", min_size=1, max_size=6), min_size=1, max_size=30),
    steps=st.lists(st.integers(1, 2), min_size=1, max_size=4),
)
def test_parents_are_the_longest_prefixes(tmp_path_factory, codes, steps):
    lengths = tuple(sum(steps[: i + 1]) for i in range(len(steps)))
    codes = sorted(code for code in codes if len(code) in lengths)
    if not codes:
        return
    file = tmp_path_factory.getbasetemp() / "random.txt"
    file.write_text("\n".join(codes))
    graph = read_taxonomy(file, "codes", lengths=lengths, missing="nearest")
    for code, parents in zip(graph.ids, graph.parents, strict=True):
        prefixes = [other for other in codes if code.startswith(other) and other != code]
        assert parents == ((max(prefixes, key=len),) if prefixes else ())

import pytest

from leafcode.errors import InputError
from leafcode.taxonomy.readers import read_taxonomy

ORDER = [
    ("A00", "Cholera"),
    ("A000", "Cholera due to Vibrio cholerae 01, biovar cholerae"),
    ("W00", "Fall due to ice and snow"),
    ("W000", "Fall on same level due to ice and snow"),
    ("W000XXA", "Fall on same level due to ice and snow, initial encounter"),
]
TABLE = """code,title
C00-D49,Neoplasms
C00-C96,Malignant neoplasms
C43-C44,Malignant neoplasms of skin
C43,Malignant melanoma of skin
C4A,Merkel cell carcinoma
C4A.0,Merkel cell carcinoma of lip
C44,Other malignant neoplasm of skin
C7A-C7A,Malignant neuroendocrine tumors
C7A,Malignant neuroendocrine tumors
C76-C80,Malignant neoplasms of ill-defined sites
C79,Secondary malignant neoplasm
D37-D48,Neoplasms of uncertain behavior
D3A,Benign neuroendocrine tumors
"""


def write_order(folder, rows, name="order.txt"):
    lines = [
        f"{i:05d} {code:<7} {len(code) > 3:d} {title[:60]:<60} {title}"
        for i, (code, title) in enumerate(rows)
    ]
    (folder / name).write_text("\n".join(lines), encoding="utf-8")
    return folder / name


def path_of(tree, key):
    return " / ".join(tree.keys[v] for v in tree.ancestors[tree.find(key)].tolist() if v >= 0)


def test_the_order_file(tmp_path):
    graph = read_taxonomy(write_order(tmp_path, ORDER), "icd10")
    assert graph.names == tuple(title for _, title in ORDER)
    assert graph.places[1] == "line 2"
    assert path_of(graph.taxonomy(), "W000XXA") == "W00 / W000 / W000XXA"  # X makes no category


def test_chapters_of_the_standard(tmp_path):
    tree = read_taxonomy(write_order(tmp_path, ORDER), "icd10", sections=True).taxonomy()
    assert path_of(tree, "A000") == "A00-B99 / A00 / A000"
    assert [tree.keys[v] for v in tree.children(-1).tolist()] == ["A00-B99", "V00-Y99"]  # those in use


def test_lines_of_codes_and_titles(tmp_path):
    (tmp_path / "codes.txt").write_text("A00 Cholera\nA00.1 Cholera, biovar eltor\n")
    assert read_taxonomy(tmp_path / "codes.txt", "icd10").parents == ((), ("A00",))


def test_blocks_and_chapters(tmp_path):
    (tmp_path / "icd.csv").write_text(TABLE)
    tree = read_taxonomy(tmp_path / "icd.csv", "icd10").taxonomy()
    assert path_of(tree, "C4A.0") == "C00-D49 / C00-C96 / C43-C44 / C4A / C4A.0"
    assert path_of(tree, "C79") == "C00-D49 / C00-C96 / C76-C80 / C79"
    assert path_of(tree, "C7A") == "C00-D49 / C00-C96 / C7A-C7A / C7A"
    assert path_of(tree, "D3A") == "C00-D49 / D3A"


def test_a_missing_category(tmp_path):
    file = write_order(tmp_path, [("A000", "Cholera"), ("A0001", "Deeper")])
    graph = read_taxonomy(file, "icd10")
    assert graph.parents == (("A00",), ("A000",))
    with pytest.raises(InputError, match=r"order.txt: line 1: found the parent 'A00' of 'A000'"):
        graph.taxonomy()
    assert read_taxonomy(file, "icd10", missing="nearest").parents == ((), ("A000",))


def test_the_nearest_ancestor_of_a_code_without_its_category_is_a_block_or_a_chapter(tmp_path):
    rows = "A00-A09,Intestinal infections\nA00.1,Cholera\nA00.10,Deeper\nA01,Typhoid\nC4A.0,Merkel\n"
    (tmp_path / "icd.csv").write_text(f"code,title\n{rows}C43-C44,Skin\n")
    graph = read_taxonomy(tmp_path / "icd.csv", "icd10", missing="nearest")
    assert dict(zip(graph.ids, graph.parents, strict=True)) == {
        "A00-A09": (),
        "A00.1": ("A00-A09",),
        "A00.10": ("A00.1",),
        "A01": ("A00-A09",),
        "C4A.0": ("C43-C44",),
        "C43-C44": (),
    }
    file = write_order(tmp_path, [("A000", "Cholera"), ("W00", "Fall")])
    graph = read_taxonomy(file, "icd10", sections=True, missing="nearest")
    assert graph.parents == ((), (), ("A00-B99",), ("V00-Y99",))


@pytest.mark.parametrize("code", ["A0", "A00-B", "B99-A00", "A00.", "A00.12345", "a00", "001"])
def test_other_codes_are_refused(tmp_path, code):
    (tmp_path / "icd.csv").write_text(f"code,title\nA00,Cholera\n{code},Something\n")
    with pytest.raises(InputError, match=r"icd.csv: row 2: found"):
        read_taxonomy(tmp_path / "icd.csv", "icd10")


def test_a_code_written_in_two_ways(tmp_path):
    (tmp_path / "icd.csv").write_text("code,title\nA00,Cholera\nA000,One\nA00.0,Two\n")
    with pytest.raises(
        InputError, match=r"row 3: found the code 'A00.0', which the file writes as 'A000' too"
    ):
        read_taxonomy(tmp_path / "icd.csv", "icd10")


def test_an_empty_file(tmp_path):
    (tmp_path / "icd.txt").write_text("\n")
    with pytest.raises(InputError, match=r"icd.txt: found no code"):
        read_taxonomy(tmp_path / "icd.txt", "icd10")


def test_a_broken_order_file_names_its_line(tmp_path):
    file = write_order(tmp_path, ORDER)
    file.write_text(file.read_text() + "\n00005 W001 no flag\n")
    with pytest.raises(InputError, match=r"order.txt: line 6: found '00005 W001 no flag'"):
        read_taxonomy(file, "icd10")


@pytest.mark.slow
def test_all_parents_are_those_of_simple_icd_10_cm(tmp_path):
    peer = pytest.importorskip("simple_icd_10_cm")
    codes = [code for code in peer.get_all_codes() if not peer.is_chapter(code)]
    rows = [code if not peer.is_block(code) or "-" in code else f"{code}-{code}" for code in codes]
    (tmp_path / "icd.csv").write_text("code,title\n" + "".join(f"{row},\n" for row in rows))
    graph = read_taxonomy(tmp_path / "icd.csv", "icd10")
    for code, parents in zip(codes, graph.parents, strict=True):
        if not peer.is_block(code):
            expected = peer.get_parent(code)
            assert parents in [(expected,), (f"{expected}-{expected}",)], code

import contextlib
import csv
import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.strategies import forests, parent_lists

from leafcode.errors import InputError
from leafcode.taxonomy import CategoryGraph, Taxonomy, read_path_list, read_taxonomy
from leafcode.taxonomy.writers import WRITERS, write_taxonomy

TEA = CategoryGraph(
    ("tea", "gift", "food"), (("food", "gift"), (), ()), ("Tea", "Gifts", "Food"), source="a.ttl"
)
TREE = TEA.primary_only()
OPTIONS = {".ttl": {"ids": "notation"}}
# Text that a format might trip over: quotes, escapes, line ends, separators, signs of many scripts.
texts = st.text(st.sampled_from("ab>-#,\"'\\/\t\n\r;.:<%é字🌱 "), min_size=1, max_size=6).filter(str.strip)


@st.composite
def graphs(draw, several):
    """Sound graphs with odd ids and names, in no particular order."""
    above = draw(parent_lists(max_nodes=8))
    ids = draw(st.lists(texts, min_size=len(above), max_size=len(above), unique=True))
    names = draw(st.lists(texts, min_size=len(above), max_size=len(above)))
    parents = [() if parent < 0 else (ids[parent],) for parent in above]
    if several:
        for row in range(2, len(ids)):
            more = draw(st.lists(st.sampled_from(ids[:row]), max_size=2))
            parents[row] = tuple(dict.fromkeys([*parents[row], *more]))
    order = draw(st.permutations(range(len(ids))))
    rows = [(ids[i], parents[i], names[i]) for i in order]
    return CategoryGraph(*(tuple(column) for column in zip(*rows, strict=True)))


def content(graph):
    return {
        key: (above, name) for key, above, name in zip(graph.ids, graph.parents, graph.names, strict=True)
    }


def written(graph, folder, suffix):
    file = Path(folder, f"taxonomy{suffix}")
    write_taxonomy(graph, file, overwrite=True)
    return read_taxonomy(file, **OPTIONS.get(suffix, {}))


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl", ".ttl"])
@settings(max_examples=25)
@given(graph=graphs(several=True))
def test_graphs_come_back(tmp_path_factory, suffix, graph):
    assert content(written(graph, tmp_path_factory.getbasetemp(), suffix)) == content(graph)


@pytest.mark.parametrize("suffix", [".json", ".txt"])
@settings(max_examples=30)
@given(graph=graphs(several=False))
def test_trees_come_back_or_are_refused(tmp_path_factory, suffix, graph):
    with contextlib.suppress(InputError) if suffix == ".txt" else contextlib.nullcontext():
        again = written(graph, tmp_path_factory.getbasetemp(), suffix)
        assert content(again) == content(graph)
        if suffix == ".json":
            assert again.taxonomy() == graph.taxonomy()


@settings(max_examples=30)
@given(forests())
def test_plain_trees_come_back_from_path_lists(tmp_path_factory, forest):
    tree = Taxonomy.from_paths(forest.keys)[0]
    keys = [str(node) for node in range(len(tree))]
    graph = CategoryGraph.from_taxonomy(Taxonomy(tuple(keys), tree.names, tree.parents))
    assert written(graph, tmp_path_factory.getbasetemp(), ".txt").taxonomy() == graph.taxonomy()


def test_nested_json_keeps_the_order_of_siblings(tmp_path):
    graph = CategoryGraph(("r", "b", "a"), ((), ("r",), ("r",)), ("R", "B", "A"), ordered=True)
    assert written(graph, tmp_path, ".json").taxonomy() == graph.taxonomy()


def test_what_the_files_look_like(tmp_path):
    for suffix in (".csv", ".jsonl", ".ttl"):
        write_taxonomy(TEA, tmp_path / f"a{suffix}")
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[0] == {"id": "tea", "parent_id": "food", "name": "Tea", "parent_ids": '["food", "gift"]'}
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert rows[0] == {"id": "tea", "parent_id": "food", "name": "Tea", "parent_ids": ["food", "gift"]}
    assert rows[1]["parent_id"] is None
    write_taxonomy(TREE, tmp_path / "a.json")
    food = {"id": "food", "name": "Food", "children": [{"id": "tea", "name": "Tea"}]}
    assert json.loads((tmp_path / "a.json").read_text()) == [food, {"id": "gift", "name": "Gifts"}]
    write_taxonomy(TREE, tmp_path / "a.txt")
    assert read_path_list(tmp_path / "a.txt").keys == ("food", "tea", "gift")
    assert (tmp_path / "a.ttl").read_text().splitlines()[1:5] == [
        "<urn:leafcode:category:tea> a skos:Concept ;",
        '  skos:prefLabel "Tea" ;',
        '  skos:notation "tea" ;',
        "  skos:broader <urn:leafcode:category:food> , <urn:leafcode:category:gift> .",
    ]


def test_a_table_of_a_tree_has_no_list_of_parents(tmp_path):
    write_taxonomy(TREE, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().splitlines()[0] == '"id","parent_id","name"'


def test_addresses_and_languages_stay_in_skos(tmp_path):
    labels = {"de": {"http://a/1": "Tee"}, "en-gb": {"http://a/1": "Tea", "http://a/2": "Food"}}
    graph = CategoryGraph(("http://a/1", "http://a/2"), (("http://a/2",), ()), ("A cup", "Food"), labels)
    write_taxonomy(graph, tmp_path / "a.ttl")
    again = read_taxonomy(tmp_path / "a.ttl")
    assert content(again) == content(graph)
    assert again.labels == labels


def test_faults_are_written_to_tables_as_they_are(tmp_path):
    faulty = CategoryGraph(("a", "a", "b"), (("c",), (), ("b",)), ("A", "A", "B"))
    for suffix in (".parquet", ".csv", ".jsonl"):
        again = written(faulty, tmp_path, suffix)
        assert (again.ids, again.parents) == (faulty.ids, faulty.parents)
    for suffix in (".txt", ".json", ".ttl"):
        with pytest.raises(InputError, match="the id 'a' again"):
            written(faulty, tmp_path, suffix)


@pytest.mark.parametrize("suffix", [".txt", ".json"])
def test_trees_have_one_parent(tmp_path, suffix):
    with pytest.raises(InputError, match=r"a.ttl: found 2 parents of 'tea'; .*--parents primary"):
        write_taxonomy(TEA, tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ids": ("a", "b - c")}, r"the id 'b - c'"),
        ({"ids": ("a", "#b")}, r"the id '#b'"),
        ({"names": ("A", "B > C")}, r"the name 'B > C' of 'b'"),
        ({"names": ("A", "B >")}, r"the name 'B >' of 'b'"),
        ({"names": ("A", "B\n")}, r"the name 'B\\n' of 'b'"),
        ({"names": ("A", "A")}, r"siblings 'a' and 'b' of the same name 'A'"),
    ],
)
def test_what_a_path_list_cannot_hold(tmp_path, changes, message):
    graph = dataclasses.replace(CategoryGraph(("a", "b"), ((), ()), ("A", "B")), **changes)
    with pytest.raises(InputError, match=rf"taxonomy.txt: found {message}"):
        written(graph, tmp_path, ".txt")


def test_files_that_are_there_and_suffixes_that_are_not(tmp_path):
    write_taxonomy(TREE, tmp_path / "a.json")
    with pytest.raises(InputError, match="a file that is there already"):
        write_taxonomy(TREE, tmp_path / "a.json")
    write_taxonomy(TREE, tmp_path / "a.json", overwrite=True)
    with pytest.raises(InputError, match=r"the suffix '.xlsx'; expected one of .parquet, .csv"):
        write_taxonomy(TREE, tmp_path / "a.xlsx")
    with pytest.raises(InputError, match="no such folder"):
        write_taxonomy(TREE, tmp_path / "no" / "a.json")
    assert set(WRITERS) == {".parquet", ".csv", ".jsonl", ".txt", ".json", ".ttl"}

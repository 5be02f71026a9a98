import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from tests.catalogues import DIM, clustered, leaf_table, write
from tests.pipeline.fits import source

from leafcode.catalog import Catalog
from leafcode.errors import InputError
from leafcode.pipeline import CatalogSource
from leafcode.pipeline.source import content_digest
from leafcode.serving import settings_from_json
from leafcode.taxonomy import Taxonomy


def test_paths_and_a_parent_table_give_the_same_tree(tmp_path):
    rows, vectors = clustered()
    rows = [{**row, "node": row["path"]} for row in rows]
    files = write(tmp_path, rows, vectors)
    nodes = write(tmp_path, leaf_table(rows), None, "nodes.csv").items
    by_path = source(files.items, files.vectors)
    by_node = dataclasses.replace(
        by_path,
        path_column=None,
        category_column="node",
        taxonomy_file=str(nodes),
        taxonomy_columns=("node", "parent", "name"),
    )
    first, second = by_path.load(), by_node.load()
    assert first.taxonomy is not None
    assert second.taxonomy is not None
    assert first.taxonomy.names == second.taxonomy.names
    np.testing.assert_array_equal(first.nodes, second.nodes)
    assert content_digest(first, by_path) == content_digest(second, by_node)


def test_a_path_list(tmp_path):
    rows, vectors = clustered(3)
    files = write(tmp_path, [{**row, "node": "2"} for row in rows], vectors)
    listed = tmp_path / "tree.txt"
    listed.write_text("# a list\n1 - Food\n2 - Food > Salt\n")
    named = CatalogSource(
        str(files.items),
        category_column="node",
        taxonomy_file=str(listed),
        embeddings_file=str(files.vectors),
    )
    catalog = named.load()
    assert catalog.taxonomy is not None
    assert catalog.taxonomy.path(int(catalog.nodes[0])) == ("Food", "Salt")


def test_a_taxonomy_in_any_format(tmp_path):
    rows, vectors = clustered(3)
    files = write(tmp_path, [{**row, "node": "2"} for row in rows], vectors)
    nested = tmp_path / "tree.data"
    nested.write_text('{"id": 1, "name": "Food", "sub": [{"id": 2, "name": "Salt"}]}')
    named = CatalogSource(
        str(files.items),
        category_column="node",
        taxonomy_file=str(nested),
        taxonomy_format="nested-json",
        taxonomy_options=("children_key=sub",),
        embeddings_file=str(files.vectors),
    )
    catalog = named.load()
    assert catalog.taxonomy is not None
    assert catalog.taxonomy.path(int(catalog.nodes[0])) == ("Food", "Salt")
    with pytest.raises(InputError, match=r"tree.data: found the suffix '.data'"):
        dataclasses.replace(named, taxonomy_format="auto").load()
    with pytest.raises(InputError, match=r"format nested-json: found the option 'sub'"):
        dataclasses.replace(named, taxonomy_options=("sub=children",)).load()


def test_json_round_trip_with_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    named = CatalogSource("items.csv", path_column="path", embeddings_file="x.npy")
    read = settings_from_json(CatalogSource, json.loads(json.dumps(named.to_json())), "config.json")
    assert read == dataclasses.replace(
        named, items=str(tmp_path / "items.csv"), embeddings_file=str(tmp_path / "x.npy")
    )
    assert read.taxonomy_file is None


def test_the_digest_notices_every_change_and_no_other(catalogue):
    named = source(catalogue.items, catalogue.vectors)
    catalog = named.load()
    assert catalog.texts is not None
    assert catalog.taxonomy is not None
    digest = content_digest(catalog, named)
    assert digest == content_digest(named.load(), named)
    ids, nodes, vectors = catalog.ids.to_pylist(), catalog.nodes.copy(), np.array(catalog.embeddings)
    ids[0], nodes[0], vectors[0, 0] = "other", nodes[0] - 1, vectors[0, 0] + 1
    tree = catalog.taxonomy
    renamed = Taxonomy((*tree.keys[:-1], "other"), tree.names, tree.parents)
    for change in (
        {"ids": ids},
        {"texts": ["other", *catalog.texts[1:]]},
        {"nodes": nodes},
        {"taxonomy": renamed},
        {"embeddings": vectors},
    ):
        assert content_digest(dataclasses.replace(catalog, **change), named) != digest, change.keys()
    # Vectors from a model follow from the texts, and may differ in their last bits.
    by_model = dataclasses.replace(named, embeddings_file=None)
    other = dataclasses.replace(catalog, embeddings=vectors)
    assert content_digest(other, by_model) == content_digest(catalog, by_model)
    by_another = dataclasses.replace(by_model, model="another")
    assert content_digest(catalog, by_another) != content_digest(catalog, by_model)


def test_a_tree_needs_both_a_file_and_a_column():
    for given in ({"category_column": "node"}, {"taxonomy_file": "nodes.csv"}):
        with pytest.raises(InputError, match="expected both of them, or neither"):
            CatalogSource("items.csv", **given).load()


def test_texts_are_not_embedded_where_vectors_are_given(catalogue):
    named = source(catalogue.items, catalogue.vectors)
    assert not named.embeds_texts
    with pytest.raises(InputError, match="a run on vectors of its own"):
        named.embed(["soap"])


def test_texts_are_embedded_otherwise(tmp_path, monkeypatch):
    seen = {}

    def embed(texts, model, **more):
        seen.update(texts=texts, model=model, **more)
        return np.ones((len(texts), DIM), np.float32)

    monkeypatch.setattr("leafcode.pipeline.source.embed_texts", embed)
    files = write(tmp_path, [{"id": "a", "text": "salt"}, {"id": "b", "text": "soap"}], None)
    catalog = CatalogSource(str(files.items), model="some/model").load(
        cache=Path("cache"), device="cpu", progress=False
    )
    assert catalog.embeddings is not None
    assert catalog.embeddings.shape == (2, DIM)
    assert seen["texts"] == ["salt", "soap"]
    assert (seen["model"], seen["cache"], seen["device"]) == ("some/model", Path("cache"), "cpu")


def test_all_parents_or_the_first(tmp_path):
    rows = [
        {"id": "food", "parent_id": None, "parent_ids": []},
        {"id": "gift", "parent_id": None, "parent_ids": []},
        {"id": "tea", "parent_id": "gift", "parent_ids": ["gift", "food"]},
    ]
    items = [{"id": "1", "text": "rose tea", "node": "tea"}, {"id": "2", "text": "mug", "node": "gift"}]
    files = write(tmp_path, items, np.eye(2, dtype=np.float32))
    nodes = write(tmp_path, rows, None, "nodes.jsonl").items
    given = CatalogSource(
        str(files.items), category_column="node", taxonomy_file=str(nodes), embeddings_file=str(files.vectors)
    )
    first, every, other = (dataclasses.replace(given, parents=name) for name in ("primary", "unfold", "all"))
    assert first == given
    catalog = first.load()
    assert catalog.places is None
    assert catalog.taxonomy.path(catalog.nodes[0]) == ("gift", "tea")
    (remark,) = catalog.remarks
    assert remark.startswith(f"{nodes}: of 1 categories with several parents, only the first parent was used")
    catalog = every.load()
    assert not catalog.remarks
    paths = [[catalog.taxonomy.path(node) for node in row if node >= 0] for row in catalog.places]
    assert paths == [[("food", "tea"), ("gift", "tea")], [("gift",)]]
    with pytest.raises(InputError, match="parents: found 'all'; expected 'primary' or 'unfold'"):
        other.load()


def test_the_digest_notices_further_places():
    tree, nodes = Taxonomy.from_paths(["A", "B"])
    one = Catalog(np.array(["a", "b"], object), None, nodes, tree, np.eye(2))
    several = [
        dataclasses.replace(one, places=np.array(places, np.int32))
        for places in ([[0, 1], [1, -1]], [[0, -1], [1, 0]])
    ]
    assert len({content_digest(each) for each in (one, *several)}) == 3

import numpy as np
import pytest

from leafcode.catalog import Catalog, split_by_content
from leafcode.errors import InputError
from leafcode.pipeline.items import (
    catalog_embeddings,
    category_ancestors,
    category_paths,
    check_one_path,
    hold_out,
)
from leafcode.taxonomy import Taxonomy

IDS = np.array(["a", "b", "c"], object)
TREE, NODES = Taxonomy.from_paths(["Food > Salt", None, "Food"])
VECTORS = np.eye(3, dtype=np.float32)


def test_paths_of_the_categories():
    assert category_paths(Catalog(IDS, None, NODES, TREE)) == ["Food > Salt", None, "Food"]
    assert category_paths(Catalog(IDS, None, np.full(3, -1, np.int32))) == [None] * 3


def test_the_text_decides_what_is_held_out_and_else_the_vector():
    texts = ["one", "two", "one"]
    catalog = Catalog(IDS, texts, NODES, TREE, VECTORS)
    np.testing.assert_array_equal(hold_out(catalog, 0.5, 3), split_by_content(texts, 0.5, 3))
    bare = Catalog(IDS, None, NODES, TREE, VECTORS)
    np.testing.assert_array_equal(hold_out(bare, 0.5, 3), split_by_content(VECTORS, 0.5, 3))
    assert not hold_out(catalog, 0.0, 3).any()


def test_a_catalogue_without_content():
    catalog = Catalog(IDS, None, NODES, TREE)
    with pytest.raises(InputError, match="neither texts nor embeddings"):
        hold_out(catalog, 0.5, 0)
    with pytest.raises(InputError, match="no embeddings"):
        catalog_embeddings(catalog)


def test_ancestors_of_items_with_several_categories():
    places = np.array([[1, 0], [-1, -1], [0, -1]], np.int32)
    several = Catalog(IDS, None, NODES, TREE, None, places)
    found = category_ancestors(several)
    assert found.shape == (3, 2, 2)
    np.testing.assert_array_equal(found[:, 0], category_ancestors(Catalog(IDS, None, NODES, TREE)))
    assert found[0].tolist() == [[0, 1], [0, -1]]
    with pytest.raises(InputError, match="shop: found several categories of 1 item"):
        check_one_path(several, "shop")
    check_one_path(Catalog(IDS, None, NODES, TREE, None, places[:, :1]), "shop")

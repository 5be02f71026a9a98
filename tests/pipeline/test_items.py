import numpy as np
import pytest

from leafcode.catalog import Catalog, split_by_content
from leafcode.errors import InputError
from leafcode.pipeline.items import catalog_embeddings, category_paths, hold_out
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

import numpy as np
import pytest

from leafcode.errors import InputError
from leafcode.pipeline import CatalogSource
from leafcode.pipeline.checked_items import read_checked_items
from leafcode.taxonomy import Taxonomy


@pytest.fixture
def tree():
    return Taxonomy.from_parents(["1", "2", "3"], [None, "1", "1"], ["Food", "Tea", "Salt"])


def source(tmp_path, text, **changes):
    (tmp_path / "items.csv").write_text(text)
    settings = {"items": str(tmp_path / "items.csv"), "text_columns": ()} | changes
    return CatalogSource(**settings)


def test_by_key(tmp_path, tree):
    given = source(tmp_path, "id,topic\na,3\nb,\nc,1\n", category_column="topic")
    assert read_checked_items(given, tree).nodes.tolist() == [2, -1, 0]


def test_by_the_names_of_the_nodes(tmp_path, tree):
    given = source(tmp_path, "id,path\na,Food > Salt\nb,\nc, Food >  Tea\nd,Food\n", path_column="path")
    found = read_checked_items(given, tree)
    assert found.nodes.tolist() == [2, -1, 1, 0]
    assert found.taxonomy is tree
    assert found.embeddings is None


@pytest.mark.parametrize(
    ("separator", "paths"),
    [(" - ", ["Shop - T-shirts", "Shop"]), (" > ", ["Tests > pH>7"]), ("/", ["Shop / Tea", "Shop/Salt"])],
)
def test_names_are_split_as_those_of_a_tree_of_their_own(tmp_path, separator, paths):
    text = "id,path\n" + "".join(f"{row},{path}\n" for row, path in enumerate(paths))
    given = source(tmp_path, text, path_column="path", separator=separator)
    own = read_checked_items(given)
    assert read_checked_items(given, own.taxonomy).nodes.tolist() == own.nodes.tolist()


def test_by_a_tree_of_their_own(tmp_path):
    given = source(tmp_path, "id,path\na,Food > Salt\nb,Ink\n", path_column="path")
    found = read_checked_items(given)
    assert found.taxonomy.keys == ("Food", "Food > Salt", "Ink")


def test_vectors_come_with_them(tmp_path, tree):
    np.save(tmp_path / "x.npy", np.ones((1, 2), np.float32))
    given = source(
        tmp_path, "id,topic\na,3\n", category_column="topic", embeddings_file=str(tmp_path / "x.npy")
    )
    assert read_checked_items(given, tree).embeddings.tolist() == [[1, 1]]


def test_a_path_that_is_not_in_the_taxonomy(tmp_path, tree):
    given = source(tmp_path, "id,path\na,Food\nb,Food > Tee\n", path_column="path")
    with pytest.raises(
        InputError, match=r"column 'path': row 2: found 'Food > Tee'.*Did you mean 'Food > Tea'"
    ):
        read_checked_items(given, tree)


def test_paths_that_name_two_categories(tmp_path):
    twins = Taxonomy.from_parents(["1", "2"], [None, None], ["Tea", "Tea"])
    given = source(tmp_path, "id,path\na,Tea\n", path_column="path")
    with pytest.raises(InputError, match=r"two categories 'Tea'.*--category"):
        read_checked_items(given, twins)


@pytest.mark.parametrize(
    ("columns", "found"), [({}, "neither"), ({"path_column": "id", "category_column": "id"}, "both")]
)
def test_one_column_says_where_items_are(tmp_path, tree, columns, found):
    with pytest.raises(InputError, match=f"found {found} of category and path column"):
        read_checked_items(source(tmp_path, "id\na\n", **columns), tree)


def test_items_of_several_categories_are_refused(tmp_path, tree):
    settings = {"paths_separator": "|"}
    given = source(tmp_path, "id,topic\na,3|2\nb,1\n", category_column="topic", **settings)
    with pytest.raises(InputError, match=r"items.csv: found several categories of 1 item"):
        read_checked_items(given, tree)

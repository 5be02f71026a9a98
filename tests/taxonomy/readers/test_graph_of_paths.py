import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy
from leafcode.taxonomy.readers.graph_of_paths import PathRow, graph_of_paths

NAMES = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple)


@given(st.lists(NAMES, min_size=1, max_size=15))
def test_the_tree_is_that_of_from_paths(paths):
    rows = [PathRow(names, None, f"row {i}") for i, names in enumerate(paths)]
    expected, _ = Taxonomy.from_paths([" > ".join(names) for names in paths])
    assert graph_of_paths(rows, " > ", "file").taxonomy() == expected


def test_order_is_kept_if_asked_for():
    rows = [PathRow(("b",), None, "line 1"), PathRow(("a", "c"), None, "line 2")]
    assert graph_of_paths(rows, "/", "file", ordered=True).taxonomy().keys == ("b", "a", "a/c")
    assert graph_of_paths(rows, "/", "file").taxonomy().keys == ("a", "a/c", "b")


def test_a_path_with_two_ids_is_two_categories():
    rows = [
        PathRow(("a",), "1", "line 1"),
        PathRow(("a",), "2", "line 2"),
        PathRow(("a", "b"), "3", "line 3"),
    ]
    graph = graph_of_paths(rows, "/", "file")
    assert (graph.ids, graph.parents, graph.places) == (
        ("1", "2", "3"),
        ((), (), ("1",)),
        ("line 1", "line 2", "line 3"),
    )


def test_no_path():
    with pytest.raises(InputError, match="file: found no category"):
        graph_of_paths([], "/", "file")

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.oracles import trees
from tests.strategies import labelled_trees

from leafcode.errors import InputError
from leafcode.taxonomy import Grades, Taxonomy

UNIT = st.floats(0.01, 1)


def rows_of(tree: Taxonomy, nodes: list[int]) -> np.ndarray:
    """Ancestor rows of items; all -1 for an unlabelled one."""
    padded = np.vstack([tree.ancestors, np.full((1, tree.max_depth), -1, np.int32)])
    return padded[nodes]


@given(labelled_trees(), st.lists(UNIT, min_size=1, max_size=4), st.booleans())
def test_every_pair_against_plain_python(labelled, table, by_distance):
    tree, nodes = labelled
    grades = grades_of(tree, table, by_distance)
    parents = tree.parents.tolist()
    expected = np.array(
        [[trees.relevance(parents, a, b, grades.kind, list(grades.table)) for b in nodes] for a in nodes],
        np.float32,
    )
    rows = rows_of(tree, nodes)
    found = grades.matrix(rows)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(grades.matrix(rows[:3], rows), expected[:3])
    assert set(np.unique(found[found > 0])) <= set(np.array(grades.levels, np.float32))

    for dtype in (torch.int32, torch.int64):
        tensor = torch.tensor(rows, dtype=dtype)
        as_torch = grades.matrix(tensor)
        assert as_torch.dtype == torch.float32
        np.testing.assert_array_equal(as_torch.numpy(), expected)
        np.testing.assert_array_equal(grades.matrix(tensor[:3], tensor).numpy(), expected[:3])


def grades_of(tree: Taxonomy, table: list[float], by_distance: bool) -> Grades:
    """Some grades for the tree, of either kind."""
    if by_distance:
        return Grades.by_distance(sorted(table, reverse=True))
    return Grades.by_depth([0.0, *sorted((table * tree.max_depth)[: tree.max_depth])])


@given(labelled_trees(), st.lists(UNIT, min_size=1, max_size=4), st.booleans())
def test_grades_along_a_path_are_those_of_pairs_that_meet_there(labelled, table, by_distance):
    """`matrix` for each item and a category of the same depth that branches off right below the ancestor."""
    tree, nodes = labelled
    grades, rows = grades_of(tree, table, by_distance), rows_of(tree, nodes)
    found = grades.along_paths(rows)
    assert found.dtype == np.float32
    assert found.shape == rows.shape
    for row, path_grades in zip(rows, found, strict=True):
        own = int((row >= 0).sum())
        for depth, grade in enumerate(path_grades, start=1):
            other = row.copy()
            other[depth:own] = len(tree) + np.arange(depth, own)
            assert grade == (grades.matrix(row[None], other[None])[0, 0] if depth <= own else 0.0)


def test_grades_along_paths_of_a_tree_that_is_too_deep():
    with pytest.raises(InputError, match="a table by depth up to 1; expected grades up to depth 2"):
        Grades.by_depth((0, 0.4)).along_paths(np.zeros((2, 3), int))


def test_the_three_classes():
    tree, node = Taxonomy.from_paths(["A > B > C", "A > B > C", "A > B > D", "A > E > F", "G > H > I"])
    relevance = Grades.default().matrix(tree.ancestors[node])
    assert relevance[0].tolist() == [1.0, 1.0, 0.5, 0.0, 0.0]


def test_roots_are_no_siblings():
    tree, node = Taxonomy.from_paths(["A", "B"])
    assert Grades.default().matrix(tree.ancestors[node]).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_items_on_inner_nodes_and_unlabelled_ones_are_ignored():
    tree, node = Taxonomy.from_paths(["A > B", "A", "A > C", "D"])
    rows = np.vstack([tree.ancestors[node], [[-1, -1]]])
    relevance = Grades.default().matrix(rows)
    np.testing.assert_array_equal(relevance[0], np.array([1, np.nan, 0.5, 0, np.nan], np.float32))
    np.testing.assert_array_equal(relevance[1], np.array([np.nan, 1, np.nan, 0, np.nan], np.float32))
    assert np.isnan(relevance[4]).all()


def test_by_depth():
    assert Grades.by_depth(3).table == (0.0, 1 / 3, 2 / 3, 1.0)
    # A table may leave out the deepest level: there only a category meets itself.
    rows = np.array([[0, 1], [0, 2]])
    assert Grades.by_depth((0, 0.4)).matrix(rows).tolist() == [[1.0, np.float32(0.4)], [np.float32(0.4), 1.0]]
    # The department alone may count as negative.
    assert Grades.by_depth((0, 0, 0.5)).levels == (0.5, 1.0)
    with pytest.raises(InputError, match="a table by depth up to 1; expected grades up to depth 2"):
        Grades.by_depth((0, 0.4)).matrix(np.zeros((2, 3), int))


@pytest.mark.parametrize(
    "table", [(), (0.0,), (1.1,), (0.5, 1.0), (1.0, 0.0), (math.nan,), (1.0, math.nan), (-1,)]
)
def test_bad_tables_by_distance(table):
    with pytest.raises(InputError, match=r"grades: found .*; expected grades in \(0, 1\]"):
        Grades.by_distance(table)


@pytest.mark.parametrize("table", [(), (0.5,), (0, 1.1), (0, 0.5, 0.4), (math.nan,), (0, math.nan), (0, -1)])
def test_bad_tables_by_depth(table):
    with pytest.raises(InputError, match="grades: found"):
        Grades.by_depth(table)


def test_bad_arguments():
    with pytest.raises(InputError, match="max_depth"):
        Grades.by_depth(0)
    with pytest.raises(InputError, match="'distance' or 'depth'"):
        Grades("height", (1.0,))
    with pytest.raises(InputError, match=r"shapes \(2,\)"):
        Grades.default().matrix(np.zeros(2, int))
    with pytest.raises(InputError, match=r"\(1, 2\) and \(1, 3\)"):
        Grades.default().matrix(np.zeros((1, 2), int), np.zeros((1, 3), int))


def test_parse():
    assert Grades.parse("1,0.5") == Grades.default()
    assert Grades.parse(" depth ", max_depth=4) == Grades.by_depth(4)
    with pytest.raises(InputError, match="without the depth"):
        Grades.parse("depth")
    with pytest.raises(InputError, match="found 'one'"):
        Grades.parse("one")
    with pytest.raises(InputError, match=r"found 0\.5, 1; expected grades in"):
        Grades.parse("0.5,1")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_stays_on_the_device():
    rows = torch.tensor([[0, 1], [0, 2], [3, -1]], device="cuda")
    relevance = Grades.default().matrix(rows)
    assert relevance.device.type == "cuda"
    np.testing.assert_array_equal(relevance.cpu().numpy(), Grades.default().matrix(rows.cpu().numpy()))

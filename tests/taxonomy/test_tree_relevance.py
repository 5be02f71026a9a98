import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leafcode.errors import InputError
from leafcode.taxonomy import Grades, Taxonomy, TreeRelevance

NAN = float("nan")


def random_items(seed, count):
    """Ancestor rows of items anywhere in a ragged tree, some unlabelled; and the depth of the tree."""
    rng = np.random.default_rng(seed)
    paths = [" > ".join(map(str, rng.integers(0, 3, rng.integers(1, 5)))) for _ in range(count)]
    paths = [None if rng.random() < 0.1 and i else path for i, path in enumerate(paths)]
    tree, nodes = Taxonomy.from_paths(paths)
    rows = np.where((nodes < 0)[:, None], -1, tree.ancestors[nodes])
    return torch.from_numpy(rows), tree.max_depth


def written_out(pairs, size):
    """The matrix that the blocks stand for; unlabelled items are NaN."""
    matrix = torch.full(pairs.shape, NAN)
    for start in range(0, len(pairs.anchor_order), size):
        stop = min(start + size, len(pairs.anchor_order))
        window, relevance, category, of_anchor, own = pairs.block(start, stop)
        block = torch.zeros(len(pairs.candidate_order), stop - start)
        block[window] = relevance[category][:, of_anchor]
        block[window][own] = NAN
        matrix[pairs.anchor_order[start:stop, None], pairs.candidate_order] = block.T
    return matrix


GRADES = st.sampled_from([Grades.default(), Grades.by_distance((1, 0.7, 0.2)), "linear", "late"])


def of_depth(grades, depth):
    tables = {"linear": depth, "late": [0.0] * max(1, depth - 1) + [0.5]}
    return grades if isinstance(grades, Grades) else Grades.by_depth(tables[grades])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 40), size=st.integers(1, 50), grades=GRADES)
def test_blocks_are_the_matrix_without_its_diagonal(seed, count, size, grades):
    rows, depth = random_items(seed, count)
    grades = of_depth(grades, depth)
    expected = grades.matrix(rows).fill_diagonal_(NAN)
    torch.testing.assert_close(written_out(TreeRelevance(grades, rows), size), expected, equal_nan=True)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 30), grades=GRADES, itself=st.booleans())
def test_blocks_of_candidates_are_the_matrix(seed, size, grades, itself):
    rows, depth = random_items(seed, 40)
    anchors, candidates = rows[:20], rows[15:]
    grades = of_depth(grades, depth)
    expected = grades.matrix(anchors, candidates)
    own = None
    if itself:
        own = torch.tensor([-1] * 15 + list(range(5)))
        expected[range(15, 20), range(5)] = NAN
    pairs = TreeRelevance(grades, anchors, candidates, itself=own)
    torch.testing.assert_close(written_out(pairs, size), expected, equal_nan=True)


def test_windows_are_as_narrow_as_the_grades_allow():
    paths = [f"{top} > {middle} > {leaf}" for top in "AB" for middle in "uvw" for leaf in "xyz"]
    tree, nodes = Taxonomy.from_paths(paths)
    rows = torch.from_numpy(tree.ancestors[nodes])
    for grades, width in (("1", 1), ("1,0.5", 3), ("1,0.5,0.25", 9), ("depth", 9)):
        pairs = TreeRelevance(Grades.parse(grades, 3), rows)
        window = pairs.block(4, 5)[0]
        assert window.stop - window.start == width


def test_nobody_labelled():
    pairs = TreeRelevance(Grades.default(), torch.full((3, 2), -1))
    assert len(pairs.anchor_order) == len(pairs.candidate_order) == 0
    assert pairs.shape == (3, 3)


def test_errors():
    rows = torch.tensor([[0, 1], [0, 2]])
    with pytest.raises(InputError, match="ancestors"):
        TreeRelevance(Grades.default(), rows, rows[:, :1])
    for itself in (torch.tensor([0]), torch.tensor([0, 2]), torch.tensor([-2, 0])):
        with pytest.raises(InputError, match="itself"):
            TreeRelevance(Grades.default(), rows, rows, itself=itself)

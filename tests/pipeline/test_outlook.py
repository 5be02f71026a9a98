import numpy as np
import pytest

from leafcode.pipeline.outlook import training_outlook
from leafcode.taxonomy import Grades, Taxonomy
from leafcode.taxonomy.structure import check_structure


def outlook(paths, batch_size=512, *, items=True):
    tree, nodes = Taxonomy.from_paths(paths)
    nodes = nodes if items else None
    report = check_structure(tree, nodes)
    found = training_outlook(tree, report.shape, report.spread, nodes, batch_size)
    return found, dict(found.points)


def test_pairs_of_a_batch():
    found, points = outlook([f"{p} > {c}" for p in "AB" for c in "xyz" for _ in range(20)], 40)
    assert found.batch_size == 40
    assert found.uniform.pairs == pytest.approx(40 * 39 / 2)
    assert found.hierarchical.pairs == 40 * 39 / 2
    assert points["Batches"].endswith("Either will do for pairs of one category.")


def test_many_small_categories_call_for_hierarchical_batches():
    _, points = outlook([f"{i % 5} > {i}" for i in range(200) for _ in range(2)], 32)
    assert "Draw hierarchical ones" in points["Batches"]


@pytest.mark.parametrize("labelled", [0, 1, 2, 11, 12])
def test_few_items(labelled):
    found, points = outlook(["A > x", "A > y", *["B > z"] * 20], 512, items=False)
    assert (found.uniform, list(points)) == (None, ["Grades"])
    tree, nodes = Taxonomy.from_paths(["A > x", "A > y"] * 10)
    nodes = np.where(np.arange(20) < labelled, nodes, -1)
    report = check_structure(tree, nodes)
    found = training_outlook(tree, report.shape, report.spread, nodes)
    assert found.batch_size == labelled
    assert (found.uniform is None) == (labelled < 2)
    assert (found.hierarchical is None) == (labelled < 12)


@pytest.mark.parametrize(
    ("paths", "grades", "words"),
    [
        (["A", "B"], "depth", "any grades will do"),
        (["A > x", "B > y", "B > z"], "depth", "the same thing"),
        (["A > x > p", "A > y > q"], "depth", "all at depth 3"),
        (["A > x > p > m", "A > y > q", "B > z > r"], "depth", "ragged (depths 3 to 4)"),
        (["A > x > p > m", *(f"B > {i}" for i in range(9))], "1,0.5", "would count 0.30 on average"),
    ],
)
def test_grades(paths, grades, words):
    found, points = outlook(paths)
    assert found.grades == grades
    assert words in points["Grades"]
    assert words in dict(outlook(paths, items=False)[0].points)["Grades"]


def test_at_two_levels_both_grades_are_the_same():
    tree, nodes = Taxonomy.from_paths(["A > x", "A > x", "A > y", "B > z"])
    rows = tree.ancestors[nodes]
    np.testing.assert_array_equal(Grades.by_depth(2).matrix(rows), Grades.default().matrix(rows))


def test_what_teaches_little_is_said():
    _, points = outlook(["A > x > lone"] * 30 + ["A > y > p", "A > y > q", "B > z > s", "B > w > t"])
    assert points["Idle levels"].startswith("No sibling in use, so nothing that the level could teach: 94%")
    assert "worth 1.7 of one size" in points["Evenness"]
    _, points = outlook(["A > x"] * 20 + ["A"] * 20 + ["B > y"] * 20, 32)
    assert "are of a category and its ancestor" in points["Left open"]

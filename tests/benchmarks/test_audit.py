import json

import numpy as np
import pytest
from tests.audit.catalogues import moved_catalogue

from audit import MOVES, OURS, Labels, calibration_error, move_labels, run, run_cell, table_lines
from leafcode.audit import nearest_neighbors
from leafcode.taxonomy import Taxonomy, lca_depth


@pytest.mark.parametrize("move", MOVES)
def test_labels_move_as_far_as_they_should(move):
    paths = [f"{a} > {b} > {c}" for a in "ab" for b in "klm" for c in "xyz"] * 30
    tree, nodes = Taxonomy.from_paths(paths)
    moved = move_labels(nodes, tree, move, 0.1, seed=3)
    changed = np.flatnonzero(moved != nodes)
    assert len(changed) == round(0.1 * len(nodes))
    common = lca_depth(tree, moved[changed], nodes[changed])
    assert set(common) == {"sibling": {2}, "cousin": {1}, "anywhere": {0, 1, 2}}[move]
    assert np.array_equal(moved, move_labels(nodes, tree, move, 0.1, seed=3))


def test_what_has_nowhere_to_go_stays():
    tree, nodes = Taxonomy.from_paths(["a > x", "a > y", "b > z"] * 10)
    moved = move_labels(nodes, tree, "sibling", 1.0, seed=0)
    assert ((moved == nodes) == (np.arange(30) % 3 == 2)).all()


def test_the_calibration_error_of_a_known_case():
    probability = np.array([0.1] * 10 + [0.9] * 10)
    truth = np.array([1] + [0] * 9 + [1] * 7 + [0] * 3, bool)
    assert calibration_error(probability, truth) == pytest.approx((0 + 0.2) / 2)


def test_a_catalogue_from_moves_to_table(tmp_path):
    known = moved_catalogue(to_sibling=0, to_branch=0)
    unit = known.embeddings / np.linalg.norm(known.embeddings, axis=1, keepdims=True)
    near = nearest_neighbors(unit, 50)
    for move in MOVES:
        labels = move_labels(known.true, known.tree, move, 0.05, 0)
        rows = run_cell(Labels(unit, labels, known.true.astype(np.int64), known.tree, near), 0)
        (tmp_path / f"some.{move}.0.05.seed0.json").write_text(json.dumps(rows))
        found = {row["method"]: row["value"] for row in rows if row["measure"] == "average_precision"}
        assert len(found) == 8
        assert found[OURS] > max(value for method, value in found.items() if "neighbours" in method)
    lines = table_lines(run(tmp_path, ["some"], 1, 0.05, results=tmp_path, work=tmp_path))
    assert len(lines) == 2 + len(MOVES)
    assert {line.count("|") for line in lines} == {13}

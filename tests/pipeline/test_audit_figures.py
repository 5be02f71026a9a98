from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

from leafcode.audit import KINDS, CategoryFinding, CategoryKind, Kind, LabelAudit, Neighbors
from leafcode.catalog import Catalog
from leafcode.pipeline.audit_figures import audit_figures
from leafcode.pipeline.audit_table import common_depth, suggestions
from leafcode.report.audit_data import Side
from leafcode.taxonomy import Taxonomy

PATHS = ["A > x", "A > x", "A > y", None, "B > z", "B > z"]
TREE, NODES = Taxonomy.from_paths(PATHS)
CATALOG = Catalog(np.array(list("abcdef"), object), [f"item {i}" for i in range(6)], NODES, TREE)


def at(path):
    return TREE.find(path)


AUDIT = LabelAudit(
    items=np.array([0, 1, 2, 4, 5]),
    probability=np.array([0.9, 0.05, 0.6, 0.4, 0.0]),
    kind=np.array(
        [
            KINDS.index(kind)
            for kind in (Kind.WRONG_BRANCH, Kind.NONE, Kind.WRONG_SIBLING, Kind.NONE, Kind.NONE)
        ],
        np.int8,
    ),
    suggested=np.array([at("B > z"), at("A > y"), at("A > x"), at("A > x"), at("A > x")], np.int32),
    neighbors=Neighbors(np.array([[4, 5], [0, 2], [0, 1], [5, 0], [4, 0]]), np.full((5, 2), 0.5, np.float32)),
    rates=np.array([0.8, 0.1, 0.1]),
    confusion=sp.csr_array((len(TREE), len(TREE))),
)


@pytest.fixture
def figures():
    return audit_figures("Shop", CATALOG, TREE, AUDIT)


def test_expected_numbers_are_sums_of_probabilities(figures):
    assert figures.expected == pytest.approx(1.95)
    assert figures.share == pytest.approx(0.39)
    assert (figures.items, figures.labelled, figures.categories, figures.probable) == (6, 5, 3, 2)
    assert [(row.kind, row.findings, row.expected) for row in figures.kinds] == [
        ("wrong branch", 1, pytest.approx(0.9)),
        ("wrong sibling", 1, pytest.approx(0.6)),
    ]
    # From the top: 0.9, 0.4 and 0; beneath A: 0.05 and 0.6.
    assert [(row.depth, row.expected) for row in figures.depths] == [
        (0, pytest.approx(1.3)),
        (1, pytest.approx(0.65)),
    ]


def test_half_of_the_errors(figures):
    # 0.9 is less than half of 1.95, and 0.9 + 0.6 more.
    assert figures.half == 2


def test_items_by_probability(figures):
    rows = [(row.low, row.high, row.findings, row.expected) for row in figures.probabilities]
    assert rows == [
        (0.9, 1.0, 1, pytest.approx(0.9)),
        (0.7, 0.9, 0, 0),
        (0.5, 0.7, 1, pytest.approx(0.6)),
        (0.3, 0.5, 1, pytest.approx(0.4)),
        (0.1, 0.3, 0, 0),
    ]
    sure = replace(AUDIT, probability=np.array([1.0, 0, 0, 0, 0]))
    assert audit_figures("Shop", CATALOG, TREE, sure).probabilities[0].findings == 1


def test_moves_and_categories_with_few_errors_are_left_out(figures):
    assert (figures.moves, figures.doubtful) == ([], [])
    kind = np.full(5, KINDS.index(Kind.WRONG_BRANCH), np.int8)
    suggested = np.array([at("B > z"), at("B > z"), at("A > x"), at("A > x"), at("A > x")])
    probability = np.array([0.9, 0.3, 0.2, 0.6, 0.5])
    more = replace(AUDIT, kind=kind, suggested=suggested, probability=probability)
    found = audit_figures("Shop", CATALOG, TREE, more)
    moves = [(row.given, row.suggested, row.common, row.items, row.expected) for row in found.moves]
    assert moves == [
        (("A", "x"), ("B", "z"), 0, 1, pytest.approx(1.2)),
        (("B", "z"), ("A", "x"), 0, 2, pytest.approx(1.1)),
    ]
    rows = [(row.path, row.items, row.expected) for row in found.doubtful]
    assert rows == [(("A", "x"), 2, pytest.approx(1.2)), (("B", "z"), 2, pytest.approx(1.1))]


def test_the_most_doubtful_items(figures):
    first, second, third = figures.findings  # the others are below a tenth
    assert (first.id, first.text, first.kind, first.common) == ("a", "item 0", "wrong branch", 0)
    assert (first.given, first.suggested) == (("A", "x"), ("B", "z"))
    assert [(one.text, one.path) for one in first.evidence] == [
        ("item 4", ("B", "z")),
        ("item 5", ("B", "z")),
    ]
    assert (second.id, second.common, third.id) == ("c", 1, "e")
    without = replace(CATALOG, texts=None)
    nameless = audit_figures("Shop", without, TREE, AUDIT).findings[0]
    assert (nameless.text, nameless.evidence[0].text) == (None, "e")


def test_no_suggestion_for_what_fits_nowhere():
    kind = AUDIT.kind.copy()
    kind[[0, 3]] = KINDS.index(Kind.NO_FITTING_PLACE)
    own = NODES[AUDIT.items]
    found = suggestions(replace(AUDIT, kind=kind), NODES)
    # The first is probably filed wrongly, and so belongs somewhere.
    assert found.tolist() == [AUDIT.suggested[0], *AUDIT.suggested[1:3], -1, AUDIT.suggested[4]]
    assert suggestions(replace(AUDIT, suggested=own), NODES).tolist() == [-1] * 5
    assert common_depth(TREE, own, found).tolist() == [0, 1, 1, 0, 0]


def test_a_duplicate_belongs_where_the_other_one_is():
    kind = np.full(5, KINDS.index(Kind.DUPLICATE_ELSEWHERE), np.int8)
    near = Neighbors(np.array([[1, 2], [0, 4], [4, 0], [5, 1], [4, 1]]), AUDIT.neighbors.similarities)
    found = suggestions(replace(AUDIT, kind=kind, neighbors=near), NODES)
    assert [TREE.keys[node] for node in found] == ["A > y", "B > z", "B > z", "A > x", "A > x"]


def test_nothing_wrong():
    none = audit_figures("Shop", CATALOG, TREE, replace(AUDIT, probability=np.zeros(5)))
    assert (none.expected, none.half, none.findings, none.moves) == (0, 0, [], [])


def test_findings_about_categories():
    pair = CategoryFinding(
        CategoryKind.OVERLAP,
        at("A > x"),
        at("A > y"),
        0.3,
        (2, 1),
        (0.5, 1.0),
        (np.array([1, 0]), np.array([2])),
    )
    split = CategoryFinding(
        CategoryKind.SPLIT, at("B > z"), -1, 0.7, (1, 1), (0.5, 0.5), (np.array([4]), np.array([5]))
    )
    first, second = audit_figures("Shop", CATALOG, TREE, AUDIT, categories=[pair, split]).tree
    assert (first.kind, first.score, first.common) == ("overlap", 0.3, 1)
    assert first.first == Side(("A", "x"), 2, 0.5, ["item 1", "item 0"])
    assert first.second == Side(("A", "y"), 1, 1.0, ["item 2"])
    assert (second.kind, second.common, second.second) == ("split", 2, Side(("B", "z"), 1, 0.5, ["item 5"]))

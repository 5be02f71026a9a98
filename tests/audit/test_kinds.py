import numpy as np
import pytest
from tests.audit.catalogues import all_categories

from leafcode.audit.kinds import KINDS, Kind, name_kinds
from leafcode.taxonomy import Taxonomy

PATHS = ["a", "a > k", "a > k > x", "a > l", "b > k"]


def kind_of(own, belongs=None, shares=None, *, unlike=False, duplicate=False):
    """The kind of one item of a category, by P(belongs elsewhere) or by the shares of the categories."""
    tree, categories = Taxonomy.from_paths(PATHS)
    node = tree.find(own)
    candidates = all_categories([node], categories, tree)

    def spread(values):
        return np.array([values.get(tree.keys[v], 0.0) for v in candidates.node])

    places = spread(shares or {own: 1.0})
    codes = name_kinds(
        np.array([node]),
        candidates,
        places,
        spread(belongs or {}),
        tree,
        unlike=np.array([unlike]),
        duplicate=np.array([duplicate]),
    )
    assert codes.dtype == np.int8
    return KINDS[codes[0]]


@pytest.mark.parametrize(
    ("own", "belongs", "kind"),
    [
        ("a > k", {"a > l": 0.8}, Kind.WRONG_SIBLING),
        ("a > k", {"b > k": 0.8}, Kind.WRONG_BRANCH),
        ("a > l", {"a > k > x": 0.8}, Kind.WRONG_BRANCH),  # a nephew
        ("a > k", {"a > k > x": 0.8}, Kind.TOO_GENERAL),
        ("a", {"a > k > x": 0.8}, Kind.TOO_GENERAL),
        ("a > k > x", {"a": 0.8}, Kind.NO_FITTING_PLACE),
        ("a", {"b > k": 0.8}, Kind.WRONG_BRANCH),
        ("a > k", {"a > l": 0.3, "b > k": 0.25, "a > k > x": 0.3, "a": 0.1}, Kind.WRONG_SIBLING),
        ("a > k > x", {"a > l": 0.3, "b > k": 0.3, "a": 0.35}, Kind.WRONG_BRANCH),  # together the most
        ("a > k", {"a > l": 0.5}, Kind.WRONG_SIBLING),
        ("a > k", {"a > l": 0.49}, Kind.NONE),
    ],
)
def test_where_a_wrong_item_belongs(own, belongs, kind):
    assert kind_of(own, belongs) == kind


@pytest.mark.parametrize(
    ("shares", "kind"),
    [
        ({"a > k": 0.4, "a > l": 0.4, "b > k": 0.2}, Kind.BETWEEN_SIBLINGS),
        ({"a > k": 0.9, "a > l": 0.1}, Kind.NONE),
        ({"a > k": 0.1, "a > l": 0.9}, Kind.NONE),
        ({"a > k": 0.5, "b > k": 0.5}, Kind.NONE),  # no sibling
        ({"a > k": 0.25, "a > l": 0.25, "b > k": 0.5}, Kind.NONE),
    ],
)
def test_between_siblings(shares, kind):
    assert kind_of("a > k", shares=shares) == kind


def test_a_stranger_is_one_of_many_siblings():
    tree, nodes = Taxonomy.from_paths(["a", "b", "c", "d", "e"])
    quiet = np.array([False])
    candidates = all_categories(nodes[:1], nodes[:2], tree)
    shares = np.array([0.5, 0.5])
    for stands_for, kind in ((1, Kind.BETWEEN_SIBLINGS), (4, Kind.NONE)):
        found = candidates._replace(log_count=np.log([1.0, stands_for]))
        codes = name_kinds(nodes[:1], found, shares, 0 * shares, tree, unlike=quiet, duplicate=quiet)
        assert KINDS[codes[0]] == kind


def test_what_is_named_first():
    even = {"a > k": 0.5, "a > l": 0.5}
    assert kind_of("a > k", shares=even, unlike=True, duplicate=True) == Kind.DUPLICATE_ELSEWHERE
    assert kind_of("a > k", shares=even, unlike=True) == Kind.NO_FITTING_PLACE
    assert kind_of("a > k", {"a > l": 0.9}, unlike=True, duplicate=True) == Kind.WRONG_SIBLING


def test_roots_are_siblings():
    tree, nodes = Taxonomy.from_paths(["a", "b"])
    candidates = all_categories(nodes[:1], nodes, tree)
    quiet = np.array([False])
    moves = np.array([0, 0.9])
    codes = name_kinds(nodes[:1], candidates, moves, moves, tree, unlike=quiet, duplicate=quiet)
    assert KINDS[codes[0]] == Kind.WRONG_SIBLING

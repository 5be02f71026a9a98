from graphlib import CycleError, TopologicalSorter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafcode.errors import InputError
from leafcode.taxonomy.graph import CategoryGraph
from leafcode.taxonomy.structure.graph_checks import (
    cycles,
    missing_parents,
    repeated_ids,
    several_parents,
)


def graph(rows, places=None):
    """Of pairs of an id and its parents."""
    ids = tuple(key for key, _ in rows)
    return CategoryGraph(ids, tuple(tuple(above) for _, above in rows), ids, source="a.csv", places=places)


names = st.sampled_from("abcde")
random_rows = st.lists(st.tuples(names, st.lists(names, max_size=3)), min_size=1, max_size=8)


def test_what_is_right_has_no_finding():
    good = graph([("food", ""), ("tea", ["food"])])
    assert [check(good) for check in (repeated_ids, missing_parents, cycles, several_parents)] == [[]] * 4


def test_a_repeated_id_names_its_rows():
    (found,) = repeated_ids(graph([("a", ""), ("b", ""), ("a", "b")], ("line 2", "line 3", "line 4")))
    assert (found.severity, found.nodes) == ("error", ("a",))
    assert found.message == "the id 'a' stands in 2 rows: line 2, line 4"


def test_a_missing_parent_names_its_children():
    (found,) = missing_parents(graph([("a", "x"), ("b", "a"), ("c", "ax")]))
    assert (found.severity, found.nodes) == ("error", ("a", "c"))
    assert found.message == "'x' is the parent of 'a' (row 1), 'c' (row 3), and is missing"


def test_a_cycle_is_listed_from_child_to_parent():
    (found,) = cycles(graph([("a", "c"), ("b", "a"), ("c", "b"), ("d", "a")]))
    assert (found.severity, found.nodes) == ("error", ("a", "b", "c"))
    assert found.message == "'a' -> 'c' -> 'b' -> 'a', from child to parent (row 1)"
    assert cycles(graph([("a", "a")]))[0].nodes == ("a",)


def test_a_long_cycle_is_cut_short():
    rows = [(str(i), [str((i + 1) % 9)]) for i in range(9)]
    assert cycles(graph(rows))[0].message == (
        "'0' -> '1' -> '2' -> '3' -> '4' -> '5' -> … (9 steps), from child to parent (row 1)"
    )


def test_a_cycle_over_other_parents_leaves_a_tree():
    faulty = graph([("root", ""), ("a", ["root", "b"]), ("b", "a")])
    (found,) = cycles(faulty)
    assert (found.severity, found.nodes) == ("warning", ("a", "b"))
    assert len(faulty.taxonomy()) == 3
    with pytest.raises(InputError, match="cycle"):
        faulty.unfold()


def test_several_parents():
    (found,) = several_parents(graph([("a", ""), ("b", ""), ("c", ["b", "a", "b"]), ("d", ["a", "a"])]))
    assert found.nodes == ("c", "b", "a")
    assert found.severity == "note"


@given(random_rows)
def test_errors_stand_exactly_where_there_is_no_tree(rows):
    found = [each for check in (repeated_ids, missing_parents, cycles) for each in check(graph(rows))]
    try:
        graph(rows).taxonomy()
        made = True
    except InputError:
        made = False
    assert made == all(each.severity != "error" for each in found)


@given(random_rows)
def test_a_cycle_is_found_exactly_if_there_is_no_topological_order(rows):
    above = {}
    for key, parents in rows:
        above.setdefault(key, set()).update(each for each in parents if each in {key for key, _ in rows})
    try:
        TopologicalSorter(above).prepare()
        ordered = True
    except CycleError:
        ordered = False
    assert ordered == (cycles(graph(rows)) == [])

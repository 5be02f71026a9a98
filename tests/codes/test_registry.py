import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leafcode.codes import IdRegistry, semantic_id_text
from leafcode.codes import registry as registry_module
from leafcode.errors import FileRows, InputError

NAMES = ["", "10", "2", "a", "b", "é", "ß", "\U0001f9c2"]
calls = st.lists(
    st.dictionaries(
        st.sampled_from(NAMES), st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=len(NAMES)
    ),
    min_size=1,
    max_size=5,
)


class SlowRegistry:
    """The rule of the registry, item by item."""

    def __init__(self):
        self.given = {}
        self.current = {}

    def assign(self, items):
        for name in sorted(items):
            codes = items[name]
            if (name, codes) not in self.given:
                taken = {suffix for (_, other), suffix in self.given.items() if other == codes}
                self.given[name, codes] = min(set(range(len(taken) + 1)) - taken)
            self.current[name] = codes
        return {name: self.given[name, codes] for name, codes in items.items()}


def assign(registry, items, order=None):
    names = list(items) if order is None else order
    codes = np.array([items[name] for name in names], np.int64).reshape(-1, 2)
    suffix, registry = registry.assign(names, codes)
    return dict(zip(names, suffix.tolist(), strict=True)), registry


@given(calls, st.randoms(use_true_random=False))
def test_assign_against_the_rule_item_by_item(batches, random):
    registry, slow = IdRegistry.empty(2), SlowRegistry()
    for items in batches:
        expected = slow.assign(items)
        shuffled = random.sample(list(items), len(items))
        again = assign(registry, items, shuffled)
        found, registry = assign(registry, items)
        assert found == expected == again[0]
        assert registry.table.equals(again[1].table)
    rows = registry.table.to_pylist()
    assert {(row["id"], (row["c1"], row["c2"])): row["suffix"] for row in rows} == slow.given
    assert {row["id"]: (row["c1"], row["c2"]) for row in rows if row["active"]} == slow.current


@given(calls)
def test_no_id_is_given_twice_and_earlier_rows_stay(batches):
    registry = IdRegistry.empty(2)
    for items in batches:
        before = registry
        _, registry = assign(registry, items)
        texts = semantic_id_text(registry.codes, registry.suffix)
        assert len(set(texts)) == len(texts) == len(registry)
        assert registry.table.slice(0, len(before)).drop(["active"]).equals(before.table.drop(["active"]))


def test_items_that_come_back():
    _, registry = assign(IdRegistry.empty(2), {"a": (0, 0), "b": (0, 0)})
    moved, registry = assign(registry, {"a": (1, 1)})
    assert moved == {"a": 0}
    assert registry.active.tolist() == [False, True, True]
    other, registry = assign(registry, {"c": (0, 0)})
    assert other == {"c": 2}, "the number that a had is not given again"
    back, registry = assign(registry, {"a": (0, 0)})
    assert back == {"a": 0}, "the ID that a had is still its own"
    assert registry.active.tolist() == [True, True, False, True]


def test_assign_does_not_change_the_registry_it_is_called_on():
    _, registry = assign(IdRegistry.empty(2), {"a": (0, 0)})
    before = registry.table
    assign(registry, {"a": (1, 0), "b": (0, 0)})
    assert registry.table is before
    assert registry.active.tolist() == [True]


def test_the_table_reads_back():
    _, registry = assign(IdRegistry.empty(2), {"a": (5, 7), "b": (5, 7)})
    wider = registry.table.append_column("text", pa.array(["x", "y"]))
    assert IdRegistry(wider).table.equals(registry.table)
    assert registry.table.schema.names == ["id", "c1", "c2", "suffix", "active"]
    assert registry.levels == 2
    assert registry.codes.tolist() == [[5, 7], [5, 7]]
    assert registry.suffix.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("ids", "codes", "message"),
    [
        (
            ["a", "b", "a"],
            [[0, 0], [0, 1], [0, 0]],
            r"ids\[0\] and ids\[2\]: found 'a' twice; expected each id once",
        ),
        (["a", None], [[0, 0], [0, 1]], r"ids\[1\]: found no id"),
        ([3, 4], [[0, 0], [0, 1]], "ids: found an id that is no text"),
        (["a"], [[0]], "found 1 levels; expected 2 levels"),
        (["a", "b"], [[0, 0]], "found 1 rows; expected 2"),
    ],
)
def test_assign_names_what_is_wrong(ids, codes, message):
    with pytest.raises(InputError, match=message):
        IdRegistry.empty(2).assign(ids, codes)


def rows(*values):
    names = ["id", "c1", "suffix", "active"]
    return pa.Table.from_pylist([dict(zip(names, value, strict=True)) for value in values])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"id": ["a"], "suffix": [0], "active": [True]}), "expected a column 'c1'"),
        (pa.table({"id": ["a"], "c1": [0], "active": [True]}), "expected a column 'suffix'"),
        (rows(("a", "x", 0, True)), "other types"),
        (rows(("a", None, 0, True)), "column 'c1': found a null"),
        (rows(("a", -1, 0, True)), r"codes and suffix\[0\]"),
        (rows(("a", 1, 0, True), ("b", 1, 0, True)), "rows 0 and 1: found two items with one Semantic ID"),
        (
            rows(("a", 1, 0, True), ("a", 1, 1, False)),
            "rows 0 and 1: found an item twice with the same codes",
        ),
        (
            rows(("a", 1, 0, True), ("b", 2, 0, True), ("a", 2, 1, True)),
            "rows 0 and 2: .*two active rows .*'a'",
        ),
    ],
)
def test_damaged_tables_are_refused(table, message):
    with pytest.raises(InputError, match=message):
        IdRegistry(table)


def test_at_least_one_level():
    with pytest.raises(InputError, match="levels: found 0"):
        IdRegistry.empty(0)


@given(st.integers(0, 2**32 - 1))
def test_nothing_to_assign(seed):
    codes = np.random.default_rng(seed).integers(0, 3, (4, 2))
    _, registry = IdRegistry.empty(2).assign(list("abcd"), codes)
    suffix, same = registry.assign([], np.empty((0, 2), np.int64))
    assert len(suffix) == 0
    assert same.table.equals(registry.table)


@pytest.mark.slow
def test_a_million_items():
    rng, n = np.random.default_rng(0), 1_000_000
    ids = np.array([f"item-{i:07d}" for i in rng.permutation(n)], dtype=object)
    codes = rng.integers(0, 64, (n, 3))
    suffix, registry = IdRegistry.empty(3).assign(ids, codes)
    assert len(np.unique(np.column_stack([codes, suffix]), axis=0)) == n == len(registry)


def test_ids_in_several_chunks_may_be_long_in_all(monkeypatch):
    """To take rows from chunks of plain strings, all of which are put together for it, ends at 2 GiB."""
    arrays = []

    def taken(names, order):
        arrays.append(names)
        return equal_in_order(names, order)

    equal_in_order = registry_module._equal_in_order
    monkeypatch.setattr(registry_module, "_equal_in_order", taken)
    chunks = pa.chunked_array([["a", "b"], ["c"]], pa.string())
    registry = IdRegistry(
        pa.table({"id": chunks, "c1": [1, 1, 1], "suffix": [0, 1, 2], "active": [True] * 3})
    )
    registry.assign(chunks.combine_chunks(), [[1], [1], [2]])
    assert [type(names) for names in arrays] == [pa.LargeStringArray] * 2


@given(calls)
def test_few_ids_at_a_time_and_wide_codes_change_nothing(batches):
    wide = [2**31 - 1, 5]  # three levels of such codes are more than an int64 holds
    before, after = IdRegistry.empty(3), IdRegistry.empty(3)
    for items in batches:
        codes = np.array([[wide[a], wide[b], wide[a]] for a, b in items.values()], np.int64).reshape(-1, 3)
        small = np.array([[a, b, a] for a, b in items.values()], np.int64).reshape(-1, 3)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(registry_module, "_IDS_AT_ONCE", 2)
            one, before = before.assign(list(items), codes)
        other, after = after.assign(list(items), small)
        assert one.tolist() == other.tolist()
        assert before.active.tolist() == after.active.tolist()
    assert IdRegistry(before.table).table.equals(before.table)


def test_ids_that_come_twice_are_named_by_their_place():
    where = FileRows(("a.parquet", "b.parquet"), (1, 2))
    with pytest.raises(InputError, match=r"b\.parquet: row 2: found 'x' twice, first in a\.parquet: row 1"):
        IdRegistry.empty(1).assign(["x", "y", "x"], [[0], [0], [0]], where)

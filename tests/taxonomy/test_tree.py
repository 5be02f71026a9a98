import random
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.oracles import trees
from tests.strategies import Forest, forests

from leafcode.errors import InputError
from leafcode.taxonomy import MAX_DEPTH, Taxonomy


def by_key(tree: Taxonomy) -> dict[str, str | None]:
    return {key: tree.keys[p] if p >= 0 else None for key, p in zip(tree.keys, tree.parents, strict=True)}


def check_structure(tree: Taxonomy) -> None:
    """Every array of the tree against plain Python over its parent list."""
    parents = tree.parents.tolist()
    for v in range(len(tree)):
        chain = trees.chain(parents, v)
        assert tree.depths[v] == len(chain)
        assert tree.ancestors[v].tolist() == chain + [-1] * (tree.max_depth - len(chain))
        assert set(range(v, tree.end[v])) == trees.subtree(parents, v)
        assert tree.is_leaf[v] == (v not in parents)
        assert tree.children(v).tolist() == [w for w in range(len(tree)) if parents[w] == v]
        assert tree.path(v) == tuple(tree.names[w] for w in chain)
        assert tree.find(tree.keys[v]) == v
    assert tree.children(-1).tolist() == [w for w in range(len(tree)) if parents[w] == -1]
    assert tree.max_depth == max(len(trees.chain(parents, v)) for v in range(len(tree)))


class TestFromPaths:
    @given(forests(), st.randoms(use_true_random=False))
    def test_same_nodes_in_any_row_order(self, forest: Forest, shuffle: random.Random):
        rows: list[str | None] = [*forest.keys, None]
        tree, nodes = Taxonomy.from_paths(rows)
        check_structure(tree)
        assert by_key(tree) == {
            key: forest.keys[p] if p >= 0 else None
            for key, p in zip(forest.keys, forest.parents, strict=True)
        }
        assert [tree.path(v) for v in nodes[:-1]] == forest.paths
        assert nodes[-1] == -1
        assert [tree.path(v) for v in range(len(tree))] == sorted(forest.paths)

        shuffle.shuffle(rows)
        again, moved = Taxonomy.from_paths(rows)
        assert again == tree
        assert hash(again) == hash(tree)
        assert [None if v < 0 else tree.keys[v] for v in moved] == rows

    @given(forests())
    def test_inner_nodes_appear_by_themselves(self, forest: Forest):
        leaves = [key for i, key in enumerate(forest.keys) if i not in forest.parents]
        assert Taxonomy.from_paths(leaves)[0] == Taxonomy.from_paths(forest.keys)[0]

    def test_white_space_around_names_is_dropped(self):
        tree, nodes = Taxonomy.from_paths([" A  >  B", "A > B\t", "A"])
        assert tree.keys == ("A", "A > B")
        assert nodes.tolist() == [1, 1, 0]

    def test_a_node_is_its_path_not_its_name(self):
        tree, nodes = Taxonomy.from_paths(["Cat > Food", "Dog > Food"])
        assert len(set(nodes.tolist())) == 2
        assert tree.names.count("Food") == 2

    def test_a_column_of_a_table(self):
        paths = ["A > x", None, "B", "A > x"]
        column = pa.chunked_array([paths[:1], paths[1:]])
        for values in (column, column.dictionary_encode(), column.slice(0, 4)):
            tree, nodes = Taxonomy.from_paths(values)
            assert (tree, nodes.tolist()) == (Taxonomy.from_paths(paths)[0], [1, -1, 2, 1])
        with pytest.raises(InputError, match="no category path"):
            Taxonomy.from_paths(pa.chunked_array([], pa.string()))

    def test_one_text_is_no_list_of_paths(self):
        with pytest.raises(InputError, match="path: found the text 'A > x'; expected a sequence of texts"):
            Taxonomy.from_paths("A > x")

    def test_other_separators(self):
        tree, _ = Taxonomy.from_paths(["a/b c", "a/d > e"], separator="/")
        assert tree.keys == ("a", "a/b c", "a/d > e")
        assert Taxonomy.from_paths(["a\tb"], separator="\t")[0].keys == ("a", "a\tb")

    def test_siblings_sort_by_name_not_by_joined_text(self):
        # "A B" sorts before "A > B" as text, but A's subtree must stay in one piece.
        tree, _ = Taxonomy.from_paths(["A > B", "A B", "A!"])
        assert tree.keys == ("A", "A > B", "A B", "A!")

    @pytest.mark.parametrize(
        ("rows", "message"),
        [
            (["A", ""], r"f: row 2: found an empty path"),
            (["A", None, "  "], r"f: row 3: found an empty path"),
            (["A", "A >  > B"], r"f: row 2: found an empty segment in 'A >  > B'"),
            (["A > > B"], r"row 1: found an empty segment"),
            (["A > B >"], r"row 1: found an empty segment"),
            (["> A"], r"row 1: found an empty segment"),
            (["A", "A", ">"], r"row 3: found an empty segment"),
            (["A", 3.5], r"f: row 2: found 3\.5; expected text or None"),
            (["A", "\ud800"], r"f: row 2: found '\\ud800'"),
            ([None, None], r"f: found no category path in any row"),
            ([], r"f: found no category path in any row"),
        ],
    )
    def test_errors_name_the_row(self, rows, message):
        with pytest.raises(InputError, match=message):
            Taxonomy.from_paths(rows, where="f")

    def test_empty_separator(self):
        with pytest.raises(InputError, match="separator"):
            Taxonomy.from_paths(["A"], separator="")


class TestFromParents:
    @given(forests(), st.randoms(use_true_random=False))
    def test_rows_in_any_order(self, forest: Forest, shuffle: random.Random):
        ids = [f"n{i}" for i in range(len(forest.names))]
        rows = [
            (ids[i], ids[p] if p >= 0 else shuffle.choice([None, ""]), forest.names[i])
            for i, p in enumerate(forest.parents)
        ]
        shuffle.shuffle(rows)
        tree = Taxonomy.from_parents(*map(list, zip(*rows, strict=True)))
        check_structure(tree)
        assert by_key(tree) == {i: p or None for i, p, _ in rows}
        assert dict(zip(tree.keys, tree.names, strict=True)) == {i: name for i, _, name in rows}
        for v in range(-1, len(tree)):
            children = [tree.keys[w] for w in tree.children(v)]
            assert children == sorted(children)

    @given(forests())
    def test_agrees_with_paths(self, forest: Forest):
        keys = forest.keys
        parents = [keys[p] if p >= 0 else None for p in forest.parents]
        assert Taxonomy.from_parents(keys, parents, forest.names) == Taxonomy.from_paths(keys)[0]

    def test_ids_are_the_names_by_default(self):
        assert Taxonomy.from_parents(["a", "b"], [None, "a"]).names == ("a", "b")

    @pytest.mark.parametrize(
        ("ids", "parents", "message"),
        [
            (["a", "b", "a"], [None, "a", "b"], r"t: found the id 'a' in rows 1 and 3"),
            (["a", "b"], [None, "x"], r"t: row 2: found the parent 'x' of 'b'"),
            (["a", "b", "c"], ["b", "a", None], r"a cycle of 2 node\(s\): 'a' -> 'b' -> 'a'"),
            (["a"], ["a"], r"a cycle of 1 node\(s\): 'a' -> 'a'"),
            (["r", "x", "a", "b"], [None, "a", "b", "a"], r"a cycle of 2 node\(s\): 'a' -> 'b' -> 'a'"),
            (["a", ""], [None, "a"], r"t: row 2: found an empty id"),
            (["a", None], [None, "a"], r"t: row 2: found an empty id"),
            (["a", 7], [None, "a"], r"t: row 2: found 7; expected text or None"),
            (["a"], [None, "a"], r"1 ids, 2 parents"),
            ([], [], r"0 ids"),
        ],
    )
    def test_errors(self, ids, parents, message):
        with pytest.raises(InputError, match=message):
            Taxonomy.from_parents(ids, parents, where="t")

    def test_an_empty_name(self):
        with pytest.raises(InputError, match=r"t: row 2: found an empty name"):
            Taxonomy.from_parents(["a", "b"], [None, "a"], ["A", None], where="t")

    def test_a_long_cycle_is_cut_short(self):
        ids = [f"n{i}" for i in range(50)]
        with pytest.raises(InputError, match=r"cycle of 50 node\(s\): .*'n9' -> '…' -> 'n0'"):
            Taxonomy.from_parents(ids, ids[1:] + ids[:1])

    def test_too_deep(self):
        ids = [f"n{i}" for i in range(MAX_DEPTH + 1)]
        with pytest.raises(InputError, match=f"depth {MAX_DEPTH + 1}"):
            Taxonomy.from_parents(ids, [None, *ids[:-1]])
        assert Taxonomy.from_parents(ids[:-1], [None, *ids[:-2]]).max_depth == MAX_DEPTH


class TestConstructor:
    @pytest.mark.parametrize(
        ("keys", "parents", "message"),
        [
            ("ab", [1, -1], "a parent after its child"),
            ("ab", [0, -1], "a parent after its child"),
            ("ab", [-2, -1], "a parent after its child"),
            ("ab", [-1.0, 0.0], "a parent after its child"),
            ("abcd", [-1, 0, -1, 0], "a subtree in pieces"),
            ("abcde", [-1, 0, 1, 0, 1], "a subtree in pieces"),
            ("aa", [-1, 0], "the id 'a' in rows 1 and 2"),
            ("abc", [-1, 0], "3 keys"),
            ("", [], "0 keys"),
        ],
    )
    def test_refuses_what_is_no_preorder(self, keys, parents, message):
        with pytest.raises(InputError, match=message):
            Taxonomy(tuple(keys), tuple(keys), np.array(parents))

    def test_is_immutable_and_keeps_its_own_copy(self):
        parents = np.array([-1, 0], np.int32)
        tree = Taxonomy(("a", "b"), ("A", "B"), parents)
        parents[1] = -1
        assert tree.parents.tolist() == [-1, 0]
        for array in (tree.parents, tree.depths, tree.end, tree.ancestors, tree.is_leaf, tree.children(0)):
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
        with pytest.raises(AttributeError):
            tree.keys = ("x", "y")
        assert {a.dtype for a in (tree.parents, tree.depths, tree.end, tree.ancestors)} == {np.dtype("i4")}

    def test_equality(self):
        tree = Taxonomy(("a", "b"), ("A", "B"), np.array([-1, 0]))
        assert tree != Taxonomy(("a", "b"), ("A", "B"), np.array([-1, -1]))
        assert tree != Taxonomy(("a", "b"), ("A", "C"), np.array([-1, 0]))
        assert tree != "a"
        assert repr(tree) == "Taxonomy(2 nodes, 1 leaves, 1 roots, depth 2)"


class TestLookup:
    tree, _ = Taxonomy.from_paths(["Pantry > Spices > Salt", "Dairy > Milk"])

    def test_find_all(self):
        keys = ["Dairy > Milk", None, "Pantry"]
        assert self.tree.find_all(keys).tolist() == [1, -1, 2]

    def test_unknown_keys_name_the_row_and_the_likeliest(self):
        with pytest.raises(InputError, match=r"key: found 'Pantry > Spice'.*Did you mean 'Pantry > Spices'"):
            self.tree.find("Pantry > Spice")
        with pytest.raises(InputError, match=r"items: row 3: found 'zzz'; expected the key of a node"):
            self.tree.find_all(["Dairy", None, "zzz"], where="items")

    @pytest.mark.parametrize("node", [-2, 5])
    def test_ids_out_of_range(self, node):
        with pytest.raises(InputError, match="node"):
            self.tree.children(node)
        with pytest.raises(InputError, match="node"):
            self.tree.path(node)


class TestTable:
    @given(forests())
    def test_exact_round_trip(self, forest: Forest):
        tree, _ = Taxonomy.from_paths(forest.keys)
        table = tree.to_table()
        assert Taxonomy.from_table(table) == tree
        # Keys that do not sort like the siblings, as with published ids.
        renamed = Taxonomy(tuple(str(1000 - v) for v in range(len(tree))), tree.names, tree.parents)
        assert Taxonomy.from_table(renamed.to_table()) == renamed
        assert table["parent_key"].null_count == forest.parents.count(-1)

    def test_missing_column(self):
        with pytest.raises(
            InputError, match=r"t: found the columns \['key'\]; expected a column 'parent_key'"
        ):
            Taxonomy.from_table(pa.table({"key": ["a"]}), where="t")


def test_100_000_nodes_build_in_about_a_second():
    paths = [f"d{i % 20} > a{i % 1000} > b{i % 10_000} > c{i}" for i in range(89_000)]
    start = time.process_time()
    tree, _ = Taxonomy.from_paths(paths)
    from_paths = time.process_time() - start
    assert len(tree) == 100_020
    parents = [tree.keys[p] if p >= 0 else None for p in tree.parents]
    start = time.process_time()
    again = Taxonomy.from_parents(tree.keys, parents, tree.names)
    from_parents = time.process_time() - start
    assert again == tree
    assert max(from_paths, from_parents) < 3  # 0.3 s measured; slack for a busy machine

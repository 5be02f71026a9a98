import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file

from leafcode.catalog import Catalog, read_catalog
from leafcode.errors import InputError
from leafcode.taxonomy import Taxonomy, unfold

ROWS = [
    {"id": "007", "name": "Sea salt", "brand": None, "path": "Pantry > Salt", "leaf": "s"},
    {"id": "8", "name": " Soap ", "brand": "Sud", "path": None, "leaf": None},
    {"id": "9", "name": "Milk", "brand": "  ", "path": "Dairy", "leaf": "d"},
]
TREE = Taxonomy.from_parents(["p", "s", "d"], [None, "p", None])


def write(file, rows=ROWS):
    if file.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), file)
    elif file.suffix == ".csv":
        cells = [list(rows[0]), *([row[k] for k in rows[0]] for row in rows)]
        file.write_text("\n".join(",".join("" if c is None else str(c) for c in row) for row in cells))
    else:
        file.write_text("\n".join(map(json.dumps, rows)))
    return file


@pytest.mark.parametrize("name", ["items.parquet", "items.csv", "items.jsonl"])
def test_formats_agree(tmp_path, name):
    file = write(tmp_path / name)
    catalog = read_catalog(file, text_columns=("name", "brand"), path_column="path")
    assert catalog.ids.tolist() == ["007", "8", "9"]
    assert catalog.ids.type == pa.large_string()
    assert catalog.texts == ["Sea salt", "Soap | Sud", "Milk"]
    assert catalog.taxonomy.keys == ("Dairy", "Pantry", "Pantry > Salt")
    assert catalog.nodes.tolist() == [2, -1, 0]
    assert catalog.nodes.dtype == np.int32
    assert catalog.labelled.tolist() == [True, False, True]
    assert catalog.embeddings is None


def test_joined_texts_against_plain_python(tmp_path):
    rng = np.random.default_rng(0)
    cells = rng.choice(np.array(["a", " b c ", "", "  ", None, "d|e"], object), size=(800, 3)).tolist()
    cells = [row for row in cells if any(cell and cell.strip() for cell in row)]
    columns = dict(zip("xyz", map(list, zip(*cells, strict=True)), strict=True))
    pq.write_table(pa.table({"id": list(range(len(cells)))} | columns), tmp_path / "i.parquet")
    catalog = read_catalog(tmp_path / "i.parquet", text_columns=("x", "y", "z"))
    assert catalog.texts == [
        " | ".join(cell.strip() for cell in row if cell and cell.strip()) for row in cells
    ]


def test_category_column(tmp_path):
    catalog = read_catalog(
        write(tmp_path / "i.csv"), text_columns="name", category_column="leaf", taxonomy=TREE
    )
    assert [None if v < 0 else TREE.keys[v] for v in catalog.nodes] == ["s", None, "d"]
    assert catalog.taxonomy is TREE


def test_without_texts_and_categories(tmp_path):
    catalog = read_catalog(write(tmp_path / "i.jsonl"), text_columns=())
    assert catalog.texts is None
    assert catalog.taxonomy is None
    assert not catalog.labelled.any()


def test_whole_number_ids(tmp_path):
    pq.write_table(pa.table({"id": [10**17, 2], "text": ["a", "b"]}), tmp_path / "i.parquet")
    assert read_catalog(tmp_path / "i.parquet").ids.tolist() == ["1" + "0" * 17, "2"]


def replace(row, **values):
    return [*ROWS[:row], {**ROWS[row], **values}, *ROWS[row + 1 :]]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (replace(1, id=None), r"i\.parquet: column 'id': row 2: found no id"),
        (replace(1, id=""), r"i\.parquet: column 'id': row 2: found no id"),
        (replace(2, id="007"), r"column 'id': found 1 id\(s\) more than once: '007' in rows 1, 3"),
        (ROWS * 5, r"3 id\(s\) more than once: '007' in rows 1, 4, 7, …; '8' in rows 2, 5, 8"),
        (replace(2, name=" "), r"column 'name' \+ 'brand': row 3 \(id '9'\): found no text"),
        (replace(1, name=None, brand=None), r"row 2 \(id '8'\): found no text.*1 item\(s\) have no text"),
        (replace(1, path=""), r"i\.parquet: column 'path': row 2: found an empty path"),
        (replace(1, path="A > "), r"column 'path': row 2: found an empty segment"),
        ([{**row, "path": None} for row in ROWS], r"column 'path': found no category path in any row"),
        ([{**row, "id": 0.5} for row in ROWS], r"column 'id': found values of type double"),
    ],
)
def test_errors_name_file_column_and_row(tmp_path, rows, message):
    file = write(tmp_path / "i.parquet", rows)
    with pytest.raises(InputError, match=message):
        read_catalog(file, text_columns=("name", "brand"), path_column="path")


def test_unknown_and_missing_categories(tmp_path):
    file = write(tmp_path / "i.parquet", replace(2, leaf="x"))
    with pytest.raises(InputError, match=r"column 'leaf': row 3: found 'x'; expected the key of a node"):
        read_catalog(file, text_columns=(), category_column="leaf", taxonomy=TREE)
    write(file, [{**row, "leaf": None} for row in ROWS])
    with pytest.raises(InputError, match="column 'leaf': found no category in any row"):
        read_catalog(file, text_columns=(), category_column="leaf", taxonomy=TREE)


@pytest.mark.parametrize(
    "arguments",
    [
        {"path_column": "path", "category_column": "leaf", "taxonomy": TREE},
        {"category_column": "leaf"},
        {"taxonomy": TREE},
        {"path_column": "path", "taxonomy": TREE},
        {"embedding_column": "e", "embeddings_file": "e.npy"},
    ],
)
def test_arguments_that_exclude_each_other(tmp_path, arguments):
    with pytest.raises(InputError, match="arguments: found"):
        read_catalog(write(tmp_path / "i.csv"), text_columns=(), **arguments)


class TestEmbeddingColumn:
    def read(self, tmp_path, column, **options):
        table = pa.table({"id": [str(i) for i in range(len(column))], "e": column})
        pq.write_table(table, tmp_path / "i.parquet", **options)
        return read_catalog(tmp_path / "i.parquet", text_columns=(), embedding_column="e").embeddings

    @pytest.mark.parametrize(
        "kind",
        [
            pa.list_(pa.float32()),
            pa.large_list(pa.float64()),
            pa.list_(pa.float32(), 2),
            pa.list_(pa.float16()),
            pa.list_(pa.int64()),
        ],
    )
    def test_list_types(self, tmp_path, kind):
        vectors = np.array([[1, 2], [3, 0], [5, -6]], np.float16 if "halffloat" in str(kind) else float)
        found = self.read(tmp_path, pa.array(list(vectors), kind))
        assert found.dtype == (np.float16 if "halffloat" in str(kind) else np.float32)
        np.testing.assert_array_equal(found, vectors)

    def test_several_chunks(self, tmp_path):
        vectors = np.random.default_rng(0).normal(size=(1000, 3)).astype(np.float32)
        found = self.read(tmp_path, pa.array(list(vectors)), row_group_size=64)
        np.testing.assert_array_equal(found, vectors)

    def test_json(self, tmp_path):
        (tmp_path / "i.jsonl").write_text('{"id": 1, "e": [1, 2]}\n{"id": 2, "e": [0.5, 0]}\n')
        found = read_catalog(tmp_path / "i.jsonl", text_columns=(), embedding_column="e")
        assert found.embeddings.tolist() == [[1, 2], [0.5, 0]]

    @pytest.mark.parametrize(
        ("column", "message"),
        [
            ([[1.0, 2], [3.0]], r"column 'e': row 2: found 1 numbers; expected 2 numbers as in row 1"),
            ([[1.0, 2], None], r"column 'e': row 2: found no vector; expected 2 numbers"),
            ([None, [1.0, 2]], r"column 'e': row 1: found no vector"),
            (
                pa.array([[], []], pa.list_(pa.float32())),
                r"row 1: found no vector; expected a list of numbers",
            ),
            ([[1.0, 2], [3.0, None]], r"row 2: found a null among the numbers"),
            ([[1.0, 2], [3.0, float("nan")]], r"row 2: found a NaN or an infinity"),
            ([[1.0, 2], [1e300, 1]], r"row 2: found a NaN or an infinity"),
            ([[1.0, 2], [0.0, 0]], r"row 2: found zeros only"),
            ([["a"], ["b"]], r"column 'e': found values of type list<.*expected lists of numbers"),
            ([1.0, 2.0], r"column 'e': found values of type double"),
        ],
    )
    def test_errors(self, tmp_path, column, message):
        with pytest.raises(InputError, match=message):
            self.read(tmp_path, column)

    def test_fixed_size_lists_with_a_null_row(self, tmp_path):
        with pytest.raises(InputError, match="row 2: found no vector"):
            self.read(tmp_path, pa.array([[1.0, 2], None, [3.0, 4]], pa.list_(pa.float32(), 2)))

    def test_a_null_in_a_later_chunk(self, tmp_path):
        column = [[1.0, 2]] * 100 + [[None, 1.0]]
        with pytest.raises(InputError, match="row 101: found a null"):
            self.read(tmp_path, column, row_group_size=16)


class TestEmbeddingsFile:
    vectors = np.array([[1, 2], [3, 0], [5, -6]], np.float16)

    def test_npy_is_memory_mapped(self, tmp_path):
        np.save(tmp_path / "e.npy", self.vectors)
        catalog = read_catalog(write(tmp_path / "i.csv"), text_columns=(), embeddings_file=tmp_path / "e.npy")
        assert isinstance(catalog.embeddings, np.memmap)
        np.testing.assert_array_equal(catalog.embeddings, self.vectors)

    def test_safetensors(self, tmp_path):
        save_file({"embeddings": self.vectors, "other": self.vectors + 1}, tmp_path / "e.safetensors")
        catalog = read_catalog(
            write(tmp_path / "i.csv"), text_columns=(), embeddings_file=str(tmp_path / "e.safetensors")
        )
        np.testing.assert_array_equal(catalog.embeddings, self.vectors)

    def test_number_of_rows(self, tmp_path):
        np.save(tmp_path / "e.npy", self.vectors[:2])
        with pytest.raises(InputError, match=r"e\.npy: found 2 rows; expected 3, as in .*i\.csv"):
            read_catalog(write(tmp_path / "i.csv"), text_columns=(), embeddings_file=tmp_path / "e.npy")

    def test_bad_rows(self, tmp_path):
        np.save(tmp_path / "e.npy", self.vectors * [[1], [0], [1]])
        with pytest.raises(InputError, match=r"e\.npy: row 2: found zeros only"):
            read_catalog(write(tmp_path / "i.csv"), text_columns=(), embeddings_file=tmp_path / "e.npy")


class TestCatalog:
    catalog = Catalog(
        np.array(["a", "b", "c"], object),
        ["x", "y", "z"],
        np.array([1, -1, 2], np.int32),
        TREE,
        np.eye(3, dtype=np.float32),
    )

    def test_subset(self):
        by_place = self.catalog.subset(np.array([2, 0]))
        assert by_place.ids.tolist() == ["c", "a"]
        assert by_place.texts == ["z", "x"]
        assert by_place.nodes.tolist() == [2, 1]
        assert by_place.embeddings.tolist() == [[0, 0, 1], [1, 0, 0]]
        by_mask = self.catalog.subset(self.catalog.labelled)
        assert by_mask.ids.tolist() == ["a", "c"]
        assert by_mask.taxonomy is TREE
        assert len(self.catalog.subset(np.zeros(3, bool))) == 0
        bare = Catalog(self.catalog.ids, None, np.full(3, -1, np.int32)).subset(np.array([1]))
        assert (bare.ids.tolist(), bare.texts, bare.embeddings) == (["b"], None, None)

    @pytest.mark.parametrize("index", [[True], [3], [-1], [0.5], [[0]], "a"])
    def test_bad_subset(self, index):
        with pytest.raises(InputError, match="index: found"):
            self.catalog.subset(np.array(index))

    @pytest.mark.parametrize(
        "change",
        [{"texts": ["x"]}, {"embeddings": np.eye(2)}, {"nodes": np.zeros(2, int)}, {"nodes": np.full(3, 3)}],
    )
    def test_columns_that_do_not_fit(self, change):
        columns = {"ids": self.catalog.ids, "texts": None, "nodes": self.catalog.nodes, "taxonomy": TREE}
        with pytest.raises(InputError, match=f"catalog: {next(iter(change))}"):
            Catalog(**columns | change)

    def test_nodes_without_a_taxonomy(self):
        with pytest.raises(InputError, match="ids of the 0 nodes"):
            Catalog(self.catalog.ids, None, self.catalog.nodes)


SEVERAL = [
    {"id": "1", "text": "rose tea", "path": ["Food > Tea", "Gifts"], "shelf": ["s", "d"]},
    {"id": "2", "text": "black tea", "path": ["Food > Tea"], "shelf": ["s"]},
    {"id": "3", "text": "riddle", "path": [], "shelf": None},
]
JOINED = [
    {**row, **{name: "; ".join(row[name] or []) or None for name in ("path", "shelf")}} for row in SEVERAL
]


@pytest.mark.parametrize(
    ("name", "rows", "separator"),
    [
        ("items.parquet", SEVERAL, None),
        ("items.jsonl", SEVERAL, None),
        ("items.parquet", JOINED, "; "),
        ("items.csv", JOINED, ";"),
        ("items.jsonl", JOINED, ";"),
    ],
)
def test_an_item_may_have_several_paths(tmp_path, name, rows, separator):
    file = write(tmp_path / name, rows)
    catalog = read_catalog(file, path_column="path", paths_separator=separator)
    assert catalog.taxonomy.keys == ("Food", "Food > Tea", "Gifts")
    assert catalog.places.tolist() == [[1, 2], [1, -1], [-1, -1]]
    assert catalog.nodes.tolist() == [1, 1, -1]
    assert catalog.places.dtype == catalog.nodes.dtype == np.int32


@pytest.mark.parametrize(("rows", "separator"), [(SEVERAL, None), (JOINED, "; ")])
def test_an_item_may_have_several_keys(tmp_path, rows, separator):
    file = write(tmp_path / "items.parquet", rows)
    catalog = read_catalog(file, category_column="shelf", taxonomy=TREE, paths_separator=separator)
    salt, dairy = TREE.find("s"), TREE.find("d")
    assert catalog.places.tolist() == [[salt, dairy], [salt, -1], [-1, -1]]


def test_lists_of_one_path_are_paths(tmp_path):
    rows = [{**row, "path": row["path"][:1], "name": "; ".join(row["path"][:1])} for row in SEVERAL]
    rows[-1] |= {"name": None}
    listed, plain = (
        read_catalog(write(tmp_path / "items.parquet", rows), path_column=name) for name in ("path", "name")
    )
    assert listed.places is None
    assert plain.taxonomy == listed.taxonomy
    np.testing.assert_array_equal(plain.nodes, listed.nodes)


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (["Food", None], r"items.parquet: column 'path': row 2: found an empty path"),
        (["Food", "Gifts > "], r"items.parquet: column 'path': row 2"),
        (["Food", " "], r"items.parquet: column 'path': row 2"),
    ],
)
def test_a_bad_path_among_several_is_named_by_its_row(tmp_path, path, named):
    rows = [SEVERAL[0], {**SEVERAL[1], "path": path}]
    with pytest.raises(InputError, match=named):
        read_catalog(write(tmp_path / "items.parquet", rows), path_column="path")


def test_an_unknown_key_among_several_is_named_by_its_row(tmp_path):
    rows = [SEVERAL[2], {**SEVERAL[1], "shelf": ["s", "x"]}]
    with pytest.raises(InputError, match="column 'shelf': row 2: found 'x'"):
        read_catalog(write(tmp_path / "items.parquet", rows), category_column="shelf", taxonomy=TREE)


def test_a_subset_keeps_all_places():
    tree, nodes = Taxonomy.from_paths(["A", "B", None])
    places = np.array([[0, 1], [1, -1], [-1, -1]], np.int32)
    catalog = Catalog(np.array(["a", "b", "c"], object), None, nodes, tree, None, places)
    assert catalog.subset(np.array([2, 0])).places.tolist() == [[-1, -1], [0, 1]]


@pytest.mark.parametrize(
    ("places", "named"),
    [
        ([[0, 1], [0, -1]], "other nodes in the first column"),
        ([[0, 1]], r"shape \(1, 2\)"),
        ([0, 1], r"shape \(2,\)"),
        ([[0, 2], [1, -1]], "node ids from -1 to 2"),
        ([[0, -1, 1], [1, -1, -1]], "item 1: found a place behind -1"),
    ],
)
def test_places_that_do_not_fit(places, named):
    tree, nodes = Taxonomy.from_paths(["A", "B"])
    with pytest.raises(InputError, match=named):
        Catalog(np.array(["a", "b"], object), None, nodes, tree, None, np.array(places, np.int32))


def test_an_item_stands_at_all_places_of_its_category(tmp_path):
    graph = unfold(["food", "gift", "tea"], [[], [], ["gift", "food"]])
    rows = [{"id": "1", "text": "rose tea", "shelf": "tea"}, {"id": "2", "text": "mug", "shelf": "gift"}]
    file = write(tmp_path / "items.csv", rows)
    catalog = read_catalog(file, category_column="shelf", taxonomy=graph)
    assert catalog.taxonomy == graph.taxonomy
    keys = [[graph.taxonomy.keys[node] for node in row if node >= 0] for row in catalog.places.tolist()]
    assert keys == [["food > tea", "gift > tea"], ["gift"]]
    rows[0]["shelf"] = "cup"
    with pytest.raises(InputError, match="column 'shelf': row 1: found 'cup'; expected a category of the"):
        read_catalog(write(file, rows), category_column="shelf", taxonomy=graph)


class TestSeveralFiles:
    """Parts of one catalogue: the same items as in one file, and errors that name the part and its row."""

    columns = {"text_columns": ("name",), "path_column": "path"}

    @pytest.fixture
    def folder(self, tmp_path):
        folder = tmp_path / "parts"
        for name, rows in (("b/0.parquet", ROWS[2:]), ("a.parquet", ROWS[:2])):
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(rows), file)
            np.save(file.with_suffix(".npy"), np.full((len(rows), 2), len(rows), np.float16))
        (folder / "_metadata").touch()
        return folder

    def files(self, folder):
        return [folder / "a.parquet", folder / "b" / "0.parquet"]

    def test_a_folder_a_glob_and_a_list(self, folder, tmp_path):
        whole = read_catalog(write(tmp_path / "items.parquet"), **self.columns)
        for path in (folder, str(folder / "**" / "*.parquet"), self.files(folder)):
            found = read_catalog(path, **self.columns)
            assert found.ids.equals(whole.ids)
            assert found.texts == whole.texts
            assert found.taxonomy == whole.taxonomy
            assert found.nodes.tolist() == whole.nodes.tolist()

    def test_vectors_in_a_file_for_each_part(self, folder):
        found = read_catalog(folder, **self.columns, embeddings_file=folder)
        assert np.asarray(found.embeddings).tolist() == [[2, 2], [2, 2], [1, 1]]
        np.save(folder / "b" / "0.npy", np.ones((2, 2)))
        np.save(folder / "a.npy", np.ones((1, 2)))
        with pytest.raises(InputError, match=r"a\.npy: found 1 rows; expected 2, as in .*a\.parquet"):
            read_catalog(folder, **self.columns, embeddings_file=folder)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"id": None}, r"0\.parquet: column 'id': row 1: found no id"),
            ({"id": "8"}, r"'8' in .*a\.parquet: row 2, .*0\.parquet: row 1"),
            ({"name": " "}, r"0\.parquet: column 'name': row 1 \(id '9'\): found no text"),
            ({"path": "A >  > B"}, r"0\.parquet: column 'path': row 1: found an empty segment"),
        ],
    )
    def test_the_part_and_its_row_are_named(self, folder, change, message):
        pq.write_table(pa.Table.from_pylist([ROWS[2] | change]), folder / "b" / "0.parquet")
        with pytest.raises(InputError, match=message):
            read_catalog(folder, **self.columns)

    def test_an_unknown_category_of_a_part(self, folder):
        pq.write_table(pa.Table.from_pylist([ROWS[2] | {"leaf": "x"}]), folder / "b" / "0.parquet")
        with pytest.raises(InputError, match=r"0\.parquet: column 'leaf': row 1: found 'x'"):
            read_catalog(folder, text_columns=("name",), category_column="leaf", taxonomy=TREE)

    def test_nothing_there(self, tmp_path):
        for path in (tmp_path, str(tmp_path / "*.parquet"), []):
            with pytest.raises(InputError, match=r"without files|found none"):
                read_catalog(path)

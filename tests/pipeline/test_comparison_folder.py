import pytest
from tests.cli.commands import contents

from leafcode.errors import InputError, RunFolderError
from leafcode.files import locked
from leafcode.pipeline.cells import Cell
from leafcode.pipeline.comparison_folder import ComparisonFolder
from leafcode.serving.storage import write_json

CELL = Cell("tree", 0.5, 0)
RECORD = {"method": "tree", "strength": 0.5, "seed": 0, "metrics": {}, "settings": {}, "seconds": 1.0}


@pytest.fixture
def folder(tmp_path):
    made = ComparisonFolder(tmp_path / "deep" / "comparison")
    made.begin({"levels": (8, 4)}, resume=False, overwrite=False)
    write_json(made.cell(CELL), RECORD)
    return made


def test_a_new_folder(folder):
    assert folder.read_summary()["begun_with"] == {"levels": [8, 4]}
    assert folder.read_cell(CELL) == RECORD


def test_going_on_keeps_the_cells_and_clears_what_was_half_done(folder):
    folder.work.mkdir()
    (folder.work / "embeddings.npy").touch()
    (folder.cells / ".tree.default.seed0.json.abc.tmp").touch()
    (folder.path / ".results.parquet.abc.tmp").touch()
    (folder.path / ".mine.tmp").touch()
    folder.begin({"levels": (8, 4)}, resume=True, overwrite=False)
    assert set(contents(folder.path)) == {".mine.tmp", "comparison.json", f"cells/{CELL.key}.json"}


@pytest.mark.parametrize(
    ("begun_with", "more", "found"),
    [
        ({"levels": (8, 2)}, {"resume": True}, r"levels \[8, 4\], not \[8, 2\]"),
        ({"levels": (8, 4)}, {}, "an earlier comparison"),
        ({"levels": (8, 4)}, {"resume": True, "overwrite": True}, "both resume and overwrite"),
    ],
)
def test_another_comparison_is_refused_and_left_alone(folder, begun_with, more, found):
    before = contents(folder.path)
    with pytest.raises(InputError, match=found):
        folder.begin(begun_with, **{"resume": False, "overwrite": False} | more)
    assert contents(folder.path) == before


def test_starting_over_removes_a_comparison_and_nothing_else(folder):
    (folder.path / "notes.txt").write_text("mine")
    (folder.cells / "notes.txt").write_text("mine")
    folder.trace(CELL).write_text("Traceback")
    folder.begin({"levels": (2,)}, resume=False, overwrite=True)
    assert set(contents(folder.path)) == {"comparison.json", "notes.txt", "cells/notes.txt"}
    assert folder.read_summary()["begun_with"] == {"levels": [2]}


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_other_files_is_refused(tmp_path, overwrite):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(RunFolderError, match="a folder of other files"):
        ComparisonFolder(tmp_path).begin({}, resume=False, overwrite=overwrite)
    (tmp_path / "comparison.json").write_text("{}")
    with pytest.raises(RunFolderError, match="no 'begun_with'"):
        ComparisonFolder(tmp_path).begin({}, resume=not overwrite, overwrite=overwrite)
    assert (tmp_path / "thesis.txt").exists()


def test_a_file_in_its_place(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(RunFolderError, match="no folder that can be used"):
        ComparisonFolder(tmp_path / "out").begin({}, resume=False, overwrite=False)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([], "no result of a cell"),
        ({"metrics": {}}, "no result of a cell"),
        (RECORD | {"seed": 1}, "the result of another cell"),
    ],
)
def test_a_damaged_cell_is_named_with_what_to_do(folder, value, found):
    write_json(folder.cell(CELL), value)
    with pytest.raises(RunFolderError, match=rf"{CELL.key}\.json: found {found}.*Delete it"):
        folder.read_cell(CELL)
    folder.cell(CELL).write_text("{")
    with pytest.raises(RunFolderError, match="damaged"):
        folder.read_cell(CELL)


@pytest.mark.parametrize("how", [{"resume": True, "overwrite": False}, {"resume": False, "overwrite": True}])
def test_a_comparison_that_another_process_works_on(folder, how):
    with (
        locked(folder.summary),
        pytest.raises(InputError, match="another process is working on"),
        folder.opened({"levels": (8, 4)}, **how),
    ):
        pass
    assert folder.read_cell(CELL) == RECORD
    with folder.opened({"levels": (8, 4)}, **how):
        assert folder.cell(CELL).exists() == how["resume"]


def test_a_new_comparison_is_held_too(tmp_path):
    folder, how = ComparisonFolder(tmp_path / "new"), {"resume": True, "overwrite": False}
    with (
        folder.opened({}, **how),
        pytest.raises(InputError, match="another process is working on"),
        folder.opened({}, **how),
    ):
        pass

import pickle

import pytest

from leafcode.errors import FileRows, InputError, LeafcodeError, RunFolderError, TrainingError


def test_messages_say_where_what_and_what_else():
    error = InputError("a.csv: row 3", "nothing", "a text")
    assert str(error) == "a.csv: row 3: found nothing; expected a text"
    assert (error.where, error.found, error.expected, error.hint) == (
        "a.csv: row 3",
        "nothing",
        "a text",
        None,
    )


def test_a_hint_follows():
    error = InputError("levels", "0", "at least 1", "Try 3.")
    assert str(error) == "levels: found 0; expected at least 1. Try 3."


@pytest.mark.parametrize("kind", [InputError, RunFolderError])
def test_wrong_input_is_a_value_error(kind):
    with pytest.raises(ValueError, match="found b"):
        raise kind("a", "b", "c")


@pytest.mark.parametrize("hint", [None, "Try 3."])
@pytest.mark.parametrize("kind", [InputError, RunFolderError])
def test_they_reach_another_process_whole(kind, hint):
    error = kind("levels", "0", "at least 1", hint)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (str(copy), vars(copy)) == (str(error), vars(error))


@pytest.mark.parametrize("kind", [InputError, RunFolderError, TrainingError])
def test_all_share_a_base(kind):
    assert issubclass(kind, LeafcodeError)


def test_the_row_of_a_part_is_counted_within_its_file():
    rows = FileRows(("a", "b", "c"), (2, 1, 3), ("x", "y"))
    places = ["a: 1", "a: 2", "b: 1", "c: 1", "c: 2", "c: 3"]
    named = [place.replace(": ", ": column 'x' + 'y': row ") for place in places]
    assert [rows.row(row) for row in range(6)] == named
    for start in range(6):
        assert [rows.after(start).row(row) for row in range(6 - start)] == named[start:]
        for further in range(6 - start):
            assert rows.after(start).after(further) == rows.after(start + further)

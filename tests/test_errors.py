import pickle

import pytest

from leafcode.errors import InputError, LeafcodeError, RunFolderError, TrainingError


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

import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from leafcode.errors import InputError
from leafcode.review import ACCEPT, CHOOSE, REJECT, DecisionStore, decisions


@pytest.fixture
def store(tmp_path):
    return DecisionStore(tmp_path / "review.sqlite")


def test_the_later_decision_counts_and_undo_brings_back_the_earlier(store):
    first = store.add("7", ACCEPT, "A", "B", "ann")
    second = store.add("7", CHOOSE, "A", "C", "bob")
    assert store.current() == {"7": second}
    assert store.undo(second.number) == second
    assert store.current() == {"7": first}
    assert store.undo(second.number) is None  # once is enough
    assert store.current() == {"7": first}
    assert store.undo() == first
    assert store.undo() is None
    assert store.current() == {}


def test_undoing_an_earlier_decision_leaves_the_later(store):
    first = store.add("7", ACCEPT, "A", "B", "ann")
    second = store.add("7", REJECT, "A", "A", "bob")
    store.undo(first.number)
    assert store.current() == {"7": second}


def test_of_a_reviewer_only_their_own_is_undone(store):
    first = store.add("7", REJECT, "A", "A", "ann")
    second = store.add("8", REJECT, "A", "A", "bob")
    assert store.undo(reviewer="eve") is None
    assert store.undo(second.number, "ann") is None
    assert store.undo(reviewer="ann") == first
    assert store.current() == {"8": second}


def test_opened_again_it_holds_the_same(store):
    made = [store.add(str(item), REJECT, "A", "A", "ann") for item in range(3)]
    again = DecisionStore(store.path)
    assert list(again.current().values()) == made
    assert again.add("x", REJECT, "A", "A", "ann").number == made[-1].number + 1


def test_numbers_are_never_given_twice(store):
    number = store.add("7", REJECT, "A", "A", "ann").number
    store.undo()
    assert store.add("7", REJECT, "A", "A", "ann").number == number + 1


def test_what_was_right_and_what_was_wrong(store):
    assert store.add("7", ACCEPT, "A", "B", "ann").wrong
    assert not store.add("7", REJECT, "A", "A", "ann").wrong


def test_writing_from_many_threads_loses_nothing(store):
    def write(item):
        return DecisionStore(store.path).add(str(item), REJECT, "A", "A", "ann").number

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(write, range(40)))
    assert len(set(numbers)) == 40
    assert set(store.current()) == {str(item) for item in range(40)}


def test_reading_does_not_wait_for_a_writer(store, monkeypatch):
    made = store.add("7", REJECT, "A", "A", "ann")
    monkeypatch.setattr(decisions, "_SECONDS_TO_WAIT", 0.01)
    with store._transaction() as connection:
        connection.execute("UPDATE decisions SET node = 'Z'")
        assert DecisionStore(store.path).current() == {"7": made}
        with pytest.raises(InputError, match="locked"):
            store.undo()


def test_a_process_that_is_killed_keeps_what_it_confirmed(store):
    # The writer says each number once the call has returned, and dies in the middle of the next one.
    script = f"""
import os, signal
from leafcode.review.decisions import DecisionStore
store = DecisionStore({str(store.path)!r})
for item in range(5):
    print(store.add(str(item), "reject", "A", "A", "ann").number, flush=True)
with store._transaction() as connection:
    connection.execute("UPDATE decisions SET node = 'Z'")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL
    confirmed = [int(line) for line in done.stdout.split()]
    assert [each.number for each in store.current().values()] == confirmed == [1, 2, 3, 4, 5]
    assert {each.node for each in store.current().values()} == {"A"}


@pytest.mark.parametrize(
    ("verdict", "node", "named"), [("maybe", "A", "'maybe'"), (REJECT, "B", "expected the given node 'A'")]
)
def test_verdicts_that_make_no_sense(store, verdict, node, named):
    with pytest.raises(InputError, match=named):
        store.add("7", verdict, "A", node, "ann")
    assert store.current() == {}


def test_other_files_are_refused(tmp_path):
    (tmp_path / "text").write_text("no database at all, but a text of some length")
    with pytest.raises(InputError, match="text: found a file that cannot be used"):
        DecisionStore(tmp_path / "text")
    with pytest.raises(InputError, match="unable to open"):
        DecisionStore(tmp_path / "nowhere" / "review.sqlite")
    other = sqlite3.connect(tmp_path / "other")
    other.execute("PRAGMA user_version = 7")
    other.close()
    with pytest.raises(InputError, match="found version 7; expected decisions of version 1"):
        DecisionStore(tmp_path / "other")

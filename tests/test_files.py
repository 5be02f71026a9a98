import errno
import os
import stat

import pytest

from leafcode.errors import InputError
from leafcode.files import locked, remove_halves, replacing, write_text


def test_a_new_and_a_replaced_file(tmp_path):
    target = tmp_path / "a.txt"
    for text in ("first", "sécond\n"):
        write_text(target, text)
        assert target.read_bytes() == text.encode()
        assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path):
    target = tmp_path / "a.txt"
    write_text(target, "old")
    with replacing(target) as beside:
        beside.write_text("ne")
        assert target.read_text() == "old"
        assert beside.parent == tmp_path, "on the same disk, or it could not take the place in one step"
    assert target.read_text() == "ne"


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(("error", "seen"), [(FULL, InputError), (KeyboardInterrupt(), KeyboardInterrupt)])
def test_after_an_error_the_old_file_is_there_and_nothing_else(tmp_path, error, seen):
    target = tmp_path / "a.txt"
    write_text(target, "old")

    def fail():
        with replacing(target) as beside:
            beside.write_text("ne")
            raise error

    with pytest.raises(seen):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_disk_that_is_full_when_the_data_reaches_it(tmp_path, monkeypatch):
    target = tmp_path / "a.txt"
    write_text(target, "old")

    def full(_):
        raise FULL

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"a\.txt: found .*No space left"):
        write_text(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_others_may_read_what_the_umask_lets_them(tmp_path):
    before = os.umask(0o022)
    try:
        write_text(tmp_path / "a.txt", "x")
        assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o644
        assert os.umask(0o022) == 0o022
        with replacing(tmp_path / "b.txt") as beside:
            # Some libraries write a file of their own and move it over the path that they are given.
            private = tmp_path / "private"
            private.touch(mode=0o600)
            private.replace(beside)
        assert stat.S_IMODE((tmp_path / "b.txt").stat().st_mode) == 0o644
    finally:
        os.umask(before)


def test_a_folder_that_is_missing(tmp_path):
    with pytest.raises(InputError, match=r"a\.txt: found .*No such file"):
        write_text(tmp_path / "none" / "a.txt", "x")


def test_a_file_is_no_folder_to_lock_in(tmp_path):
    (tmp_path / "no").write_text("")
    with (
        pytest.raises(InputError, match="found a folder that cannot be written to"),
        locked(tmp_path / "no" / "file"),
    ):
        pass


def test_a_lock_is_let_go_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "file"):
        raise ZeroDivisionError
    with locked(tmp_path / "file"):
        assert not (tmp_path / "file").exists()


def test_who_does_not_wait_is_told(tmp_path):
    with (
        locked(tmp_path / "file"),
        pytest.raises(InputError, match="that another process is working on"),
        locked(tmp_path / "file", wait=False),
    ):
        pass
    with locked(tmp_path / "file", wait=False):
        pass


def test_halves_of_one_file_are_removed(tmp_path):
    for name in (".a[1].txt.x.tmp", ".a[1].txt.y.tmp", ".a1.txt.x.tmp", "a[1].txt"):
        (tmp_path / name).touch()
    remove_halves(tmp_path / "a[1].txt")
    assert {file.name for file in tmp_path.iterdir()} == {".a1.txt.x.tmp", "a[1].txt"}

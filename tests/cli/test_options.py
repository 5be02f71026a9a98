import argparse
from pathlib import Path

import pytest

from leafcode.cli.options import cache_folder, numbers, pick_device
from leafcode.errors import InputError


def test_where_vectors_are_kept(monkeypatch):
    monkeypatch.setenv("LEAFCODE_CACHE", "/somewhere")
    assert cache_folder() == Path("/somewhere")
    monkeypatch.delenv("LEAFCODE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_folder() == Path("/caches/leafcode")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "leafcode"


def test_devices():
    assert pick_device("cpu") == "cpu"
    assert pick_device("auto") in ("cpu", "cuda", "mps")
    for name in ("abacus", "cuda:99", "meta", ""):
        with pytest.raises(InputError, match=f"--device: found '{name}'"):
            pick_device(name)


def test_numbers():
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--whole", type=numbers(int))
    parser.add_argument("--real", type=numbers(float))
    parsed = parser.parse_args(["--whole", "8,4, 2", "--real", "1,.5"])
    assert (parsed.whole, parsed.real) == ((8, 4, 2), (1.0, 0.5))
    for text in ("", "8,", "8;4", "1.5"):
        with pytest.raises(argparse.ArgumentError, match="ints joined by commas"):
            parser.parse_args(["--whole", text])

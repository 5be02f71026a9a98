import argparse
from contextlib import contextmanager

import pytest

from leafcode.cli import engine_options
from leafcode.cli.engine_options import add_engine_options, chosen_engine
from leafcode.cli.options import add_machine_options
from leafcode.errors import InputError
from leafcode.pipeline.parts import LocalEngine


def options(*words):
    parser = argparse.ArgumentParser()
    add_engine_options(add_machine_options(parser))
    return parser.parse_args(words)


def test_the_engine_of_this_process():
    with chosen_engine(options("--device", "cpu", "--quiet")) as engine:
        assert engine == LocalEngine("cpu", progress=False)
    with pytest.raises(InputError, match="--device"), chosen_engine(options("--device", "abacus")):
        pass


def test_a_cluster_chooses_the_device_itself(monkeypatch):
    @contextmanager
    def told(**options):
        yield options

    monkeypatch.setattr(engine_options, "ray_engine", told)
    words = ["--engine", "ray", "--ray-address", "ray://head:10001", "--workers", "8", "--device", "cuda"]
    with chosen_engine(options(*words)) as engine:
        given = {"address": "ray://head:10001", "workers": 8, "device": "cuda", "progress": True}
        assert engine == given
    with chosen_engine(options("--engine", "ray", "--quiet")) as engine:
        assert engine == {"address": None, "workers": None, "device": "auto", "progress": False}

"""Fixtures that the tests of the pipeline and of the command line share."""

import shutil

import hypothesis
import pytest
import torch
from tests.catalogues import COMMAND_OPTIONS, clustered, write

from leafcode.cli import main

# How long an example takes says something of the machine, and nothing of the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory):
    """A small catalogue on disk; not to be changed."""
    return write(tmp_path_factory.mktemp("catalogue"), *clustered())


@pytest.fixture(scope="session")
def fitted(tmp_path_factory, catalogue):
    """A run on it, fitted by the command line; not to be changed."""
    folder = tmp_path_factory.mktemp("fitted") / "run"
    assert main(["fit", *catalogue.arguments, "--out", str(folder), *COMMAND_OPTIONS]) == 0
    return folder


@pytest.fixture
def run_copy(tmp_path, fitted):
    """A copy of that run, to be changed."""
    return shutil.copytree(fitted, tmp_path / "run")


@pytest.fixture
def two_threads():
    """Torch computes with two threads, whatever the machine and the environment say."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)

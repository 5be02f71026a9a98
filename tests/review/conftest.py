"""A small audit for every test that asks for one."""

import pytest
from tests.review.audits import write_audit

from leafcode.review import DecisionStore, ReviewSession, read_audit


@pytest.fixture
def files(tmp_path):
    return write_audit(tmp_path / "audit")


@pytest.fixture
def audit(files):
    return read_audit(files.folder)


@pytest.fixture
def session(audit):
    return ReviewSession(audit, DecisionStore(audit.folder / "review.sqlite"), "ann")

import pytest

from leafcode.audit import AuditConfig
from leafcode.errors import InputError


def test_all_settings_out_of_range_are_named_at_once():
    wrong = {"neighbors": 1, "strangers": 0, "passes": 0, "folds": 1, "sample": 99, "exact": -1, "seed": -1}
    with pytest.raises(InputError) as raised:
        AuditConfig(**wrong)
    assert all(f"{name}={value}" in str(raised.value) for name, value in wrong.items())


def test_the_least_settings_are_allowed():
    AuditConfig(neighbors=2, strangers=1, passes=1, folds=2, sample=100, exact=0, seed=0)

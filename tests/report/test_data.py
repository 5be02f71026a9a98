import numpy as np
import pytest
from tests.report.reports import CATALOGUE, SETTINGS, coded_items, full_report

from leafcode.errors import InputError
from leafcode.report import CatalogueSummary, CodedItems, ReportData, ReportSettings


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"codes": np.zeros(3, int)}, "codes"),
        ({"codes": np.zeros((3, 2))}, "codes"),
        ({"codes": np.array([[0, 0], [0, -1], [0, 0]])}, "code -1"),
        ({"suffixes": np.zeros(2, int)}, "suffixes"),
        ({"suffixes": np.zeros(3)}, "suffixes"),
        ({"texts": ["a"]}, "texts: found 1 entries"),
        ({"paths": ["a"]}, "paths: found 1 entries"),
        ({"ids": ["a"]}, "ids: found 1 entries"),
    ],
)
def test_items_that_do_not_fit_together_are_refused(changes, named):
    good = {
        "codes": np.zeros((3, 2), int),
        "suffixes": np.zeros(3, int),
        "texts": ["a"] * 3,
        "paths": ["p"] * 3,
        "ids": ["1"] * 3,
    }
    CodedItems(**good)
    with pytest.raises(InputError, match=named):
        CodedItems(**{**good, **changes})


def test_items_of_other_levels_than_the_settings_are_refused():
    with pytest.raises(InputError, match="2 levels; expected 3"):
        full_report(settings=ReportSettings(level_sizes=(8, 8, 8)))


def test_more_labelled_items_than_items_are_refused():
    with pytest.raises(InputError, match="labelled"):
        CatalogueSummary(items=3, labelled=4, held_out=0, categories=1, depth=1)


def test_a_level_needs_codes():
    with pytest.raises(InputError, match="level_sizes"):
        ReportSettings(level_sizes=())


def test_a_history_entry_needs_a_step():
    with pytest.raises(InputError, match="history: entry 1"):
        ReportData("t", CATALOGUE, SETTINGS, {}, history=[{"step": 1}, {"phase": "train"}])


def test_an_item_without_text_or_category_is_fine():
    assert coded_items().paths[0] is None

import re
from dataclasses import replace

from tests.report.reports import CATALOGUE, SETTINGS, figures, full_report

from leafcode.report import ReportData
from leafcode.report.panels import agreement_grid, result_panels, training_panels


def test_all_charts_of_a_full_report():
    assert [panel.title for panel in result_panels(full_report())] == [
        "Right category from the code",
        "Content lost",
        "Neighbours by code",
        "Near-duplicates stay together",
        "Use of the codebooks",
    ]


def test_charts_without_a_figure_are_left_out():
    assert result_panels(ReportData("t", CATALOGUE, SETTINGS, {})) == []
    only = result_panels(
        ReportData("t", CATALOGUE, SETTINGS, {"prefix_accuracy": {"1": None}, "reconstruction": 0.2})
    )
    assert [panel.title for panel in only] == ["Content lost"]


def test_depths_carry_their_names():
    data = full_report(catalogue=replace(CATALOGUE, depth_names=("department",)))
    chart = result_panels(data)[0].chart
    assert "Depth 1: department" in chart
    assert ">Depth 2<" in chart


def test_ceilings_are_mentioned_only_where_they_are_drawn():
    assert "upright lines" in result_panels(full_report())[0].lead
    bare = ReportData("t", CATALOGUE, SETTINGS, figures())
    assert "upright lines" not in result_panels(bare)[0].lead


def test_training_curves_go_on_where_a_phase_starts_again():
    content, tree, validation, codes = training_panels(full_report())
    # Steps 100, 200 of the warm-up, then 0, 100 of training: an axis from 0 to 300.
    assert re.findall(r'class="axis"[^>]*>([\d,]+)</text>', tree.chart)[-3:] == ["0", "150", "300"]
    assert "warmup" in tree.chart
    assert codes.chart.count("<polyline") == 2
    assert "from 0.5 to 0.4" in validation.chart
    assert content.chart.count("<polyline") == 1


def test_no_line_crosses_from_one_phase_to_the_next():
    history = [{"phase": p, "step": s, "contrast": 1.0} for p in ("warmup", "train") for s in (1, 2, 3)]
    (tree,) = training_panels(full_report(history=history))
    assert tree.chart.count("<polyline") == 2


def test_one_phase_has_no_bands_and_no_history_no_curves():
    (panel,) = training_panels(
        full_report(history=[{"step": 1, "contrast": 1.0}, {"step": 2, "contrast": None}])
    )
    assert "band" not in panel.chart
    assert training_panels(full_report(history=[])) == []


def test_agreement_by_level_and_depth():
    grid = agreement_grid(full_report())
    assert grid.columns == ["Depth 1", "Depth 2"]
    assert grid.rows == [
        ("Code 1", [("0.40", 0.4), ("0.30", 0.3)]),
        ("Codes 1 to 2", [("0.20", 0.2), ("–", 0.0)]),
    ]
    assert agreement_grid(ReportData("t", CATALOGUE, SETTINGS, {"ami": {}})) is None

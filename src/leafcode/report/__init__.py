"""The HTML report of a run."""

from leafcode.report.data import (
    CatalogueSummary,
    CodedItems,
    Neighbor,
    NeighborExample,
    ReportData,
    ReportSettings,
)
from leafcode.report.report import render_report, write_report

__all__ = [
    "CatalogueSummary",
    "CodedItems",
    "Neighbor",
    "NeighborExample",
    "ReportData",
    "ReportSettings",
    "render_report",
    "write_report",
]

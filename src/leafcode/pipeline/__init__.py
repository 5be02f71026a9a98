"""The main job, composed from the stages: a catalogue and its tree in, Semantic IDs out."""

from leafcode.pipeline.compare import CompareOptions, Comparison, compare
from leafcode.pipeline.fit import FitOptions, fit
from leafcode.pipeline.run import Run
from leafcode.pipeline.source import CatalogSource
from leafcode.pipeline.tune import TuneOptions, tune

__all__ = [
    "CatalogSource",
    "CompareOptions",
    "Comparison",
    "FitOptions",
    "Run",
    "TuneOptions",
    "compare",
    "fit",
    "tune",
]

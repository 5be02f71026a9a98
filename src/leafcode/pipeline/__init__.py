"""The main job, composed from the stages: a catalogue and its tree in, Semantic IDs out."""

from leafcode.pipeline.fit import FitOptions, fit
from leafcode.pipeline.run import Run
from leafcode.pipeline.source import CatalogSource

__all__ = ["CatalogSource", "FitOptions", "Run", "fit"]

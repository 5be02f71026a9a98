"""The main job, composed from the stages: a catalogue and its tree in, Semantic IDs out."""

from leafcode.pipeline.audit import AuditOptions, AuditResult, run_audit
from leafcode.pipeline.compare import CompareOptions, Comparison, compare
from leafcode.pipeline.encode_parts import embed_parts, encode_parts
from leafcode.pipeline.fit import FitOptions, fit
from leafcode.pipeline.run import Run
from leafcode.pipeline.source import CatalogSource
from leafcode.pipeline.structure import StructureCheck, check_taxonomy
from leafcode.pipeline.tune import TuneOptions, tune

__all__ = [
    "AuditOptions",
    "AuditResult",
    "CatalogSource",
    "CompareOptions",
    "Comparison",
    "FitOptions",
    "Run",
    "StructureCheck",
    "TuneOptions",
    "check_taxonomy",
    "compare",
    "embed_parts",
    "encode_parts",
    "fit",
    "run_audit",
    "tune",
]

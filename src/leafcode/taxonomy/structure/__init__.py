"""Checks of a taxonomy's structure, and what they mean for training."""

from leafcode.taxonomy.structure.balance import balance, beneath, effective_number, items_per_node
from leafcode.taxonomy.structure.check import StructureReport, check_structure
from leafcode.taxonomy.structure.figures import ItemSpread, TreeShape
from leafcode.taxonomy.structure.finding import (
    SEVERITIES,
    FindingKind,
    StructureFinding,
    structure_findings_table,
)
from leafcode.taxonomy.structure.meaning_checks import FamilyFit

__all__ = [
    "SEVERITIES",
    "FamilyFit",
    "FindingKind",
    "ItemSpread",
    "StructureFinding",
    "StructureReport",
    "TreeShape",
    "balance",
    "beneath",
    "check_structure",
    "effective_number",
    "items_per_node",
    "structure_findings_table",
]

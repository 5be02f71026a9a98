"""Which items are filed wrongly, where they belong, and which categories cannot be told apart."""

from leafcode.audit.categories import CategoryFinding, CategoryKind, audit_categories, findings_table
from leafcode.audit.code_check import CodeCheck, check_codes
from leafcode.audit.config import AuditConfig
from leafcode.audit.kinds import KINDS, PROBABLE, Kind
from leafcode.audit.labels import LabelAudit, audit_labels
from leafcode.audit.neighbors import Neighbors, nearest_neighbors

__all__ = [
    "KINDS",
    "PROBABLE",
    "AuditConfig",
    "CategoryFinding",
    "CategoryKind",
    "CodeCheck",
    "Kind",
    "LabelAudit",
    "Neighbors",
    "audit_categories",
    "audit_labels",
    "check_codes",
    "findings_table",
    "nearest_neighbors",
]

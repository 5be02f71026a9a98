"""Which items are filed wrongly, where they belong, and which categories cannot be told apart."""

from leafcode.audit.config import AuditConfig
from leafcode.audit.kinds import KINDS, PROBABLE, Kind
from leafcode.audit.labels import LabelAudit, audit_labels
from leafcode.audit.neighbors import Neighbors, nearest_neighbors

__all__ = [
    "KINDS",
    "PROBABLE",
    "AuditConfig",
    "Kind",
    "LabelAudit",
    "Neighbors",
    "audit_labels",
    "nearest_neighbors",
]

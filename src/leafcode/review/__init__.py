"""Deciding on the findings of an audit: the page, the decisions, their ranking, the corrected catalogue."""

from leafcode.review.audit_folder import Audit, Evidence, read_audit
from leafcode.review.branches import BranchRow, branch_rows
from leafcode.review.decisions import ACCEPT, CHOOSE, REJECT, Decision, DecisionStore
from leafcode.review.export import Exported, export_review
from leafcode.review.relabelled_file import Relabelling, copy_relabelled
from leafcode.review.reranking import Reranker
from leafcode.review.session import Filters, ReviewSession

__all__ = [
    "ACCEPT",
    "CHOOSE",
    "REJECT",
    "Audit",
    "BranchRow",
    "Decision",
    "DecisionStore",
    "Evidence",
    "Exported",
    "Filters",
    "Relabelling",
    "Reranker",
    "ReviewSession",
    "branch_rows",
    "copy_relabelled",
    "export_review",
    "read_audit",
]

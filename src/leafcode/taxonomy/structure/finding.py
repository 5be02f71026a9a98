"""What a check of a taxonomy finds, and what it means for training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import pyarrow as pa

from leafcode.taxonomy.tree import Taxonomy

Severity: TypeAlias = Literal["error", "warning", "note"]
"""An error: no tree can be made. A warning: training suffers. A note: good to know, often intended."""

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class FindingKind:
    """What all findings of one check have in common.

    Args:
        name: Short and unique, such as ``"lone child"``.
        consequence: What it does to training.
        advice: What to do about it.
    """

    name: str
    consequence: str
    advice: str


@dataclass(frozen=True)
class StructureFinding:
    """One thing that a check found.

    Args:
        kind: What sort of thing.
        severity: ``"error"``, ``"warning"`` or ``"note"``.
        nodes: Ids (the tree's keys) of the categories that it is about, the main one first.
        message: What was found, naming categories by their paths.
        weight: How much it touches: items, or without items leaves; larger comes first.

    Example:
        >>> kind = FindingKind("lone child", "Its level teaches nothing.", "Leave it out.")
        >>> StructureFinding(kind, "note", ("tea",), "'Tea' is the only child of 'Drinks'").to_json()["kind"]
        'lone child'
    """

    kind: FindingKind
    severity: Severity
    nodes: tuple[str, ...]
    message: str
    weight: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """All that is known about it, as a JSON object."""
        return {
            "kind": self.kind.name,
            "severity": self.severity,
            "nodes": list(self.nodes),
            "message": self.message,
            "weight": float(self.weight),
            "consequence": self.kind.consequence,
            "advice": self.kind.advice,
        }


def by_importance(findings: Sequence[StructureFinding]) -> tuple[StructureFinding, ...]:
    """Errors first, then warnings, then notes.

    Within a severity the kinds stay together, in the order given, and what touches most comes first.
    """
    kinds = {kind: place for place, kind in enumerate(dict.fromkeys(found.kind for found in findings))}
    return tuple(
        sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), kinds[f.kind], -f.weight, f.nodes))
    )


def structure_findings_table(findings: Sequence[StructureFinding]) -> pa.Table:
    """The findings as a table: kind, severity, nodes, message, weight, consequence, advice."""
    text = pa.string()
    schema = pa.schema(
        [
            ("kind", text),
            ("severity", text),
            ("nodes", pa.list_(text)),
            ("message", text),
            ("weight", pa.float64()),
            ("consequence", text),
            ("advice", text),
        ]
    )
    return pa.Table.from_pylist([found.to_json() for found in findings], schema=schema)


def named(tree: Taxonomy, node: int) -> str:
    """The path of a node for a message.

    Example:
        >>> named(Taxonomy.from_paths(["Pantry > Salt"])[0], 1)
        "'Pantry > Salt'"
    """
    return repr(" > ".join(tree.path(node)))


def counted(number: int, singular: str, plural: str) -> str:
    """A number and its noun.

    Example:
        >>> counted(1, "child", "children"), counted(2000, "child", "children")
        ('1 child', '2,000 children')
    """
    return f"{number:,} {singular if number == 1 else plural}"


def some_of(texts: Sequence[str], most: int = 3) -> str:
    """The first few of many.

    Example:
        >>> some_of(["'a'", "'b'", "'c'", "'d'", "'e'"]), some_of(["'a'"])
        ("'a', 'b', 'c' and 2 more", "'a'")
    """
    rest = len(texts) - most
    shown = ", ".join(texts[:most])
    return f"{shown} and {rest:,} more" if rest > 0 else shown

"""What the page about a tree's structure shows: figures, pairs and findings, ready to be written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class DepthRow:
    """A depth of the tree: categories, leaves, and items filed there (None without items)."""

    depth: int
    categories: int
    leaves: int
    items: int | None


@dataclass(frozen=True)
class PairRow:
    """Pairs of one relation in a uniform and in a hierarchical batch (None if there can be none)."""

    relation: str
    uniform: float
    hierarchical: float | None


@dataclass(frozen=True)
class FitRow:
    """How a depth fits the embeddings: average cosines of items and the mean silhouette, NaN if undefined."""

    depth: int
    categories: int
    siblings: float
    strangers: float
    silhouette: float


@dataclass(frozen=True)
class FindingGroup:
    """All findings of one kind and severity, most important first, and what they mean."""

    kind: str
    severity: str
    messages: Sequence[str]
    consequence: str
    advice: str


@dataclass(frozen=True)
class StructureData:
    """All that the page, and the terminal, show.

    Attributes:
        title: What was checked.
        facts: A number and what it counts, such as ("22", "roots").
        depths: One row a depth, top first.
        sizes: How many categories hold how many items: a range of sizes and a count.
        batch_size: Items in the batches of `pairs`.
        pairs: One row a relation, nearest first.
        fit: One row a depth, if there are embeddings.
        points: What training has to expect: a term and a sentence or two each.
        findings: Groups, most important first.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    depths: Sequence[DepthRow] = ()
    sizes: Sequence[tuple[str, int]] = ()
    batch_size: int = 0
    pairs: Sequence[PairRow] = ()
    fit: Sequence[FitRow] = ()
    points: Sequence[tuple[str, str]] = ()
    findings: Sequence[FindingGroup] = field(default_factory=tuple)

    def number_of(self, severity: str) -> int:
        """Findings of a severity.

        Example:
            >>> groups = [FindingGroup("a", "note", ["x", "y"], "", "")]
            >>> StructureData("t", [], findings=groups).number_of("note")
            2
        """
        return sum(len(group.messages) for group in self.findings if group.severity == severity)

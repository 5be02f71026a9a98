"""What the page of an audit shows: figures, findings and categories, ready to be written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class KindRow:
    """Findings of one kind, and how many of these items are expected to be filed wrongly."""

    kind: str
    findings: int
    expected: float


@dataclass(frozen=True)
class DepthRow:
    """Expected number of items whose path is right down to a depth, and wrong from there on."""

    depth: int
    expected: float


@dataclass(frozen=True)
class ProbabilityRow:
    """Findings whose probability is in [low, high), and how many of their items are expected to be wrong."""

    low: float
    high: float
    findings: int
    expected: float


@dataclass(frozen=True)
class MoveRow:
    """Items filed in one category that seem to belong in another.

    Attributes:
        given: Path of the one.
        suggested: Path of the other.
        common: Number of names that both begin with.
        items: Those of which it is more probable than not.
        expected: How many there should be.
    """

    given: Sequence[str]
    suggested: Sequence[str]
    common: int
    items: int
    expected: float


@dataclass(frozen=True)
class CategoryRow:
    """Items of a category, and how many of them are expected to be filed wrongly."""

    path: Sequence[str]
    items: int
    expected: float


@dataclass(frozen=True)
class SimilarItem:
    """An item that is evidence about another: what it is, where it is filed and how similar it is."""

    text: str
    path: Sequence[str]
    similarity: float


@dataclass(frozen=True)
class Finding:
    """An item that may be filed wrongly; `common` is the number of names that both paths begin with."""

    id: str
    text: str | None
    probability: float
    kind: str
    given: Sequence[str]
    suggested: Sequence[str] | None
    common: int
    evidence: Sequence[SimilarItem]


@dataclass(frozen=True)
class Side:
    """One of two categories, or one of two groups of a category.

    Attributes:
        path: Of the category.
        items: How many there are.
        share: Share of them that look like the other category's; of a group, its share of the category.
        examples: Texts of a few.
    """

    path: Sequence[str]
    items: int
    share: float
    examples: Sequence[str]


@dataclass(frozen=True)
class TreeFinding:
    """Two categories that overlap or could be one, or a category of two groups.

    Attributes:
        kind: ``overlap``, ``merge`` or ``split``.
        score: In [0, 1].
        common: Number of names that both paths begin with.
        first: The one category, or group.
        second: The other one.
    """

    kind: str
    score: float
    common: int
    first: Side
    second: Side


@dataclass(frozen=True)
class AuditData:
    """All that the page, and the terminal, show.

    Attributes:
        title: The catalogue.
        items: Its items.
        labelled: Those with a category, which were audited.
        categories: Categories with items.
        depth: Of the tree.
        expected: Expected number of items filed wrongly, the sum of all probabilities.
        probable: Items that are more probably filed wrongly than not.
        half: The most doubtful findings that together hold half of what is expected; 0 if nothing is.
        kinds: All kinds that there are, the surest first.
        depths: From the top, those at which any two categories in use part.
        probabilities: From the highest.
        moves: Pairs of given and suggested category, most expected errors first.
        doubtful: Categories, most expected errors first.
        findings: The most doubtful items.
        tree: Findings about categories, the highest score of each kind first.
        settings: What was set, by name.
    """

    title: str
    items: int
    labelled: int
    categories: int
    depth: int
    expected: float
    probable: int
    half: int
    kinds: Sequence[KindRow] = ()
    depths: Sequence[DepthRow] = ()
    probabilities: Sequence[ProbabilityRow] = ()
    moves: Sequence[MoveRow] = ()
    doubtful: Sequence[CategoryRow] = ()
    findings: Sequence[Finding] = ()
    tree: Sequence[TreeFinding] = ()
    settings: Mapping[str, object] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Expected share of the labelled items that are filed wrongly.

        Example:
            >>> AuditData("Shop", 1000, 800, 9, 2, expected=16.0, probable=10, half=5).share
            0.02
        """
        return self.expected / self.labelled

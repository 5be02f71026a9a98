"""Settings of an audit."""

from __future__ import annotations

from dataclasses import dataclass

from leafcode.errors import check_settings


@dataclass(frozen=True)
class AuditConfig:
    """Settings of an audit; the defaults suit catalogues of thousands to millions of items.

    Attributes:
        neighbors: Nearest items that vote on each item's category.
        strangers: Categories drawn at random for each item, to stand for all that no neighbour has.
        passes: Times that everything is found; from the second on, doubtful items count less.
        folds: Parts of the catalogue; what is learnt for the items of one comes from the others.
        filed_apart: Of equal items in different categories, the share of which only one place is right.
        sample: Items at most that the label model is fitted on. It has about a dozen parameters.
        exact: Items up to which neighbours are searched exactly; more are searched in a graph (HNSW).
        seed: Of folds, strangers and sample.

    Raises:
        InputError: A setting is out of range.
    """

    neighbors: int = 50
    strangers: int = 20
    passes: int = 2
    folds: int = 5
    filed_apart: float = 0.1
    sample: int = 20_000
    exact: int = 100_000
    seed: int = 0

    def __post_init__(self) -> None:
        check_settings(
            "AuditConfig",
            self,
            {
                "neighbors": (self.neighbors >= 2, "2 or more"),
                "strangers": (self.strangers >= 1, "1 or more"),
                "passes": (self.passes >= 1, "1 or more"),
                "folds": (self.folds >= 2, "2 or more"),
                "filed_apart": (0 <= self.filed_apart <= 1, "a share in [0, 1]"),
                "sample": (self.sample >= 100, "100 or more"),
                "exact": (self.exact >= 0, "0 or more"),
                "seed": (self.seed >= 0, "0 or more"),
            },
        )

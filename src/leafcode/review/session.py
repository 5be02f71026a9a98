"""A review in progress: ranked findings, what is shown of one, and decisions; all that the page asks for."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit

from leafcode.audit import KINDS, Kind
from leafcode.errors import InputError
from leafcode.review.audit_folder import Audit
from leafcode.review.branches import branch_rows
from leafcode.review.decisions import ACCEPT, CHOOSE, REJECT, Decision, DecisionStore
from leafcode.review.reranking import Reranker

STATES = ("open", "decided", "all")
RANK_EVERY = 10
_SEARCH_RESULTS = 30


@dataclass(frozen=True)
class Filters:
    """Which findings are listed.

    Args:
        kind: One of `leafcode.audit.KINDS`; None for all.
        under: Node whose items are listed, with those beneath it; None for all.
        at_least: Lowest probability, as the audit gives it.
        at_most: Highest.
        state: ``open``, ``decided`` or ``all``.

    Raises:
        InputError: An unknown kind or state, or a probability outside [0, 1].

    Example:
        >>> Filters(kind="wrong branch", at_least=0.5).state
        'open'
    """

    kind: str | None = None
    under: int | None = None
    at_least: float = 0.0
    at_most: float = 1.0
    state: str = "open"

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in KINDS:
            raise InputError("kind", repr(self.kind), f"one of {', '.join(KINDS)}")
        if self.state not in STATES:
            raise InputError("state", repr(self.state), f"one of {', '.join(STATES)}")
        if not 0 <= self.at_least <= self.at_most <= 1:
            found = f"from {self.at_least:g} to {self.at_most:g}"
            raise InputError("probability", found, "0 <= at_least <= at_most <= 1")


class ReviewSession:
    """Findings, their ranking by all decisions so far, and the store; safe for several threads.

    Args:
        audit: The findings.
        store: The decisions.
        reviewer: Whose name new decisions bear.

    Raises:
        InputError: The store has a decision about an item that the audit lacks or has elsewhere.
    """

    def __init__(self, audit: Audit, store: DecisionStore, reviewer: str) -> None:
        self.audit, self.store, self.reviewer = audit, store, reviewer
        self._reranker = Reranker(audit)
        self._ranked: tuple[tuple[tuple[int, bool], ...], npt.NDArray[np.float64]] | None = None
        self._lock = threading.Lock()
        paths = audit.taxonomy.paths()
        self._search_paths = pc.utf8_lower(pa.array(paths, pa.large_string()))
        self._search_names = pc.utf8_lower(pa.array(audit.taxonomy.names, pa.large_string()))
        self.decisions()  # refuses those on another audit

    def decisions(self) -> dict[str, Decision]:
        """What counts now, by id; see `decisions_on`."""
        return decisions_on(self.audit, self.store)

    def scores(self, decisions: Mapping[str, Decision]) -> npt.NDArray[np.float64]:
        """Log-odds (n,) of every finding, after the decisions; see `Reranker`.

        They change with every `RANK_EVERY` decisions, so that the order stays still while one works.
        """
        counted = len(decisions) - len(decisions) % RANK_EVERY
        labels = tuple((self.audit.row_of[each.id], each.wrong) for each in decisions.values())[:counted]
        with self._lock:
            if self._ranked is None or self._ranked[0] != labels:
                rows, wrong = [row for row, _ in labels], [label for _, label in labels]
                self._ranked = labels, self._reranker.scores(rows, wrong)
            return self._ranked[1]

    def listing(self, filters: Filters, start: int = 0, count: int = 100) -> dict[str, Any]:
        """Findings in the order of review, most doubtful first, a part at a time.

        Args:
            filters: Which.
            start: How many to leave out.
            count: How many to give.

        Returns:
            JSON: ``rows`` (see `card`, without tree and evidence), how many there are in ``total``, and
            ``progress``.
        """
        audit, decisions = self.audit, self.decisions()
        scores = self.scores(decisions)
        decided = np.zeros(len(audit), bool)
        decided[[audit.row_of[identity] for identity in decisions]] = True
        kept = (audit.probability >= filters.at_least) & (audit.probability <= filters.at_most)
        if filters.kind is not None:
            kept &= audit.kinds == KINDS.index(Kind(filters.kind))
        if filters.under is not None:
            kept &= (audit.given >= filters.under) & (audit.given < audit.taxonomy.end[filters.under])
        if filters.state != "all":
            kept &= decided == (filters.state == "decided")
        order = np.argsort(-scores, kind="stable")  # ties in the order of the audit
        order = order[kept[order]]
        shown = order[start : start + count].tolist()
        return {
            "rows": [self._summary(row, decisions, scores) for row in shown],
            "total": len(order),
            "progress": progress(decisions),
        }

    def card(self, row: int) -> dict[str, Any]:
        """All about one finding: its summary, the two places in the tree, and the evidence.

        Raises:
            InputError: There is no such finding.
        """
        audit, tree = self.audit, self.audit.taxonomy
        self._check_row(row)
        decisions = self.decisions()
        suggested = int(audit.suggested[row])
        drawn = branch_rows(tree, int(audit.given[row]), suggested)
        return self._summary(row, decisions, self.scores(decisions)) | {
            "item": int(audit.items[row]),
            "tree": [
                {
                    "depth": line.depth,
                    "role": line.role,
                    "hidden": line.hidden,
                    "name": tree.names[line.node] if line.node >= 0 else None,
                    "items": int(audit.filed[line.node]) if line.node >= 0 else None,
                }
                for line in drawn
            ],
            "evidence": self._evidence(row),
        }

    def decide(self, row: int, verdict: str, node: str | None = None) -> Decision:
        """Store a decision on a finding.

        Args:
            row: Which finding.
            verdict: `ACCEPT`, `REJECT` or `CHOOSE`; choosing the category that the item has is a rejection.
            node: Key of the node chosen.

        Raises:
            InputError: There is no such finding or node, or nothing to accept.
        """
        self._check_row(row)
        keys, given, suggested = self.audit.taxonomy.keys, self.audit.given[row], self.audit.suggested[row]
        place = keys[given]
        if verdict == ACCEPT:
            if suggested < 0:
                raise InputError("verdict", ACCEPT, f"{REJECT} or {CHOOSE}: the audit suggests no place")
            place = keys[suggested]
        elif verdict == CHOOSE:
            place = keys[self.node(node)]
            if place == keys[given]:
                verdict = REJECT
        return self.store.add(self.audit.ids[row], verdict, keys[given], place, self.reviewer)

    def undo(self, number: int | None = None) -> Decision | None:
        """Take back a decision of this reviewer's.

        Args:
            number: Which; the latest that counts if left out.

        Returns:
            What was taken back; None if there is no such decision.
        """
        if number is None:
            own = [each.number for each in self.decisions().values() if each.reviewer == self.reviewer]
            if not own:
                return None
            number = own[-1]
        return self.store.undo(number, self.reviewer)

    def node(self, key: str | None) -> int:
        """The node of a key.

        Raises:
            InputError: No node has it.
        """
        if not isinstance(key, str) or key not in self.audit.node_of:
            raise InputError("node", repr(key), "the key of a category")
        return self.audit.node_of[key]

    def categories(self, text: str, row: int | None = None) -> list[dict[str, Any]]:
        """Categories whose path has all words, those first whose name begins with the text or has it.

        Args:
            text: What was typed.
            row: The finding for which a category is looked for; without a text its suggestion, the places of
                its evidence and its siblings are given.

        Returns:
            JSON: ``key``, ``path`` and ``items`` of at most 30 categories.

        Raises:
            InputError: There is no such finding.
        """
        tree = self.audit.taxonomy
        words = text.lower().split()
        if words:
            found = np.ones(len(tree), bool)
            for word in words:
                found &= np.asarray(pc.match_substring(self._search_paths, pattern=word))
            whole = " ".join(words)
            begins = np.asarray(pc.starts_with(self._search_names, pattern=whole))
            has = np.asarray(pc.match_substring(self._search_names, pattern=whole))
            last = np.asarray(pc.match_substring(self._search_names, pattern=words[-1]))
            at = np.flatnonzero(found)
            order = np.lexsort((at, tree.depths[at], ~last[at], ~has[at], ~begins[at]))
            nodes = at[order]
        elif row is not None:
            self._check_row(row)
            given, suggested = int(self.audit.given[row]), int(self.audit.suggested[row])
            near = self.audit.evidence.nodes[slice(*self.audit.evidence.offsets[row : row + 2])]
            family = tree.children(int(tree.parents[given]))
            nodes = np.array(list(dict.fromkeys([suggested, *near.tolist(), *family.tolist()])), np.int64)
            nodes = nodes[(nodes >= 0) & (nodes != given)]
        else:
            nodes = np.arange(len(tree))[tree.depths == 1]
        return [
            {"key": tree.keys[node], "path": tree.path(node), "items": int(self.audit.filed[node])}
            for node in nodes[:_SEARCH_RESULTS].tolist()
        ]

    def _summary(
        self, row: int, decisions: Mapping[str, Decision], scores: npt.NDArray[np.float64]
    ) -> dict[str, Any]:
        audit, tree = self.audit, self.audit.taxonomy
        suggested, decision = int(audit.suggested[row]), decisions.get(audit.ids[row])
        return {
            "row": row,
            "id": audit.ids[row],
            "text": audit.texts[row],
            "probability": float(audit.probability[row]),
            "after_decisions": float(expit(scores[row])),
            "kind": str(KINDS[audit.kinds[row]]),
            "given": tree.path(int(audit.given[row])),
            "suggested": tree.path(suggested) if suggested >= 0 else None,
            "decision": decision
            and decision._asdict()
            | {"path": tree.path(audit.node_of[decision.node]), "wrong": decision.wrong},
        }

    def _evidence(self, row: int) -> list[dict[str, Any]]:
        audit, evidence = self.audit, self.audit.evidence
        start, stop = evidence.offsets[row : row + 2].tolist()
        given, suggested = int(audit.given[row]), int(audit.suggested[row])
        shown = []
        for place in range(start, stop):
            identity, node = evidence.ids[place].as_py(), int(evidence.nodes[place])
            known = audit.row_of.get(identity)
            similarity = float(evidence.similarity[place])
            shown.append(
                {
                    "id": identity,
                    "text": None if known is None else audit.texts[known],
                    "similarity": None if np.isnan(similarity) else similarity,
                    "path": audit.taxonomy.path(node),
                    "at": "given" if node == given else "suggested" if node == suggested else "elsewhere",
                }
            )
        return shown

    def _check_row(self, row: int) -> None:
        if not 0 <= row < len(self.audit):
            raise InputError("finding", str(row), f"a number in [0, {len(self.audit)})")


def progress(decisions: Mapping[str, Decision]) -> dict[str, Any]:
    """How many are decided, how many of them were filed wrongly, and that as a share: the precision so far.

    Example:
        >>> progress({})
        {'decided': 0, 'wrong': 0, 'accepted': 0, 'precision': None}
    """
    wrong = sum(each.wrong for each in decisions.values())
    return {
        "decided": len(decisions),
        "wrong": wrong,
        "accepted": sum(each.verdict == ACCEPT for each in decisions.values()),
        "precision": wrong / len(decisions) if decisions else None,
    }


def decisions_on(audit: Audit, store: DecisionStore) -> dict[str, Decision]:
    """What counts on this audit: the decisions by id, without those that have been carried out.

    An item that lies where it was decided to move has been corrected since: its finding is open again, and
    about the new place.

    Raises:
        InputError: An item that the audit lacks or has elsewhere, or a category that its tree lacks.
    """
    counting = {}
    for identity, each in store.current().items():
        row = audit.row_of.get(identity)
        place = None if row is None else audit.taxonomy.keys[audit.given[row]]
        if place == each.given and each.node in audit.node_of:
            counting[identity] = each
        elif place != each.node:
            raise InputError(
                f"{store.path}: decision {each.number}",
                f"the item {each.id!r} moved from {each.given!r} to {each.node!r}",
                "items and categories of this audit"
                + ("" if place is None else f", which has it in {place!r}"),
                "Put the file elsewhere to begin a new review.",
            )
    return counting

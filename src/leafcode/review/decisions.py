"""Decisions of reviewers, in a SQLite file."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from leafcode.errors import InputError

ACCEPT, REJECT, CHOOSE = "accept", "reject", "choose"
"""File it where the audit suggests; leave it where it is; file it at another place."""

DECISIONS = "review.sqlite"
"""Where they are kept, in the folder of the audit."""
FORMAT_VERSION = 1
_SECONDS_TO_WAIT = 30.0
_SCHEMA = """
CREATE TABLE decisions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    verdict TEXT NOT NULL CHECK (verdict IN ('accept', 'reject', 'choose')),
    given TEXT NOT NULL,
    node TEXT NOT NULL,
    reviewer TEXT NOT NULL,
    decided_at TEXT NOT NULL,
    undone_at TEXT
)
"""
_FIELDS = "number, id, verdict, given, node, reviewer, decided_at"


class Decision(NamedTuple):
    """What a reviewer said about an item.

    Attributes:
        number: Counts up with every decision.
        id: The item's.
        verdict: `ACCEPT`, `REJECT` or `CHOOSE`.
        given: Key of the node that the item was filed at.
        node: Key of the node where it belongs; the same as ``given`` after `REJECT`.
        reviewer: Who decided.
        decided_at: When, in UTC (ISO 8601).
    """

    number: int
    id: str
    verdict: str
    given: str
    node: str
    reviewer: str
    decided_at: str

    @property
    def wrong(self) -> bool:
        """Whether the item was filed wrongly."""
        return self.node != self.given


class DecisionStore:
    """The decisions on an audit. Rows are added or marked as undone, never changed or deleted.

    Each call is a transaction of its own, on disk before the call returns (SQLite's rollback journal with
    ``synchronous = FULL``): a process that is killed loses nothing that it has confirmed, and several
    processes or threads may write at once. If an item is decided twice, both rows stay and the later counts.

    Args:
        path: The file; made if it is not there.

    Raises:
        InputError: Another kind of file, one of another version, or one that cannot be opened.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = DecisionStore(Path(folder, "review.sqlite"))
        ...     first = store.add("7", REJECT, "Pantry", "Pantry", "ann")
        ...     last = store.add("7", CHOOSE, "Pantry", "Bath", "bob")
        ...     now = store.current()["7"].node
        ...     store.undo(last.number).node, now, store.current()["7"].node
        ('Bath', 'Bath', 'Pantry')
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with self._transaction(write=False) as connection:
            version = _version(connection)
        if version is None:
            with self._transaction() as connection:
                version = _version(connection)  # another process may have made it meanwhile
                if version is None:
                    connection.execute(_SCHEMA)
                    connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
                    version = FORMAT_VERSION
        if version != FORMAT_VERSION:
            raise InputError(str(path), f"version {version}", f"decisions of version {FORMAT_VERSION}")

    def add(self, identity: str, verdict: str, given: str, node: str, reviewer: str) -> Decision:
        """Store a decision.

        Args:
            identity: The item's id.
            verdict: `ACCEPT`, `REJECT` or `CHOOSE`.
            given: Key of the node that the item is filed at.
            node: Key of the node where it belongs.
            reviewer: Who decides.

        Raises:
            InputError: A verdict of another name, or a rejected finding with another node.
        """
        if verdict not in (ACCEPT, REJECT, CHOOSE):
            raise InputError("verdict", repr(verdict), f"{ACCEPT}, {REJECT} or {CHOOSE}")
        if verdict == REJECT and node != given:
            raise InputError("verdict", f"{REJECT} with the node {node!r}", f"the given node {given!r}")
        values = (identity, verdict, given, node, reviewer, _now())
        with self._transaction() as connection:
            added = connection.execute(
                "INSERT INTO decisions (id, verdict, given, node, reviewer, decided_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                values,
            )
            number = int(added.lastrowid or 0)
        return Decision(number, *values)

    def undo(self, number: int | None = None, reviewer: str | None = None) -> Decision | None:
        """Take back a decision; an earlier one on the same item counts again.

        Args:
            number: Which; the latest that still stands if left out.
            reviewer: Whose; anyone's if left out.

        Returns:
            What was taken back; None if nothing of the kind stands.
        """
        given = {"number": number, "reviewer": reviewer}
        asked = {name: value for name, value in given.items() if value is not None}
        where = " AND ".join(["undone_at IS NULL", *(f"{name} = ?" for name in asked)])
        with self._transaction() as connection:
            row = connection.execute(
                f"SELECT {_FIELDS} FROM decisions WHERE {where} ORDER BY number DESC LIMIT 1",
                tuple(asked.values()),
            ).fetchone()
            if row is None:
                return None
            connection.execute("UPDATE decisions SET undone_at = ? WHERE number = ?", (_now(), row[0]))
        return Decision(*row)

    def current(self) -> dict[str, Decision]:
        """The decision that counts for each item, by id, in the order in which they were made."""
        with self._transaction(write=False) as connection:
            rows = connection.execute(
                f"SELECT {_FIELDS} FROM decisions WHERE undone_at IS NULL ORDER BY number"
            ).fetchall()
        last = {row[1]: Decision(*row) for row in rows}
        return dict(sorted(last.items(), key=lambda pair: pair[1].number))

    @contextlib.contextmanager
    def _transaction(self, *, write: bool = True) -> Iterator[sqlite3.Connection]:
        """A connection; what is done counts once the block ends without error. To write it takes the lock."""
        try:
            with contextlib.closing(
                sqlite3.connect(self.path, timeout=_SECONDS_TO_WAIT, isolation_level=None)
            ) as connection:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise InputError(
                str(self.path), f"a file that cannot be used ({error})", "decisions of a review (SQLite)"
            ) from error


def _version(connection: sqlite3.Connection) -> int | None:
    """The version of the file; None of a new one."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return version if version or tables else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")

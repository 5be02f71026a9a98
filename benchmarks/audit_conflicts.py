"""How many items that are known to conflict stand among the first findings of an audit.

Usage:
    leafcode audit DATA/bigbasket/items.parquet --text text --path path --out audit/
    python benchmarks/audit_conflicts.py audit/ DATA/bigbasket/conflicting_labels.parquet [--first 1000]

The table of conflicts has a column item_id. Printed are the share of them among all findings and among the
first ones, and the ratio of both: how many times as many as among findings drawn at random.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from leafcode.errors import LeafcodeError
from leafcode.review import read_audit


def shares(folder: Path, conflicts: Path, first: int) -> tuple[float, float]:
    """Share of conflicting items among all findings, and among the first.

    Raises:
        InputError: The folder is no whole audit.
    """
    known = pq.read_table(conflicts, columns=["item_id"])["item_id"].to_pylist()
    conflicting = np.isin(read_audit(folder).ids, known)
    return float(conflicting.mean()), float(conflicting[:first].mean())


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("audit", type=Path, help="folder of an audit")
    parser.add_argument("conflicts", type=Path, help="Parquet file with a column item_id")
    parser.add_argument("--first", type=int, default=1000, help="findings to look at (default: 1000)")
    options = parser.parse_args()
    try:
        everywhere, among_first = shares(options.audit, options.conflicts, options.first)
    except LeafcodeError as error:
        parser.error(str(error))
    print(
        f"{everywhere:.1%} of all findings, {among_first:.1%} of the first {options.first:,}: "
        f"{among_first / everywhere:.1f} times as many"
    )


if __name__ == "__main__":
    main()

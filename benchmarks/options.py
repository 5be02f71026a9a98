"""The command line that the benchmarks share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
WORK = Path(__file__).parents[1] / "build" / "benchmarks"


def benchmark_parser(
    doc: str | None, *, catalogues: Sequence[str], seeds: int, work: Path
) -> argparse.ArgumentParser:
    """A parser of what every benchmark asks for: data, catalogues, seeds, and where things are kept.

    Args:
        doc: Docstring of the script, whose first line describes it.
        catalogues: Those that are run if none are named.
        seeds: Number of seeds.
        work: Folder by which a stopped benchmark goes on.
    """
    parser = argparse.ArgumentParser(
        description=(doc or "").split("\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder with a folder per catalogue")
    parser.add_argument("--catalogues", nargs="+", default=catalogues, metavar="NAME")
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--work", type=Path, default=work, help="what the same command goes on with")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the figures")
    return parser

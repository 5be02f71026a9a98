"""Times of several ways to the same end, taken in turn, and the file that they are kept in."""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figures import machine
from leafcode.files import write_text
from options import RESULTS

LIMIT = "the matrix products alone"
PLAIN = "the same products in PyTorch"
OURS = "leafcode"

_RAISED = {"MALLOC_MMAP_THRESHOLD_": str(2**31 - 1), "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}
"""With these glibc keeps memory that was freed; by default much goes back to the system, and comes anew."""


@dataclass(frozen=True)
class Timing:
    """One way of doing something.

    Attributes:
        case: What is done, with its size.
        way: By whom; `LIMIT` for what no way can undercut.
        seconds: Median.
        items: What is done so many times in these seconds; None where that makes no sense.
        note: Anything else worth a column, such as memory.
        raised: Median with an allocator that keeps what was freed; None if not measured.
    """

    case: str
    way: str
    seconds: float
    items: int | None = None
    note: str = ""
    raised: float | None = None


def in_turn(
    case: str,
    ways: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    items: int | None = None,
    notes: Mapping[str, str] | None = None,
) -> list[Timing]:
    """Time all ways, A B C A B C …, so that drifts of the machine are fair to all; one round goes before."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for taken in range(rounds + 1):
        for name, way in ways.items():
            begun = time.perf_counter()
            way()
            if taken:
                seconds[name].append(time.perf_counter() - begun)
    found = [
        Timing(case, name, statistics.median(values), items, (notes or {}).get(name, ""))
        for name, values in seconds.items()
    ]
    show(found)
    return found


def keeps_freed_memory() -> bool:
    """Whether the allocator of this process was told to."""
    return _RAISED.keys() <= os.environ.keys()


def with_raised_thresholds(path: str, timings: Iterable[Timing], *, rounds: int) -> list[Timing]:
    """The timings, and beside them those of this script in a process whose allocator keeps what was freed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, *sys.argv, "--rounds", str(rounds), "--out", folder]
        subprocess.run(command, check=True, env=os.environ | _RAISED)
        found = json.loads((Path(folder) / "speed.json").read_text(encoding="utf-8"))[path]["timings"]
    raised = {(one["case"], one["way"]): one["seconds"] for one in found}
    return [dataclasses.replace(one, raised=raised.get((one.case, one.way))) for one in timings]


def show(timings: Iterable[Timing]) -> None:
    """Print timings."""
    for one in timings:
        rate = "" if one.items is None else f"  {one.items / one.seconds:12,.0f} a second"
        print(f"{one.case:50} {one.way:36} {one.seconds * 1000:10.2f} ms{rate}  {one.note}", flush=True)


def keep(path: str, timings: Iterable[Timing], results: Path = RESULTS) -> None:
    """Put the timings of a path (loss, sampler, …) in the result file, in place of earlier ones."""
    file = results / "speed.json"
    known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    known[path] = {"machine": machine(), "timings": [vars(one) for one in timings]}
    write_text(file, json.dumps(known, indent=1, sort_keys=True, ensure_ascii=False) + "\n")

"""How much memory and time `leafcode fit` and `leafcode encode` take as a catalogue grows.

Usage:
    python benchmarks/big_catalogue.py EMBEDDINGS.npy WORK [--items 100000 1000000 10000000] [--leaves 100000]

Rows of the embeddings are repeated with noise until there are enough, and lie in WORK as a float16 .npy file
beside a Parquet file of ids and paths; the leaves of a tree of depth 5 take turns. Every run is a process of
its own, whose resident memory is read from /proc as long as it lives: all of it, the part that is pages of
files (which the system takes back when it needs them), and the rest. Stages are told apart by the progress
bars; the time of a step leaves out the first tenth of a phase, in which an epoch is shuffled and files are
first read. A row of JSON for each run goes to standard output.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

DEPTH = 5
NOISE = 0.5
"""Length of the noise, in lengths of an embedding."""
CHUNK = 1 << 16
GIB = 2**30

_BAR = re.compile(r"(\w[\w ]*): +\d+%\|[^|]*\| *(\d+)/(\d+) ")


def make_catalogue(embeddings: Path, work: Path, items: int, leaves: int) -> tuple[Path, Path]:
    """Write items.parquet and items.npy, unless they are there; their paths."""
    table, vectors = work / f"{items}.parquet", work / f"{items}.npy"
    if not vectors.exists():
        source, rng = np.load(embeddings, mmap_mode="r"), np.random.default_rng(0)
        shape = (items, source.shape[1])
        tiled = np.lib.format.open_memmap(vectors, "w+", np.float16, shape)
        noise = rng.standard_normal((CHUNK, shape[1]), np.float32) * (NOISE / math.sqrt(shape[1]))
        for first in range(0, items, CHUNK):
            rows = np.arange(first, min(first + CHUNK, items))
            part = np.asarray(source[rows % leaves % len(source)], np.float32)
            part += np.linalg.norm(part, axis=1, keepdims=True) * rng.permutation(noise)[: len(rows)]
            tiled[first : first + CHUNK] = part
        tiled.flush()
    if not table.exists():
        write_items(table, items, leaves)
    return table, vectors


def write_items(file: Path, items: int, leaves: int) -> None:
    """Write ids and paths of items; the leaves take turns."""
    tree = pa.array([path_of(leaf, leaves) for leaf in range(leaves)])
    with pq.ParquetWriter(file, pa.schema([("id", pa.string()), ("path", pa.string())])) as writer:
        for first in range(0, items, CHUNK):
            rows = np.arange(first, min(first + CHUNK, items))
            ids = pc.binary_join_element_wise("item-", pc.cast(pa.array(rows), pa.string()), "")
            paths = tree.take(pa.array(rows % leaves))
            writer.write_table(pa.table([ids, paths], names=["id", "path"]))


def path_of(leaf: int, leaves: int) -> str:
    """Path of a leaf in a tree of `DEPTH` levels that all branch alike.

    Example:
        >>> path_of(7, 32)
        'category 0 > category 00 > category 001 > category 0011 > category 00111'
    """
    branch, digits = math.ceil(leaves ** (1 / DEPTH) - 1e-9), []
    for _ in range(DEPTH):
        leaf, digit = divmod(leaf, branch)
        digits.append(np.base_repr(digit, 36))
    digits.reverse()
    return " > ".join("category " + "".join(digits[: depth + 1]) for depth in range(DEPTH))


def watch(command: list[str]) -> dict[str, float]:
    """Run a command; seconds of its stages and steps, and its largest resident memory in GiB."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "leafcode", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    peaks = {"RSS": 0.0, "files": 0.0, "anonymous": 0.0}
    marks: list[tuple[float, str]] = [(0.0, "start")]
    errors: list[str] = []
    steps: dict[str, dict[int, float]] = {}

    def listen() -> None:
        text = ""
        stream: Any = process.stderr  # buffered, whatever its type says
        while read := stream.read1(65_536):
            *lines, text = re.split(r"[\r\n]", text + read.decode(errors="replace"))
            errors.extend(lines)
            for line in lines:
                bar, now = _BAR.match(line), time.perf_counter() - begun
                if bar and marks[-1][1] != bar[1]:
                    marks.append((now, bar[1]))
                if bar and "step" in line and 10 * int(bar[2]) >= int(bar[3]):
                    steps.setdefault(bar[1], {}).setdefault(int(bar[2]), now)

    listener = threading.Thread(target=listen)
    listener.start()
    while process.poll() is None:
        memory = resident(process.pid)
        peaks = {name: max(peak, memory.get(name, 0.0)) for name, peak in peaks.items()}
        time.sleep(0.1)
    listener.join()
    if process.returncode:
        raise SystemExit("\n".join(errors))
    row = {f"peak {name} GiB": round(peak, 4) for name, peak in peaks.items()}
    ends = [mark for mark, _ in marks[1:]] + [time.perf_counter() - begun]
    row |= {f"{name} s": round(end - mark, 1) for (mark, name), end in zip(marks, ends, strict=True)}
    row["s"] = round(ends[-1], 1)
    for name, reached in steps.items():
        (first, since), (last, until) = min(reached.items()), max(reached.items())
        if last > first:
            row[f"{name} s/step"] = round((until - since) / (last - first), 5)
    return row


def resident(pid: int) -> dict[str, float]:
    """Resident memory of a process in GiB: all, of files, and anonymous."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has just ended
        return {}
    names = {"VmRSS": "RSS", "RssFile": "files", "RssAnon": "anonymous"}
    found = re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)
    return {names[name]: int(kib) * 1024 / GIB for name, kib in found if name in names}


def main() -> None:
    """Fit and encode every size."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n", 1)[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("embeddings", type=Path, help=".npy of real embeddings")
    parser.add_argument("work", type=Path, help="folder with room for twice the largest catalogue")
    parser.add_argument("--items", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--leaves", type=int, default=100_000)
    parser.add_argument("--levels", default="1024,256,64")
    parser.add_argument("--steps", type=int, default=1000, help="of each phase of training")
    parser.add_argument("--only-fit", action="store_true")
    options = parser.parse_args()
    for items in options.items:
        table, vectors = make_catalogue(options.embeddings, options.work, items, options.leaves)
        run, out = options.work / f"run-{items}", options.work / f"ids-{items}.parquet"
        steps = [f"--{name}-steps={options.steps}" for name in ("tree", "content")]
        columns = ["--text", "--embeddings", str(vectors)]
        fit = ["fit", str(table), *columns, "--path", "path", "--out", str(run), "--overwrite"]
        fit += [*steps, f"--steps={options.steps}", "--levels", options.levels]
        fit += ["--no-baselines", "--no-ceilings", "--device", "cpu"]
        print(json.dumps({"command": "fit", "items": items, **watch(fit)}), flush=True)
        if not options.only_fit:
            encode = ["encode", str(run), str(table), *columns, "--out", str(out), "--device", "cpu"]
            print(json.dumps({"command": "encode", "items": items, **watch(encode)}), flush=True)
            out.unlink()
        shutil.rmtree(run)
        table.unlink()
        vectors.unlink()


if __name__ == "__main__":
    main()
